//! An engine whose disk becomes full: said in plain words, and nothing that serves is lost by it.

use super::world::{SERVE, World, limits};
use crate::support::{daemon::Daemon, engine::dockerfile, eventually};

/// The size of the engine's disk, in megabytes.
const DISK_MB: u64 = 400;

/// A step that leaves 10 MB.
const FILLS_ALMOST: &str = "RUN dd if=/dev/zero of=/fill bs=1M count=$(($(df -m / | awk 'NR==2 {print $4}') - 10))";

async fn answers_with(world: &World, daemon: &Daemon, text: &str) {
    eventually("the app's answer", async || match daemon.get(world.port) {
        Ok(said) if said == text => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

/// Pushes what a build begins with before it serves.
fn push(world: &World, first: &str, page: &str) {
    world.repository.push("main", &[("Dockerfile", &dockerfile(&format!("{first}\n{SERVE}"))), ("index.html", page)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_the_old_version_serves_and_everything_goes_on_when_there_is_space_again() {
    let daemon = Daemon::start_on_a_disk_of(DISK_MB).await;
    let mut world = World::with_shop_on(None, limits(), Some(daemon.address())).await;
    world.deploy("Success").await;
    answers_with(&world, &daemon, "first").await;
    let panel = world.server.browser.get("/system").await.text("#clean-up");
    assert!(panel.contains("engine’s disk:") && panel.contains("left of"), "its disk can be seen: {panel}");

    push(&world, &format!("{FILLS_ALMOST}\nRUN dd if=/dev/zero of=/more bs=1M count={DISK_MB}"), "second");
    let failure = world.deploy("Failed").await.text(".failure");
    assert!(failure.contains("The engine's disk became full during the build (") && failure.contains("left of"), "{failure}");
    assert!(failure.contains("prune the builder's cache"), "{failure}");
    answers_with(&world, &daemon, "first").await;

    // What the first step has written is the builder's, and stays: the next build is not even begun.
    push(&world, "", "third");
    let failure = world.deploy("Failed").await.text(".failure");
    assert!(failure.contains("too little for a build, so it was not begun."), "{failure}");
    answers_with(&world, &daemon, "first").await;

    world.server.browser.post("/system/builder-cache/pruning", &[]).await.expect(303);
    let browser = &mut world.server.browser;
    eventually("the cache to be pruned", async || {
        let said = browser.get("/system").await.text("#builder-cache");
        if said.contains("of the builder's cache went") { Ok(()) } else { Err(said) }
    })
    .await;
    world.deploy("Success").await;
    answers_with(&world, &daemon, "third").await;
}
