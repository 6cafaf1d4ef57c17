//! What Prometheus reads: who may, what it says, and that nothing makes it slow or endless.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Method;
use upaas::{
    db::{self, Db},
    deploy::platform::FailureKind,
    domain::{
        audit::{Act, Action, Actor, Outcome, Resource, Subject},
        moment::Moment,
    },
};

use super::{
    audit::do_everything,
    support::{
        browser::Browser,
        eventually,
        fake::{Fake, IMAGE_SIZE, Step, USAGE},
        gitea::{self, ZEROS, commit},
        scrape::Scrape,
        server::{REPOSITORY, Server},
        shop::{FIXED_PORT, with_shop},
    },
};

/// What is promised however the engine is.
pub(super) const SLOWEST: Duration = Duration::from_secs(5);

async fn serving(fake: &Fake) -> Server {
    let mut server = with_shop(fake, FIXED_PORT).await;
    assert_eq!(server.deploy_to_the_end("shop").await.text(".summary .badge"), "Success");
    server
}

fn basic(browser: &mut Browser, login: &str) {
    browser.headers = vec![("authorization", format!("Basic {}", STANDARD.encode(login)))];
}

#[tokio::test]
async fn everybody_may_read_until_a_login_is_set() {
    let server = Server::fake(&Fake::default()).await;
    let reply = server.new_browser().get("/metrics").await.expect(200);
    assert_eq!(reply.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(reply.header("cache-control"), "no-store");

    let variables = [("METRICS_USERNAME", "prometheus"), ("METRICS_PASSWORD", "hunter2")];
    let server = Server::fake_in(&Fake::default(), &variables).await;
    let mut browser = server.new_browser();
    let refused = browser.get("/metrics").await.expect(401);
    assert!(refused.header("www-authenticate").starts_with("Basic "));
    assert!(!refused.body.contains("upaas_"), "{}", refused.body);
    for wrong in ["prometheus:hunter", "prometheus:", "hunter2:prometheus", "prometheus:hunter22", ":", "admin:hunter2"] {
        basic(&mut browser, wrong);
        browser.get("/metrics").await.expect(401);
    }
    basic(&mut browser, "prometheus:hunter2");
    let text = browser.get("/metrics").await.expect(200).body;
    assert!(text.contains("upaas_build_info{") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn every_answer_is_counted_whoever_gave_it() {
    let mut server = with_shop(&Fake::default(), FIXED_PORT).await;
    let requests = |method: &str, status: u16| format!("upaas_http_requests_total{{method=\"{method}\",status_code=\"{status}\"}}");
    let before = Scrape::of(&server).await.get(&requests("GET", 200)).unwrap_or(0.0);
    server.browser.get("/").await.expect(200);
    server.browser.get("/nowhere").await.expect(404);
    server.browser.send(Method::DELETE, "/", None).await.expect(405);
    let mut stranger = server.new_browser();
    stranger.get("/").await.expect(303);
    stranger.headers = vec![("sec-fetch-site", "cross-site".to_owned())];
    stranger.post("/login", &[]).await.expect(403);
    for hostile in ["BREW", "get", "X-1"] {
        server.browser.send(Method::from_bytes(hostile.as_bytes()).unwrap(), "/", None).await.expect(405);
    }
    for (method, status, many) in [("GET", 404, 1.0), ("DELETE", 405, 1.0), ("GET", 303, 1.0), ("POST", 403, 1.0), ("other", 405, 3.0)] {
        Scrape::until(&server, &requests(method, status), many).await;
    }
    // Counted after the request is.
    let scrape = Scrape::until(&server, "upaas_http_request_duration_seconds_bucket{method=\"other\",le=\"+Inf\"}", 3.0).await;
    assert!(scrape.get(&requests("GET", 200)).unwrap() >= before + 2.0, "the page and the scrape before");
    for hostile in ["BREW", "\"get\"", "X-1"] {
        assert!(!scrape.text.contains(hostile), "{hostile}");
    }
    assert!(scrape.get("upaas_http_response_size_bytes_sum{method=\"GET\"}").unwrap() > 1000.0);
}

#[tokio::test]
async fn deliveries_are_counted_by_event_and_verdict_and_their_ends_by_status() {
    let fake = Fake::default();
    let (mut server, hook) = gitea::with_hook(&fake).await;
    fake.hold(Step::Build);
    hook.push("main", ZEROS, &commit('a')).await;
    server.wait_for("/apps/shop/deployments/1", &["Building"]).await;
    hook.push("main", &commit('a'), &commit('b')).await;
    hook.push("main", &commit('b'), &commit('c')).await;
    hook.push("other", ZEROS, &commit('a')).await;
    hook.deliver("issues", b"{}".to_vec()).await;
    hook.deliver("invented", b"{}".to_vec()).await;
    hook.deliver_signed("push", b"{}".to_vec(), &"0".repeat(64)).await;
    fake.release(Step::Build);
    server.wait_for("/apps/shop/deployments/3", &["Success"]).await;
    // What is counted last.
    let deployed = "upaas_deployments_phase_duration_seconds_count{app=\"shop\",phase=\"deploying\"}";
    let scrape = Scrape::until(&server, deployed, 2.0).await;
    assert_eq!(scrape.get("upaas_deployments_total{app=\"shop\",status=\"success\"}"), Some(2.0));
    let counted = |series: &str| scrape.get(series).unwrap_or_else(|| panic!("{series}\n{scrape:?}"));
    for (labels, count) in [
        ("event_type=\"push\",matched=\"true\"", 3.0),
        ("event_type=\"push\",matched=\"false\"", 2.0),
        ("event_type=\"issues\",matched=\"false\"", 1.0),
        ("event_type=\"other\",matched=\"false\"", 1.0),
    ] {
        assert_eq!(counted(&format!("upaas_webhook_events_total{{app=\"shop\",{labels}}}")), count, "{labels}");
    }
    for (verdict, count) in [("deploy", 3.0), ("ignored", 3.0), ("rejected", 1.0)] {
        assert_eq!(counted(&format!("upaas_deliveries_total{{app=\"shop\",verdict=\"{verdict}\"}}")), count, "{verdict}");
    }
    assert_eq!(counted("upaas_deployments_not_run_total{app=\"shop\",reason=\"superseded\"}"), 1.0);
    assert_eq!(counted("upaas_deployments_duration_seconds_count{app=\"shop\",status=\"success\"}"), 2.0);
    assert_eq!(counted("upaas_deployments_queue_duration_seconds_count{app=\"shop\"}"), 2.0);
    for phase in ["cloning", "building", "deploying"] {
        assert_eq!(counted(&format!("upaas_deployments_phase_duration_seconds_count{{app=\"shop\",phase=\"{phase}\"}}")), 2.0);
    }
}

#[tokio::test]
async fn deliveries_make_no_series_of_their_own_words() {
    let mut server = with_shop(&Fake::default(), FIXED_PORT).await;
    let unknown = "/webhook/00000000-0000-4000-8000-000000000000";
    for number in 0..20 {
        server.browser.headers = vec![("x-gitea-event", format!("hostile-{number}"))];
        server.browser.post(unknown, &[]).await.expect(404);
    }
    let scrape = Scrape::until(&server, "upaas_deliveries_unknown_total", 20.0).await;
    // Not in the values: `0.10000000000000002` has many zeros as well.
    for word in ["hostile", "00000000"] {
        assert!(!scrape.series().any(|series| series.contains(word)), "{word} in {scrape:?}");
    }
}

#[tokio::test]
async fn an_app_shows_how_it_stands() {
    let fake = Fake::default();
    let server = serving(&fake).await;
    Scrape::until(&server, "upaas_container_healthy{app=\"shop\"}", 1.0).await;
    let scrape = Scrape::until(&server, "upaas_disk_used_bytes{part=\"images\"}", IMAGE_SIZE as f64).await;
    for (series, value) in [
        ("upaas_container_cpu_seconds_total{app=\"shop\"}", USAGE.cpu.as_secs_f64()),
        ("upaas_container_memory_bytes{app=\"shop\"}", USAGE.memory_bytes as f64),
        ("upaas_deployments_in_flight{app=\"shop\"}", 0.0),
        ("upaas_deployments_running_seconds{app=\"shop\"}", 0.0),
        ("upaas_deployments_total{app=\"shop\",status=\"failed\"}", 0.0),
        ("upaas_engine_up", 1.0),
        ("upaas_ready", 1.0),
    ] {
        assert_eq!(scrape.get(series), Some(value), "{series} in {scrape:?}");
    }
    assert!(scrape.get("upaas_disk_used_bytes{part=\"database\"}").unwrap() > 4096.0);
    assert!(scrape.get("upaas_disk_free_bytes").unwrap() < scrape.get("upaas_disk_total_bytes").unwrap());
    fake.crash_all();
    Scrape::until(&server, "upaas_container_healthy{app=\"shop\"}", 0.0).await;
}

#[tokio::test]
async fn an_app_that_is_stopped_on_purpose_is_not_unhealthy() {
    let mut server = serving(&Fake::default()).await;
    server.browser.post("/apps/shop/stop", &[]).await.expect(303);
    let scrape = Scrape::of(&server).await;
    assert_eq!(scrape.get("upaas_container_healthy{app=\"shop\"}"), None, "{scrape:?}");
    assert_eq!(scrape.get("upaas_deployments_in_flight{app=\"shop\"}"), Some(0.0));
}

#[tokio::test]
async fn what_runs_and_what_waits_is_right_again_right_after_a_restart() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, FIXED_PORT).await;
    let other = [("slug", "other"), ("repo_url", REPOSITORY), ("branch", "main")];
    server.browser.post("/apps", &other).await.expect(303);
    fake.hold(Step::Build);
    let path = server.deploy("shop").await;
    server.wait_for(&path, &["Building"]).await;
    server.browser.post("/apps/shop/deployments", &[("commit", &"a".repeat(40))]).await.expect(303);
    let in_flight = "upaas_deployments_in_flight{app=\"shop\"}";
    let scrape = Scrape::of(&server).await;
    assert_eq!((scrape.get(in_flight), scrape.get("upaas_queue_length")), (Some(1.0), Some(1.0)), "{scrape:?}");

    // No engine: what was interrupted stays as it is until there is one.
    server.abandon();
    fake.fail(Step::Hello, FailureKind::EngineLost);
    server.start_fake(&fake).await;
    let scrape = Scrape::of(&server).await;
    assert_eq!((scrape.get(in_flight), scrape.get("upaas_queue_length")), (Some(1.0), Some(1.0)), "{scrape:?}");
    assert_eq!(scrape.get("upaas_deployments_in_flight{app=\"other\"}"), Some(0.0));
    assert!(scrape.get("upaas_deployments_running_seconds{app=\"shop\"}").unwrap() > 0.0);
    assert!(scrape.get("upaas_queue_oldest_seconds").unwrap() > 0.0);
    assert_eq!((scrape.get("upaas_engine_up"), scrape.get("upaas_ready")), (Some(0.0), Some(0.0)));
    assert!(!scrape.has_any("upaas_container_"), "{scrape:?}");
}

#[tokio::test]
async fn an_engine_that_hangs_makes_nobody_wait() {
    let fake = Fake::default();
    let server = serving(&fake).await;
    fake.hold(Step::Usage);
    fake.hold(Step::Images);
    let began = Instant::now();
    let scrapes = futures_util::future::join_all((0..50).map(|_| Scrape::of(&server))).await;
    let took = began.elapsed();
    assert!(took < SLOWEST, "{took:?}");
    for scrape in scrapes {
        assert_eq!(scrape.get("upaas_deployments_in_flight{app=\"shop\"}"), Some(0.0));
        assert_eq!(scrape.get("upaas_container_healthy{app=\"shop\"}"), Some(1.0), "it is in the picture");
        for unknown in ["upaas_container_cpu", "upaas_container_memory", "upaas_disk_used_bytes{part=\"images\"}"] {
            assert!(!scrape.has_any(unknown), "{unknown}");
        }
    }
    let measured = fake.acts().iter().filter(|act| act.starts_with("measure ")).count();
    assert_eq!(measured, 1, "fifty scrapers ask the engine once");
}

#[tokio::test]
async fn open_pages_are_counted_until_they_are_left() {
    let server = with_shop(&Fake::default(), FIXED_PORT).await;
    let mut page = server.browser.watch("/events").await;
    page.next().await.unwrap();
    assert_eq!(Scrape::of(&server).await.get("upaas_sse_clients"), Some(1.0));
    drop(page);
    // News make the server notice that nobody reads any more.
    let mut browser = server.browser.clone();
    eventually("the page to be left", async || {
        browser.post("/apps/shop/auto-deploy", &[("auto_deploy", "paused")]).await.expect(303);
        let clients = Scrape::of(&server).await.get("upaas_sse_clients");
        if clients == Some(0.0) { Ok(()) } else { Err(format!("{clients:?}")) }
    })
    .await;
}

#[tokio::test]
async fn promtool_has_nothing_to_say_about_it_after_a_day_in_the_life() {
    let fake = Fake::default();
    let mut server = Server::fake(&fake).await;
    do_everything(&mut server, &fake).await;
    server.browser.get("/nowhere").await.expect(404);
    let text = Scrape::until(&server, "upaas_container_healthy{app=\"shop\"}", 1.0).await.text;
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = promtool.spawn().expect("promtool is there: on Debian in the package prometheus");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    let words = [said.stdout, said.stderr].map(|it| String::from_utf8_lossy(&it).into_owned()).concat();
    assert!(said.status.success() && words.is_empty(), "{}: {words}\n{text}", said.status);
    for name in upaas::metrics::NAMES {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} is not in the text of a running µPaaS");
    }
}

#[tokio::test]
async fn entries_that_are_not_copied_are_known_by_number_and_age() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&folder.path().join("upaas.db")).await.unwrap();
    let backlog = async || {
        let it = db::audit::backlog(db.read()).await.unwrap();
        (it.entries, it.oldest.map(Moment::unix_ms))
    };
    assert_eq!(backlog().await, (0, None));
    let act = Act {
        action: Action::Login,
        outcome: Outcome::Success,
        actor: Actor::upaas(),
        subject: Subject::new(Resource::User, 1, "ada"),
        detail: String::new(),
    };
    for ms in [10, 20, 30] {
        db::audit::insert(db.write(), Moment::from_unix_ms(ms), &act).await.unwrap();
    }
    assert_eq!(backlog().await, (3, Some(10)));
    db::audit::set_copied(db.write(), 1).await.unwrap();
    assert_eq!(backlog().await, (2, Some(20)));
    db::audit::set_copied(db.write(), 3).await.unwrap();
    assert_eq!(backlog().await, (0, None));
    assert_eq!(db::audit::remove_some(db.write(), Moment::from_unix_ms(100), 10).await.unwrap(), 3);
    assert_eq!(backlog().await, (0, None), "after retention");
}
