//! What the process says: lines, panics, reports to Sentry.

use std::{
    fs::File,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use sqlx::Connection;
use tempfile::TempDir;
use tracing::Instrument;
use upaas::config::Config;

use super::{
    startup::{NO_ENGINE, Running, free_port, upaas},
    support::{
        browser::Browser,
        eventually,
        fake::{Fake, Step},
        sentry::{self, Sentry},
        server::PASSWORD,
        shop::with_shop,
    },
};

/// In every form that could get into an error's text.
const SECRETS: &str = "password=hunter2 with upaas_abcdefghijABCDEFGHIJ0123456789_-abcdefghijk at https://ada:hunter3@git.example.org/";
const SCRUBBED: &str = "password=[secret] with [secret] at https://[secret]@git.example.org/";

/// The binary with its log in a file.
struct Logged {
    running: Running,
    address: SocketAddr,
    folder: TempDir,
}

impl Logged {
    /// Starts it, and waits until it is ready.
    async fn start(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, data) = (free_port(), folder.path().join("data"));
        let address = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
        let mut command = upaas(&[], &[("PORT", &port), ("UPAAS_DATA_DIR", data.to_str().unwrap()), ("UPAAS_DOCKER_HOST", NO_ENGINE)]);
        command.env("UPAAS_LISTEN_ADDR", "127.0.0.1").envs(variables.iter().copied());
        let log = File::create(folder.path().join("log")).unwrap();
        let running = Running(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let logged = Self { running, address, folder };
        let ready = async || if logged.text().contains("µPaaS is ready") { Ok(()) } else { Err(logged.text()) };
        eventually("µPaaS to be ready", ready).await;
        logged
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Its lines so far, which must be objects.
    fn lines(&self) -> Vec<Value> {
        objects(&self.text())
    }

    /// Damages the database behind its back.
    async fn run_sql(&self, sql: &str) {
        let file = self.folder.path().join("data/upaas.db");
        let mut db = sqlx::SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
    }

    /// SIGTERM; returns how long its end took.
    fn stop(&mut self) -> Duration {
        let began = Instant::now();
        let pid = rustix::process::Pid::from_raw(self.running.0.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert_eq!(self.running.0.wait().unwrap().code(), Some(0));
        began.elapsed()
    }

    fn threads(&self) -> Vec<String> {
        let tasks = std::fs::read_dir(Path::new("/proc").join(self.running.0.id().to_string()).join("task")).unwrap();
        tasks
            .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok())
            .map(|name| name.trim().to_owned())
            .collect()
    }
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|err| panic!("{err}: {line}"))).collect()
}

fn said<'a>(lines: &'a [Value], message: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["message"] == message).collect()
}

/// The id that a page of ours shows when something went wrong.
fn shown_id(page: &str) -> String {
    let id = regex::Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").unwrap();
    id.find(page).unwrap_or_else(|| panic!("no id on {page}")).as_str().to_owned()
}

#[test]
fn a_value_that_is_no_dsn_is_one_clear_line_without_the_value() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for wrong in
        ["hunter2", "https://hunter2@sentry.example.org", "ftp://hunter2@sentry.example.org/2", "https://sentry.example.org/hunter2"]
    {
        let variables = [("PORT", &*free_port()), ("UPAAS_DATA_DIR", data.to_str().unwrap()), ("SENTRY_DSN", wrong)];
        let ended = upaas(&[], &variables).output().unwrap();
        assert_eq!(ended.status.code(), Some(2), "{wrong}");
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(said, "upaas: SENTRY_DSN: “…” is not a DSN such as https://key@o1.ingest.sentry.io/2\n");
    }
    assert!(!data.exists(), "nothing was begun");
}

#[tokio::test]
async fn every_line_of_a_life_is_an_object_with_its_fields() {
    let mut logged = Logged::start(&[("DEBUG", "true"), ("UPAAS_NONSENSE", "1")]).await;
    Browser::new(logged.address).get("/setup").await.expect(200);
    let (port, data) = (free_port(), logged.folder.path().join("data"));
    let refused = upaas(&[], &[("PORT", &port), ("UPAAS_DATA_DIR", data.to_str().unwrap())]).output().unwrap();
    logged.stop();
    let lines = logged.lines();
    for line in &lines {
        for field in ["timestamp", "level", "message", "target"] {
            assert!(line[field].is_string(), "{field} in {line}");
        }
    }
    assert_eq!(said(&lines, "unknown variable: is it spelled right?")[0]["name"], "UPAAS_NONSENSE");
    assert_eq!(said(&lines, "SIGTERM: stopping").len(), 1);
    let [refusal] = &objects(&String::from_utf8(refused.stderr).unwrap())[..] else { panic!("one line") };
    assert_eq!((&refusal["level"], &refusal["message"]), (&"ERROR".into(), &"µPaaS could not start".into()));
}

