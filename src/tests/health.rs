//! Health: what probes, other programs and people are told, also when something hangs.

use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::Value;
use upaas::deploy::platform::FailureKind;

use super::support::{
    browser::Reply,
    eventually,
    fake::{Fake, Step},
    scrape::Scrape,
    server::Server,
};

/// A probe hangs for a second at most; a page that shows it is not much later.
pub(super) const SOON: Duration = Duration::from_secs(4);

async fn server(fake: &Fake) -> Server {
    let mut server = Server::fake(fake).await;
    server.set_up().await;
    server
}

const LATE: &str = "no answer within 1 s";

/// On a busy machine any probe may take longer than its second, and then says only that: asked again until only these do.
async fn punctual(silent: &[&str], mut ask: impl AsyncFnMut() -> (u16, Value, Vec<String>)) -> (u16, Value) {
    eventually("every other probe to answer in time", async || {
        let (status, said, late) = ask().await;
        if late.iter().all(|part| silent.contains(&part.as_str())) { Ok((status, said)) } else { Err(said.to_string()) }
    })
    .await
}

async fn report(server: &mut Server, silent: &[&str]) -> (u16, Value) {
    punctual(silent, async || {
        let reply = server.browser.get("/health").await;
        let said = reply.json();
        let components = said["components"].as_object().unwrap().iter();
        let late = components.filter(|(_, component)| component["problem"] == LATE).map(|(name, _)| name.clone()).collect();
        (reply.status.as_u16(), said, late)
    })
    .await
}

async fn ready(server: &Server, silent: &[&str]) -> (u16, Value) {
    punctual(silent, async || {
        let reply = server.new_browser().get("/health/ready").await;
        let said = reply.json();
        let words = |of: &str| said[of].as_array().cloned().unwrap_or_default();
        let failing = words("failing").into_iter().zip(words("problems"));
        let late = failing.filter(|(_, problem)| problem == LATE).map(|(name, _)| name.as_str().unwrap().to_owned()).collect();
        (reply.status.as_u16(), said, late)
    })
    .await
}

#[tokio::test]
async fn everybody_may_ask_whether_it_serves_and_whether_it_is_ready() {
    let mut server = Server::fake(&Fake::default()).await;
    assert_eq!(server.browser.get("/health/live").await.expect(200).body, "ok\n");
    assert_eq!(ready(&server, &[]).await, (200, serde_json::json!({ "status": "ready" })));
    assert_eq!(server.healthcheck().await, Some(0));
    server.stop().await;
}

#[tokio::test]
async fn what_each_part_says_is_for_those_who_may_see_it() {
    let mut server = server(&Fake::default()).await;
    let stranger = server.new_browser().get("/health").await.expect(401);
    assert_eq!(stranger.header("www-authenticate"), "Bearer");
    assert!(stranger.json()["error"].as_str().unwrap().contains("token"));
    let mut person = server.new_browser();
    person.headers = vec![("accept", "text/html,*/*;q=0.8".to_owned())];
    assert_eq!(person.get("/health").await.expect(303).location(), "/login?next=%2Fhealth");

    let token = server.make_token("prometheus", "read").await;
    let by_token = server.program(&token).get("/health").await.expect(200).json();
    let (status, by_session) = report(&mut server, &[]).await;
    assert_eq!((status, &by_session["status"]), (200, &Value::from("ok")));
    let names = |report: &Value| report["components"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&by_token), names(&by_session));
    let mut expected =
        ["database", "data_directory", "docker", "disk", "queue", "git", "audit", "notifications", "forge"].map(str::to_owned);
    expected.sort();
    assert_eq!(names(&by_session), expected);
}

#[tokio::test]
async fn each_component_says_how_it_is_with_its_details() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    server.create_shop(&[]).await.expect(303);
    fake.hold(Step::Build);
    let path = server.deploy("shop").await;
    server.wait_for(&path, &["Building"]).await;
    server.browser.post("/apps/shop/deployments", &[]).await.expect(303);
    Scrape::until(&server, "upaas_audit_copy_backlog", 0.0).await;
    let (_, said) = report(&mut server, &[]).await;
    assert_eq!(said["version"], env!("CARGO_PKG_VERSION"));
    assert!(said["uptime_seconds"].is_u64());
    let components = &said["components"];
    assert!(components.as_object().unwrap().values().all(|component| component["ok"] == true), "{components:#}");
    assert_eq!((&components["database"]["integrity"], &components["database"]["checked_at"]), (&"unchecked".into(), &Value::Null));
    assert!(components["database"]["size_bytes"].as_u64().unwrap() > 4096);
    assert_eq!((&components["docker"]["version"], &components["docker"]["api_version"]), (&"20.10.24".into(), &"1.41".into()));
    assert!(components["disk"]["free_bytes"].as_u64().unwrap() <= components["disk"]["total_bytes"].as_u64().unwrap());
    assert_eq!((&components["queue"]["waiting"], &components["queue"]["running"]), (&1.into(), &1.into()));
    assert!(components["queue"]["oldest_seconds"].is_u64());
    assert_eq!(components["git"]["version"], "2.47.3");
    assert_eq!(components["audit"], serde_json::json!({ "ok": true, "backlog": 0, "oldest_seconds": 0 }));
    for later in ["notifications", "forge"] {
        assert_eq!(components[later], serde_json::json!({ "ok": true, "configured": false }), "{later}");
    }
    fake.release(Step::Build);
}

