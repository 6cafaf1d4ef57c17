//! Starts and stops of the real binary: exit codes, one clear line, the lock, health.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use super::support::{
    browser::Browser,
    eventually,
    fake::Fake,
    ports,
    server::PASSWORD,
    shop::{ANY_PORT, with_shop},
};

pub(super) fn upaas(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upaas"));
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(super) fn free_port() -> String {
    ports::free_port().to_string()
}

/// A started binary that is ended with the test.
pub(super) struct Running(pub(super) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A socket that nobody listens on.
pub(super) const NO_ENGINE: &str = "unix:///nowhere/docker.sock";

fn start(data: &str, port: &str, docker_host: &str) -> Running {
    let variables = [("PORT", port), ("UPAAS_DATA_DIR", data), ("UPAAS_LISTEN_ADDR", "127.0.0.1"), ("UPAAS_DOCKER_HOST", docker_host)];
    let mut running = Running(upaas(&[], &variables).spawn().unwrap());
    let lines = BufReader::new(running.0.stderr.take().unwrap()).lines();
    let ready = lines.map_while(Result::ok).find(|line| line.contains("µPaaS is ready"));
    assert!(ready.is_some_and(|line| line.contains(&format!("http://127.0.0.1:{port}"))), "it prints its URL");
    running
}

#[test]
fn a_bad_value_is_one_clear_line_and_exit_code_2() {
    for arguments in [&[][..], &["serve"], &["healthcheck"]] {
        let ended = upaas(arguments, &[("PORT", "banana")]).output().unwrap();
        assert_eq!(ended.status.code(), Some(2));
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "upaas: PORT: “banana” is not a port number from 1 to 65535\n");
        assert!(ended.stdout.is_empty());
    }
}

#[test]
fn a_data_directory_that_cannot_be_one_is_a_bad_value_and_left_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let of_others = folder.path().join("of-others");
    std::fs::create_dir(&of_others).unwrap();
    std::fs::write(of_others.join("letter.txt"), "").unwrap();
    std::fs::set_permissions(&of_others, std::fs::Permissions::from_mode(0o755)).unwrap();
    for (dir, said) in
        [(of_others.clone(), "holds other files"), (of_others.join("letter.txt"), "cannot be"), ("/proc/none".into(), "cannot be created")]
    {
        let ended = upaas(&[], &[("PORT", &free_port()), ("UPAAS_DATA_DIR", dir.to_str().unwrap())]).output().unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(2), "{stderr}");
        assert!(stderr.starts_with("upaas: UPAAS_DATA_DIR: ") && stderr.contains(said) && stderr.lines().count() == 1, "{stderr}");
    }
    assert_eq!(of_others.metadata().unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn healthcheck_tells_whether_it_serves_even_without_an_engine() {
    let data = tempfile::tempdir().unwrap();
    let port = free_port();
    assert_eq!(upaas(&["healthcheck"], &[("PORT", &port)]).output().unwrap().status.code(), Some(1));
    let _running = start(data.path().to_str().unwrap(), &port, NO_ENGINE);
    assert_eq!(upaas(&["healthcheck"], &[("PORT", &port)]).output().unwrap().status.code(), Some(0));
}

#[test]
fn a_second_process_on_the_same_data_directory_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let _running = start(data, &free_port(), NO_ENGINE);
    let second = upaas(&[], &[("PORT", &free_port()), ("UPAAS_DATA_DIR", data)]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("another µPaaS is running on the data directory"), "{said}");
}