#[tokio::test]
async fn a_log_for_people_has_no_colours_in_a_file() {
    let mut logged = Logged::start(&[("UPAAS_LOG_FORMAT", "text")]).await;
    logged.stop();
    let text = logged.text();
    assert!(text.lines().any(|line| line.contains("Z  INFO µPaaS is ready: http://127.0.0.1:")), "{text}");
    assert!(text.lines().all(|line| !line.contains('\x1b')), "{text}");
}

#[tokio::test]
async fn an_error_is_logged_once_and_reported_once_without_its_secrets() {
    let sentry = Sentry::start().await;
    let mut logged = Logged::start(&[("SENTRY_DSN", &sentry.dsn())]).await;
    let code = std::fs::read_to_string(logged.folder.path().join("data/setup-code")).unwrap();
    let trigger = format!("CREATE TRIGGER broken BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, '{SECRETS}'); END");
    logged.run_sql(&trigger).await;
    let setup = [("setup_code", code.as_str()), ("username", "ada"), ("password", PASSWORD), ("password_confirmation", PASSWORD)];
    let page = Browser::new(logged.address).post("/setup", &setup).await.expect(500);
    let request_id = shown_id(&page.body);

    let report = sentry.wait_for(1).await.remove(0);
    assert_eq!(report["exception"]["values"][0]["type"], "request failed");
    let value = report["exception"]["values"][0]["value"].as_str().unwrap();
    assert!(value.contains(SCRUBBED), "{value}");
    assert_eq!((&report["tags"]["request_id"], &report["extra"]["path"]), (&Value::from(request_id.as_str()), &"/setup".into()));
    assert_eq!(report["release"], concat!("upaas@", env!("CARGO_PKG_VERSION")));
    for kept_back in ["server_name", "user", "request", "breadcrumbs"] {
        assert_eq!(report.get(kept_back), None, "{kept_back}");
    }
    logged.stop();
    assert_eq!(sentry.reports().len(), 1);
    let everything = sentry.reports()[0].to_string();
    for secret in ["hunter", "upaas_abc", code.trim(), PASSWORD] {
        assert!(!everything.contains(secret), "{secret} in {everything}");
    }
    let lines = logged.lines();
    let [failed] = said(&lines, "request failed")[..] else { panic!("once: {lines:?}") };
    assert_eq!((&failed["level"], &failed["request_id"]), (&"ERROR".into(), &Value::from(request_id)));
}

#[tokio::test]
async fn a_start_that_fails_is_reported_before_the_process_ends() {
    let sentry = Sentry::start().await;
    let logged = Logged::start(&[]).await;
    let (port, data) = (free_port(), logged.folder.path().join("data"));
    let variables = [("PORT", &*port), ("UPAAS_DATA_DIR", data.to_str().unwrap()), ("SENTRY_DSN", &*sentry.dsn())];
    let mut command = upaas(&[], &variables);
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let [report] = &sentry.reports()[..] else { panic!("one: {:?}", sentry.reports()) };
    assert_eq!(report["exception"]["values"][0]["type"], "µPaaS could not start");
}

#[tokio::test]
async fn a_sentry_that_never_answers_costs_no_line_no_page_and_little_time_at_the_end() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut logged = Logged::start(&[("SENTRY_DSN", &sentry::dsn(silent.local_addr().unwrap()))]).await;
    logged.run_sql("ALTER TABLE users RENAME TO elsewhere").await;
    let mut browser = Browser::new(logged.address);
    // More than its queue holds.
    const ERRORS: usize = 60;
    for _ in 0..ERRORS {
        browser.get("/setup").await.expect(500);
    }
    let took = logged.stop();
    assert!(took < Duration::from_secs(10), "{took:?}");
    let lines = logged.lines();
    assert_eq!(said(&lines, "request failed").len(), ERRORS);
    assert!(lines.iter().all(|line| line["target"].as_str().unwrap().starts_with("upaas")), "{lines:?}");
}