#[tokio::test]
async fn a_frozen_engine_is_said_soon_and_everything_else_goes_on() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    fake.hold(Step::Hello);
    let began = Instant::now();
    let (status, said) = report(&mut server, &["docker"]).await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!((status, &said["status"]), (200, &"degraded".into()));
    assert_eq!(said["components"]["docker"], serde_json::json!({ "ok": false, "problem": "no answer within 1 s" }));
    assert_eq!(said["components"]["database"]["ok"], true);
    let (status, said) = ready(&server, &["docker"]).await;
    assert_eq!((status, &said["failing"]), (503, &serde_json::json!(["docker"])));
    assert_eq!((&said["status"], &said["problems"][0]), (&"not ready".into(), &"no answer within 1 s".into()));
    assert_eq!(server.healthcheck().await, Some(0), "an engine outage never restarts the panel");
    let began = Instant::now();
    let page = server.browser.get("/system").await.expect(200);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(page.text("#components .panel-head .badge"), "Degraded");
    assert!(component(&page, "Engine").contains("No answer within 1 s."), "{}", component(&page, "Engine"));

    fake.release(Step::Hello);
    assert_eq!(ready(&server, &[]).await.0, 200);
    assert_eq!(report(&mut server, &[]).await.1["status"], "ok");
}

