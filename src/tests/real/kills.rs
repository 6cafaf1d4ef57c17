//! `kill -9` of the process at every phase: after the next start the pushed commit is live, nothing else of ours is there, and until
//! then the old version serves.

use super::world::{SERVE, World};
use crate::support::{
    engine::dockerfile,
    eventually,
    proxy::{Mode, Proxy},
};

#[tokio::test(flavor = "multi_thread")]
async fn while_cloning() {
    let mut world = World::serving_binary(None, None).await;
    world.forge.hold_fetches();
    let path = world.push_page("second");
    eventually("the fetch to begin", async || if world.forge.fetch_is_held() { Ok(()) } else { Err(String::new()) }).await;
    world.server.kill();
    assert_eq!(world.answer().await, "first");
    world.forge.release_fetches();
    world.server.start_binary().await;
    ends_well(&mut world, &path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_building() {
    let mut world = World::serving_binary(None, None).await;
    let path = push_slow_build(&world, 3);
    wait_for_step(&mut world, &path, "RUN sleep 3").await;
    world.server.kill();
    assert_eq!(world.answer().await, "first");
    world.server.start_binary().await;
    ends_well(&mut world, &path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_container_is_created_or_started_and_the_engine_s_answer_is_lost() {
    for request in ["/containers/create", "/start"] {
        let proxy = Proxy::start(Mode::Pass);
        let mut world = World::serving_binary(None, Some(proxy.address())).await;
        proxy.set(Mode::LoseAnswer(request));
        let path = world.push_page("second");
        proxy.has_caught_one().await;
        world.server.kill();
        proxy.set(Mode::Pass);
        world.server.start_binary().await;
        ends_well(&mut world, &path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_switch_before_the_new_one_is_live() {
    let mut world = World::serving_binary(None, None).await;
    let path = world.push_page("second");
    // Seen for as long as the new container has to prove itself.
    assert_eq!(world.answers_with("second").await, "second");
    world.server.kill();
    world.forge.hold_fetches();
    world.server.start_binary().await;
    assert_eq!(world.answers_with("first").await, "first", "the old one is brought back before anything else");
    world.forge.release_fetches();
    ends_well(&mut world, &path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_switch_after_the_new_one_is_live() {
    let proxy = Proxy::start(Mode::Pass);
    let mut world = World::serving_binary(None, Some(proxy.address())).await;
    proxy.set(Mode::Hold("DELETE "));
    let path = world.push_page("second");
    proxy.has_caught_one().await;
    world.server.kill();
    assert_eq!(world.answer().await, "second");
    proxy.set(Mode::Pass);
    world.server.start_binary().await;
    let page = world.server.wait_for(&path, &["Success"]).await;
    assert!(!page.text(".summary").contains("attempt"), "it is not tried again: {}", page.text(".summary"));
    world.only_this_serves("second").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn again_and_again_while_building_ends_after_three_attempts() {
    let mut world = World::serving_binary(None, None).await;
    let path = push_slow_build(&world, 60);
    for attempt in 1..=3 {
        if attempt > 1 {
            let browser = &mut world.server.browser;
            eventually("the next attempt", async || {
                let said = browser.get(&path).await.text(".summary");
                if said.contains(&format!("attempt {attempt}")) { Ok(()) } else { Err(said) }
            })
            .await;
        }
        wait_for_step(&mut world, &path, "RUN sleep 60").await;
        world.server.kill_and_start_again().await;
    }
    let page = world.server.wait_for(&path, &["Failed"]).await;
    assert!(page.text(".failure-sentence").starts_with("Interrupted 3 times while building"), "{}", page.text(".failure"));
    world.only_this_serves("first").await;
}

/// Pushes a second version whose build takes these seconds, because no other build has the same step. Returns its deployment's path.
fn push_slow_build(world: &World, seconds: u32) -> String {
    let slow = format!("RUN sleep {seconds}; echo {}\n{SERVE}", uuid::Uuid::new_v4());
    world.repository.push("main", &[("Dockerfile", &dockerfile(&slow)), ("index.html", "second")]);
    world.delivered()
}

/// Waits until the build of the present attempt is at a step.
async fn wait_for_step(world: &mut World, path: &str, step: &str) {
    let browser = &mut world.server.browser;
    eventually("the build's step", async || {
        let page = browser.get(path).await;
        let journal = page.text("#journal");
        let this_attempt = journal.rsplit("Trying again").next().unwrap();
        if page.text(".summary .badge") == "Building" && this_attempt.contains(step) { Ok(()) } else { Err(journal) }
    })
    .await;
}

/// The deployment succeeds in its second attempt, and what it made is all that is there.
async fn ends_well(world: &mut World, path: &str) {
    let page = world.server.wait_for(path, &["Success"]).await;
    assert!(page.text(".summary").contains("attempt 2"), "{}", page.text(".summary"));
    world.only_this_serves("second").await;
}