#[tokio::test]
async fn nothing_of_sentry_runs_without_a_dsn() {
    let (without, with) = (Logged::start(&[]).await, Logged::start(&[("SENTRY_DSN", "http://public@127.0.0.1:1/1")]).await);
    assert!(!without.threads().iter().any(|name| name.starts_with("sentry")), "{:?}", without.threads());
    assert!(with.threads().iter().any(|name| name.starts_with("sentry")), "{:?}", with.threads());
}

/// Logging is started once in a process, and no request makes µPaaS panic: the test starts itself once more, to panic there.
#[test]
fn a_panic_is_one_line_and_one_report_wherever_it_happens() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match std::env::var("TEST_DSN") {
        Ok(dsn) => panic_everywhere(&runtime, dsn),
        Err(_) => runtime.block_on(panics_are_told_once()),
    }
}

async fn panics_are_told_once() {
    let sentry = Sentry::start().await;
    let mut command = Command::new(std::env::current_exe().unwrap());
    let this = "logging::a_panic_is_one_line_and_one_report_wherever_it_happens";
    command.args(["--exact", this, "--nocapture"]).env("TEST_DSN", sentry.dsn());
    command.env_remove("RUST_BACKTRACE");
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let (stdout, stderr) = (String::from_utf8(ended.stdout).unwrap(), String::from_utf8(ended.stderr).unwrap());
    assert!(ended.status.success(), "{stdout}\n{stderr}");

    let lines = objects(&stderr);
    let errors: Vec<&Value> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
    let texts: Vec<&str> = errors.iter().map(|line| line["said"].as_str().unwrap()).collect();
    assert_eq!(texts, [SCRUBBED, "while building", "in an act", "in a task", "in a request\nand more"], "{stderr}");
    for line in &errors {
        assert_eq!((&line["message"], &line["target"]), (&"panic".into(), &"upaas::panic".into()));
        assert!(line["location"].as_str().unwrap().contains(".rs:") && line["thread"].is_string(), "{line}");
    }
    assert_eq!(errors[4]["request_id"], "r-1");
    assert!(said(&lines, "deployment ended").iter().any(|line| line["status"] == "success"), "{stderr}");

    let reports = sentry.reports();
    let reported: Vec<&Value> = reports.iter().map(|report| &report["exception"]["values"][0]["value"]).collect();
    assert_eq!(reported, texts);
    for report in &reports {
        assert_eq!((&report["level"], &report["exception"]["values"][0]["type"]), (&"fatal".into(), &"panic".into()));
        assert!(report["exception"]["values"][0]["stacktrace"]["frames"][0]["lineno"].is_number(), "{report}");
    }
    assert_eq!(reports[4]["tags"]["request_id"], "r-1");
}

fn panic_everywhere(runtime: &tokio::runtime::Runtime, dsn: String) {
    let variables = [("SENTRY_DSN".to_owned(), dsn)];
    let logging = upaas::logging::start(&Config::from_variables(variables.into(), false).unwrap()).unwrap();
    runtime.block_on(async {
        let fake = Fake::default();
        let mut server = with_shop(&fake, &[]).await;
        server.browser.post("/apps/shop/connection-test", &[]).await.expect(303);
        server.browser.post("/apps/shop/host-key", &[("fingerprint", "SHA256:abc")]).await.expect(303);
        fake.explode(Step::Fetch, SECRETS);
        let page = server.browser.post("/apps/shop/connection-test", &[]).await.expect(500);
        shown_id(&page.body);

        fake.explode(Step::Build, "while building");
        server.deploy_to_the_end("shop").await;

        fake.explode(Step::Stop, "in an act");
        shown_id(&server.browser.post("/apps/shop/stop", &[]).await.expect(500).body);

        tokio::spawn(async { panic!("in a task") }).await.unwrap_err();
        let request = tracing::info_span!("request", request_id = "r-1");
        tokio::spawn(async { panic!("in a request\nand more") }.instrument(request)).await.unwrap_err();
        server.stop().await;
    });
    drop(logging);
}