#[tokio::test]
async fn a_flood_of_probes_is_answered_soon_though_the_engine_hangs() {
    let fake = Fake::default();
    let server = server(&fake).await;
    fake.hold(Step::Hello);
    let began = Instant::now();
    let asked = join_all((0..100).map(|_| async { ready(&server, &["docker"]).await.0 })).await;
    assert!(asked.iter().all(|status| *status == 503));
    assert!(began.elapsed() < 2 * SOON, "{:?}", began.elapsed());
    fake.release(Step::Hello);
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_written_to_is_unhealthy_until_it_can() {
    let mut server = server(&Fake::default()).await;
    let in_the_way = server.data().join(".write-test");
    fs::create_dir(&in_the_way).unwrap();
    let (status, said) = report(&mut server, &[]).await;
    assert_eq!((status, &said["status"]), (503, &"unhealthy".into()));
    let problem = said["components"]["data_directory"]["problem"].as_str().unwrap();
    assert!(problem.contains("cannot be written to"), "{problem}");
    let (status, said) = ready(&server, &[]).await;
    assert_eq!((status, &said["failing"]), (503, &serde_json::json!(["data_directory"])));
    assert_eq!(server.browser.get("/system").await.expect(200).text("#components .panel-head .badge"), "Unhealthy");
    fs::remove_dir(&in_the_way).unwrap();
    assert_eq!((ready(&server, &[]).await.0, report(&mut server, &[]).await.0), (200, 200));
    assert!(!in_the_way.exists(), "nothing is left of the try");
}

#[tokio::test]
async fn a_database_that_somebody_else_holds_is_unhealthy_until_it_is_free() {
    let mut server = server(&Fake::default()).await;
    let token = server.make_token("monitor", "read").await;
    let mut program = server.program(&token);
    program.get("/health").await.expect(200);
    let other = server.db().await;
    let held = other.write().begin_with("BEGIN IMMEDIATE").await.unwrap();
    let began = Instant::now();
    let said = program.get("/health").await.expect(503).json();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!((&said["status"], &said["components"]["database"]["problem"]), (&"unhealthy".into(), &"no answer within 1 s".into()));
    let (status, said) = ready(&server, &["database"]).await;
    assert_eq!((status, &said["failing"]), (503, &serde_json::json!(["database"])));
    assert_eq!(server.healthcheck().await, Some(0));
    held.rollback().await.unwrap();
    eventually("the database to be free again", async || {
        let reply = program.get("/health").await;
        if reply.status == 200 { Ok(()) } else { Err(reply.body) }
    })
    .await;
}

#[tokio::test]
async fn the_database_is_checked_when_somebody_wants_it() {
    let mut server = server(&Fake::default()).await;
    assert_eq!(server.browser.get("/system").await.text("#integrity .badge"), "Not checked yet");
    assert_eq!(server.browser.post("/system/integrity-check", &[]).await.expect(303).location(), "/system#integrity");
    let page = checked(&mut server).await;
    assert_eq!(page.text("#integrity .badge"), "Sound");
    assert!(page.text("#integrity").contains("Checked just now"), "{}", page.text("#integrity"));
    let (_, said) = report(&mut server, &[]).await;
    assert_eq!(said["components"]["database"]["integrity"], "ok");
    assert!(said["components"]["database"]["checked_at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn a_damaged_database_is_found_and_said_everywhere() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    let db = server.db().await;
    let page: i64 =
        sqlx::query_scalar("SELECT rootpage FROM sqlite_master WHERE name = 'audit_log_by_user'").fetch_one(db.read()).await.unwrap();
    db.close().await;
    server.stop().await;
    let mut file = fs::File::options().write(true).open(server.data().join("upaas.db")).unwrap();
    file.seek(SeekFrom::Start((u64::try_from(page).unwrap() - 1) * 4096)).unwrap();
    file.write_all(&[0xff; 4096]).unwrap();
    server.start_fake(&fake).await;
    server.browser.post("/system/integrity-check", &[]).await.expect(303);
    assert_eq!(checked(&mut server).await.text("#integrity .badge"), "Damaged");
    // On a busy machine a probe may take longer than its second, and then says only that.
    let said = eventually("the damage to be said", async || {
        let (status, said) = report(&mut server, &[]).await;
        let answered = status == 503 && said["components"]["database"]["integrity"].is_string();
        if answered { Ok(said) } else { Err(said.to_string()) }
    })
    .await;
    assert_eq!((&said["status"], &said["components"]["database"]["ok"]), (&"unhealthy".into(), &false.into()));
    let integrity = said["components"]["database"]["integrity"].as_str().unwrap();
    assert!(integrity.starts_with("failed: "), "{integrity}");
    eventually("nothing but the database to fail", async || {
        let (_, said) = ready(&server, &[]).await;
        if said["failing"] == serde_json::json!(["database"]) { Ok(()) } else { Err(said.to_string()) }
    })
    .await;
    assert_eq!(server.healthcheck().await, Some(0));
}

#[tokio::test]
async fn the_systems_page_shows_every_part_in_words() {
    let mut server = server(&Fake::default()).await;
    let page = eventually("every part to answer in time", async || {
        let page = server.browser.get("/system").await.expect(200);
        if page.text("#components .panel-head .badge") == "Healthy" { Ok(page) } else { Err(page.text("#components")) }
    })
    .await;
    let titles = page.texts("#components h3");
    assert_eq!(titles, ["Database", "Data directory", "Engine", "Disk", "Queue", "git", "Audit log", "Notifications", "Forge"]);
    assert!(component(&page, "Engine").contains("Docker Engine 20.10.24, API 1.41. OK"), "{}", component(&page, "Engine"));
    assert!(component(&page, "Disk").contains(" free of "));
    assert!(component(&page, "Forge").contains("Not set up"));
    let facts = page.texts(".facts-grid dd").join(" ");
    assert!(facts.contains("core") && facts.contains(" used of ") && facts.contains(" free of "), "{facts}");
}

#[tokio::test]
async fn an_open_systems_page_hears_of_what_fails_and_of_what_is_well_again() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    eventually("the engine to be seen", async || {
        let badge = server.browser.get("/system").await.text("#system-engine .badge");
        if badge == "Up" { Ok(()) } else { Err(badge) }
    })
    .await;
    let mut stream = server.browser.watch("/system/events").await;
    for (fails, word) in [(true, "Degraded"), (false, "Healthy")] {
        match fails {
            true => fake.fail(Step::Hello, FailureKind::EngineLost),
            false => fake.mend(Step::Hello),
        }
        while !stream.next().await.expect("the stream goes on").data.contains(&format!("</svg>{word}</span>")) {}
    }
}

fn component(page: &Reply, title: &str) -> String {
    page.texts(".component-row").into_iter().find(|row| row.starts_with(title)).unwrap()
}

/// The page once no check is under way.
async fn checked(server: &mut Server) -> Reply {
    eventually("the check to end", async || {
        let page = server.browser.get("/system").await.expect(200);
        if page.text("#integrity .badge") == "Checking" { Err("it is under way".to_owned()) } else { Ok(page) }
    })
    .await
}
