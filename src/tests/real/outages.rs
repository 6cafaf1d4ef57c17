//! Engines that end, die or freeze while µPaaS uses them, and come back.

use std::time::Instant;

use bollard::query_parameters::{ListContainersOptions, ListContainersOptionsBuilder, StopContainerOptions};

use futures_util::future::join_all;

use super::world::{SERVE, World, limits};
use crate::health::SOON;
use crate::support::{daemon::Daemon, engine::dockerfile, eventually, server::Server};

/// An engine and a world on it; what is named last is dropped first.
async fn engine_with_a_world() -> (Daemon, World) {
    let daemon = Daemon::start().await;
    let world = World::with_shop_on(None, limits(), Some(daemon.address())).await;
    (daemon, world)
}

async fn answers_with(world: &World, daemon: &Daemon, text: &str) {
    eventually("the app's answer", async || match daemon.get(world.port) {
        Ok(said) if said == text => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

/// How many containers the engine has, also stopped ones, of whomever.
async fn containers(daemon: &Daemon) -> usize {
    daemon.client().list_containers(Some(ListContainersOptionsBuilder::new().all(true).build())).await.unwrap().len()
}

/// Pushes a version whose build takes its time, and waits until the slow step runs. Returns its deployment's path.
async fn slow_build(world: &mut World, page: &str) -> String {
    let slow = dockerfile(&format!("RUN echo {page} begun && sleep 5\n{SERVE}"));
    world.repository.push("main", &[("Dockerfile", &slow), ("index.html", page)]);
    let path = world.delivered();
    let browser = &mut world.server.browser;
    eventually("the slow step to run", async || {
        let journal = browser.get(&path).await.text("#journal");
        if (1..9).any(|step| journal.contains(&format!("#{step} {page} begun"))) { Ok(()) } else { Err(journal) }
    })
    .await;
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_stopped_and_started_has_its_app_again() {
    let (mut daemon, mut world) = engine_with_a_world().await;
    world.deploy("Success").await;
    answers_with(&world, &daemon, "first").await;
    daemon.terminate().await;
    world.server.wait_for_the_banner().await;
    world.server.wait_for_app("shop", "Unknown").await;
    daemon.start_again().await;
    world.server.wait_for_app("shop", "Running").await;
    answers_with(&world, &daemon, "first").await;
}

/// After a death, the engine ends what runs and leaves it so: µPaaS starts it.
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_killed_and_started_gets_its_app_started() {
    let (mut daemon, mut world) = engine_with_a_world().await;
    world.deploy("Success").await;
    daemon.kill().await;
    world.server.wait_for_the_banner().await;
    daemon.start_again().await;
    answers_with(&world, &daemon, "first").await;
    world.server.wait_for_app("shop", "Running").await;
}

/// The ways in which an engine goes away, and comes back.
#[derive(Debug, Clone, Copy)]
enum Outage {
    Stopped,
    Killed,
    Frozen,
}

impl Outage {
    async fn begins(self, daemon: &Daemon) {
        match self {
            Self::Stopped => daemon.terminate().await,
            Self::Killed => daemon.kill().await,
            Self::Frozen => daemon.freeze().await,
        }
    }

    async fn ends(self, daemon: &mut Daemon) {
        match self {
            Self::Stopped | Self::Killed => daemon.start_again().await,
            Self::Frozen => daemon.thaw(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_the_engine_during_a_fetch_the_pushed_page_is_live_in_the_end() {
    let (mut daemon, mut world) = engine_with_a_world().await;
    world.connect_webhook().await;
    world.deploy("Success").await;
    for outage in [Outage::Stopped, Outage::Killed, Outage::Frozen] {
        world.forge.hold_fetches();
        let path = world.push_page(&format!("{outage:?}"));
        eventually("the fetch to begin", async || if world.forge.fetch_is_held() { Ok(()) } else { Err(String::new()) }).await;
        outage.begins(&daemon).await;
        world.server.wait_for_the_banner().await;
        world.forge.release_fetches();
        outage.ends(&mut daemon).await;
        world.server.wait_for(&path, &["Success"]).await;
        answers_with(&world, &daemon, &format!("{outage:?}")).await;
        world.server.wait_for_app("shop", "Running").await;
        assert_eq!(containers(&daemon).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_the_engine_during_a_build_the_pushed_page_is_live_in_the_end() {
    let (mut daemon, mut world) = engine_with_a_world().await;
    world.connect_webhook().await;
    world.deploy("Success").await;
    for outage in [Outage::Stopped, Outage::Killed, Outage::Frozen] {
        let page = format!("{outage:?}");
        let path = slow_build(&mut world, &page).await;
        outage.begins(&daemon).await;
        world.server.wait_for_the_banner().await;
        outage.ends(&mut daemon).await;
        world.server.wait_for(&path, &["Success"]).await;
        answers_with(&world, &daemon, &page).await;
        assert_eq!(containers(&daemon).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_stopped_stays_stopped_whatever_happens_to_the_engine() {
    let (mut daemon, mut world) = engine_with_a_world().await;
    world.deploy("Success").await;
    let container = daemon.client().list_containers(None::<ListContainersOptions>).await.unwrap().remove(0).id.unwrap();
    daemon.client().stop_container(&container, None::<StopContainerOptions>).await.unwrap();
    world.server.wait_for_app("shop", "Stopped").await;
    for outage in [Outage::Stopped, Outage::Killed, Outage::Frozen] {
        outage.begins(&daemon).await;
        world.server.wait_for_the_banner().await;
        outage.ends(&mut daemon).await;
        world.server.wait_for_app("shop", "Stopped").await;
    }
    world.server.browser.post("/apps/shop/start", &[]).await.expect(303);
    answers_with(&world, &daemon, "first").await;
    assert_eq!(containers(&daemon).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_the_engine_is_frozen_is_shown_when_it_thaws() {
    let (daemon, mut world) = engine_with_a_world().await;
    world.deploy("Success").await;
    daemon.freeze().await;
    world.server.wait_for_app("shop", "Unknown").await;
    daemon.thaw();
    world.server.wait_for_app("shop", "Running").await;
    answers_with(&world, &daemon, "first").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_engine_is_said_by_every_probe_and_restarts_nobody() {
    let daemon = Daemon::start().await;
    let mut server = Server::binary(Some(daemon.address())).await;
    server.browser.get("/health/live").await.expect(200);
    server.set_up().await;
    let token = server.make_token("monitor", "read").await;
    let mut program = server.program(&token);
    let well = program.get("/health").await.expect(200).json();
    assert_eq!(well["status"], "ok", "{well:#}");
    assert_eq!(well["components"]["docker"]["version"], daemon.client().version().await.unwrap().version.unwrap());
    assert!(well["components"]["git"]["version"].as_str().unwrap().starts_with(|digit: char| digit.is_ascii_digit()));
    program.get("/health/ready").await.expect(200);

    daemon.freeze().await;
    let began = Instant::now();
    let said = program.get("/health").await.expect(200).json();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!((&said["status"], &said["components"]["docker"]["ok"]), (&"degraded".into(), &false.into()), "{said:#}");
    assert_eq!(program.get("/health/ready").await.expect(503).json()["failing"], serde_json::json!(["docker"]));
    assert_eq!(server.healthcheck().await, Some(0));
    for path in ["/", "/system", "/settings"] {
        let began = Instant::now();
        server.browser.get(path).await.expect(200);
        assert!(began.elapsed() < SOON, "{path}: {:?}", began.elapsed());
    }
    let connections = join_all((0..100).map(|_| async { server.new_browser().get("/health/ready").await.status.as_u16() }));
    assert!(connections.await.iter().all(|status| *status == 503));

    daemon.thaw();
    eventually("µPaaS to be ready again", async || {
        let reply = program.get("/health/ready").await;
        if reply.status == 200 { Ok(()) } else { Err(reply.body) }
    })
    .await;
    assert_eq!(program.get("/health").await.expect(200).json()["status"], "ok");
}
