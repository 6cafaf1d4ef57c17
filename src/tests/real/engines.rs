//! Other engines than one that is new and well: an old one, a frozen one, none.

use std::time::{Duration, Instant};

use super::world::{SERVE, World, limits};
use crate::health::SOON;
use crate::support::{
    engine::dockerfile,
    eventually,
    proxy::{Mode, Proxy},
    server::Server,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_without_buildkit_builds_with_its_classic_builder() {
    let proxy = Proxy::start(Mode::OldApi);
    let mut world = World::with_shop_on(None, limits(), Some(proxy.address())).await;
    let page = world.deploy("Success").await;
    assert!(page.text("#journal").contains("building with its classic builder"), "{}", page.text("#journal"));
    assert_eq!(world.answer().await, "first");
    world.repository.push("main", &[("Dockerfile", &dockerfile("RUN echo on the way; exit 3"))]);
    world.fails_and_the_first_version_serves("failed: “RUN echo on the way; exit 3” exited with 3.").await;
    world.repository.push("main", &[("Dockerfile", &dockerfile("COPY nowhere /"))]);
    world.fails_and_the_first_version_serves("nowhere").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_engine_leaves_the_pages_quick_and_everything_goes_on_when_it_thaws() {
    let proxy = Proxy::start(Mode::Pass);
    let mut world = World::with_shop_on(None, limits(), Some(proxy.address())).await;
    world.deploy("Success").await;
    proxy.set(Mode::Frozen);
    let began = Instant::now();
    world.server.browser.get("/apps/shop").await.expect(200);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    world.server.wait_for_app("shop", "Unknown").await;
    assert!(began.elapsed() < Duration::from_secs(15), "what is not known is not claimed: {:?}", began.elapsed());
    world.repository.push("main", &[("index.html", "second")]);
    let path = world.server.deploy("shop").await;
    world.server.wait_for_the_banner().await;
    proxy.set(Mode::Pass);
    world.server.wait_for(&path, &["Success"]).await;
    assert_eq!(world.answer().await, "second");
    assert_eq!(world.left.containers().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_there_is_a_banner_and_the_queue_waits() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = format!("unix://{}/docker.sock", folder.path().display());
    let mut server = Server::real(limits(), Some(nowhere)).await;
    server.set_up().await;
    server.create_shop(&[]).await.expect(303);
    let path = server.deploy("shop").await;
    let browser = &mut server.browser;
    eventually("the banner", async || {
        let page = browser.get(&path).await;
        let said = format!("{} {}", page.text("#alerts"), page.text(".note"));
        if said.contains("The engine cannot be reached") && said.contains("Waiting for the engine") { Ok(()) } else { Err(said) }
    })
    .await;
    std::os::unix::fs::symlink("/var/run/docker.sock", folder.path().join("docker.sock")).unwrap();
    let page = server.wait_for(&path, &["Failed"]).await;
    assert!(page.text(".failure-sentence").contains("cannot be resolved"), "it went on by itself: {}", page.text(".failure"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_freezes_in_the_middle_of_a_build_does_not_lose_the_deployment() {
    let proxy = Proxy::start(Mode::Pass);
    let mut world = World::with_shop_on(None, limits(), Some(proxy.address())).await;
    world.repository.push("main", &[("Dockerfile", &dockerfile(&format!("RUN sleep 5; echo {}\n{SERVE}", uuid::Uuid::new_v4())))]);
    let path = world.server.deploy("shop").await;
    world.server.wait_for(&path, &["Building"]).await;
    proxy.set(Mode::Frozen);
    world.server.wait_for_the_banner().await;
    proxy.set(Mode::Pass);
    world.server.wait_for(&path, &["Success"]).await;
    assert_eq!(world.answer().await, "first");
}