#[test]
fn sigterm_ends_it_with_exit_code_0() {
    let data = tempfile::tempdir().unwrap();
    let mut running = start(data.path().to_str().unwrap(), &free_port(), NO_ENGINE);
    let pid = rustix::process::Pid::from_raw(running.0.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
}

/// Opens a pipe for writing as soon as somebody reads it, and keeps that reader waiting.
async fn keep_waiting(pipe: &std::path::Path) -> std::fs::File {
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    eventually("somebody to read", async || {
        let mut options = std::fs::OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::custom_flags(options.write(true), nonblocking).open(pipe).map_err(|err| err.to_string())
    })
    .await
}

#[tokio::test]
async fn sigterm_ends_it_though_a_thread_waits_for_a_file() {
    let mut server = with_shop(&Fake::default(), &[]).await;
    server.deploy_to_the_end("shop").await;
    server.stop().await;
    let db = server.db().await;
    let app = upaas::db::apps::by_slug(db.read(), &"shop".parse().unwrap()).await.unwrap().unwrap().id;
    // It compresses this journal as soon as it has started.
    sqlx::query("UPDATE deployments SET journal_compressed = 0").execute(db.write()).await.unwrap();
    db.close().await;
    let journal = server.data().join("logs").join(app.to_string()).join("1.journal");
    let _ = std::fs::remove_file(&journal);
    let made = std::process::Command::new("mkfifo").arg(&journal).status().unwrap();
    assert!(made.success());
    let mut running = start(server.data().to_str().unwrap(), &free_port(), NO_ENGINE);
    let _waiting = keep_waiting(&journal).await;
    let pid = rustix::process::Pid::from_raw(running.0.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let ended = eventually("it to end", async || running.0.try_wait().unwrap().ok_or_else(String::new)).await;
    assert_eq!(ended.code(), Some(0));
}

/// Whether a git works in a mirror below this folder.
fn git_works_in(data: &std::path::Path) -> bool {
    let mirror = format!("--git-dir={}", data.display());
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).contains(&mirror))
}

#[tokio::test]
async fn a_git_that_waits_for_its_server_ends_with_a_killed_process() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().canonicalize().unwrap();
    let silent_server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free_port();
    let mut running = start(data.to_str().unwrap(), &port, "unix:///var/run/docker.sock");
    let mut browser = Browser::new(([127, 0, 0, 1], port.parse().unwrap()).into());
    let code = std::fs::read_to_string(data.join("setup-code")).unwrap();
    let setup = [("setup_code", code.as_str()), ("username", "ada"), ("password", PASSWORD), ("password_confirmation", PASSWORD)];
    browser.post("/setup", &setup).await.expect(303);
    let url = format!("https://{}/shop.git", silent_server.local_addr().unwrap());
    browser.post("/apps", &[("slug", "shop"), ("repo_url", &url), ("branch", "main")]).await.expect(303);
    browser.post("/apps/shop/deployments", &[]).await.expect(303);
    eventually("git to wait", async || if git_works_in(&data) { Ok(()) } else { Err("no git".to_owned()) }).await;
    running.0.kill().unwrap();
    eventually("git to be gone", async || if git_works_in(&data) { Err("git".to_owned()) } else { Ok(()) }).await;
}

#[test]
fn keys_and_data_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let _running = start(data.to_str().unwrap(), &free_port(), NO_ENGINE);
    let mode = |name: &str| data.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("."), 0o700);
    for file in ["session.key", "secret.key", "setup-code"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_missing_secret_key_is_an_error_and_never_replaced() {
    let mut server = with_shop(&Fake::default(), &[]).await;
    server.stop().await;
    let key = server.data().join("secret.key");
    std::fs::remove_file(&key).unwrap();
    let data = server.data().display().to_string();
    let ended = upaas(&[], &[("PORT", &free_port()), ("UPAAS_DATA_DIR", &data)]).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("secret.key is missing"), "{said}");
    assert!(!key.exists());
}

#[tokio::test]
async fn a_filled_database_is_opened_again_with_everything_in_it() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    server.browser.post("/apps/shop/connection-test", &[]).await.expect(303);
    server.browser.post("/apps/shop/host-key", &[("fingerprint", "SHA256:abc")]).await.expect(303);
    server.deploy_to_the_end("shop").await;
    let before = server.browser.get("/apps/shop").await.text("#public-key");
    server.stop().await;
    server.start_fake(&fake).await;
    let page = server.browser.get("/apps/shop").await.expect(200);
    assert_eq!(page.text("#public-key"), before);
    assert!(page.text(".check").contains("main is at"));
    assert_eq!(page.texts("#recent-deployments li").len(), 1);
}
