//! How deployments end.

use super::world::{SERVE, World, until_settled};
use crate::support::engine::dockerfile;

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_commit_answers_and_the_next_one_replaces_it() {
    let mut world = World::with_shop(None).await;
    let page = world.deploy("Success").await;
    assert_eq!(world.answer().await, "first");
    assert!(page.text("#journal").contains("[1/3] COPY busybox"), "{}", page.text("#journal"));

    let commit = world.repository.push("main", &[("index.html", "second")]);
    let page = world.deploy("Success").await;
    assert_eq!(page.text(".commit code"), commit[..8]);
    assert!(page.text(".facts").contains("replace: host port"));
    assert_eq!(world.answer().await, "second");
    assert_eq!(world.left.containers().await.len(), 1, "the old container is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_automatic_port_is_shown_and_overlaps() {
    let mut world = World::with_shop(Some("auto")).await;
    world.deploy("Success").await;
    let page = world.deploy("Success").await;
    assert!(page.text(".facts").contains("overlap: no gap"));
    let address = world.server.browser.get("/apps/shop").await.text("#app-state .address");
    let port = address.split(" → ").next().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    assert_eq!(world.answer_on(port).await, "first");
    assert_eq!(world.left.containers().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_dockerfile_fails_with_its_step() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    world.repository.push("main", &[("Dockerfile", &dockerfile("RUN echo on the way; exit 3"))]);
    world.fails_and_the_first_version_serves("Step 3 of 3 failed: “RUN echo on the way; exit 3” exited with 3.").await;
    world.repository.push("main", &[("Dockerfile", "FRM scratch\n")]);
    world.fails_and_the_first_version_serves("The Dockerfile cannot be read: line 1: unknown instruction: FRM").await;
    world.repository.push("main", &[("Dockerfile", &dockerfile("COPY nowhere /"))]);
    world.fails_and_the_first_version_serves("is not in the build context: COPY nowhere /").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_exits_at_once_fails_with_its_code() {
    let mut world = World::with_shop_and(None, until_settled()).await;
    world.deploy("Success").await;
    world.repository.push("main", &[("Dockerfile", &dockerfile("CMD [\"sh\", \"-c\", \"echo no database; exit 7\"]"))]);
    world.fails_and_the_first_version_serves("exited right after its start").await;
    let journal = world.server.browser.get("/apps/shop/deployments/2").await.text("#journal");
    assert!(journal.contains("no database") && journal.contains("Started the previous version again"), "{journal}");

    world.repository.push("main", &[("Dockerfile", &dockerfile("CMD [\"/bin/nothing\"]"))]);
    world.fails_and_the_first_version_serves("The container's command could not be started").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_branch_fails_by_name() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    world.repository.push("other", &[]);
    world.repository.delete_branch("main");
    world.fails_and_the_first_version_serves("The repository has no branch “main”.").await;
    assert!(world.test_connection().await.contains("it has no branch “main”"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_not_added_or_belongs_elsewhere_is_told_apart() {
    let mut world = World::with_unconnected_shop(None).await;
    world.confirm_host_key("shop").await;
    assert!(world.test_connection().await.contains("does not know this app's deploy key"));
    world.connect("shop").await;
    world.deploy("Success").await;

    let other = world.forge.repository("other");
    let key = world.server.browser.get("/apps/shop").await.text("#public-key");
    world.forge.forget_keys();
    world.forge.allow(&other, &key);
    world.fails_and_the_first_version_serves("this repository cannot be read: refused: this key may only read other.git").await;
    world.forge.forget_keys();
    world.fails_and_the_first_version_serves("does not know this app's deploy key").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_host_and_a_changed_host_key_are_told_apart() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    world.forge.down();
    world.fails_and_the_first_version_serves("cannot be reached").await;
    assert!(world.test_connection().await.contains("cannot be reached"));

    world.forge.new_host_key();
    world.forge.up().await;
    world.fails_and_the_first_version_serves("shows another host key than the one you confirmed").await;
    assert!(world.test_connection().await.contains("Trust the new key"));
    world.confirm_host_key("shop").await;
    world.deploy("Success").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unconfirmed_host_key_fails_the_deployment() {
    let mut world = World::with_unconnected_shop(None).await;
    let page = world.deploy("Failed").await;
    assert!(page.text(".failure-sentence").contains("is not confirmed yet"), "{}", page.text(".failure"));
    world.forge.down();
    let page = world.deploy("Failed").await;
    assert!(page.text(".failure-sentence").contains("cannot be reached"), "{}", page.text(".failure"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_build_is_cancelled_for_real() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    world.repository.push("main", &[("Dockerfile", &dockerfile(&format!("RUN echo begun && sleep 300\n{SERVE}")))]);
    let path = world.server.deploy("shop").await;
    let browser = &mut world.server.browser;
    crate::support::eventually("the step to run", async || {
        let journal = browser.get(&path).await.text("#journal");
        if (1..9).any(|step| journal.contains(&format!("#{step} begun"))) { Ok(()) } else { Err(journal) }
    })
    .await;
    let began = std::time::Instant::now();
    browser.post(&format!("{path}/cancellation"), &[]).await.expect(303);
    world.server.wait_for(&path, &["Cancelled"]).await;
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
    assert_eq!(world.answer().await, "first");
    assert_eq!(world.left.images().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_installation_on_the_same_engine_touches_nothing_of_the_first() {
    let mut one = World::with_shop(None).await;
    let mut other = World::with_shop(None).await;
    one.deploy("Success").await;
    other.repository.push("main", &[("index.html", "of the other")]);
    other.deploy("Success").await;
    other.deploy("Success").await;
    assert_eq!((one.answer().await, other.answer().await), ("first".to_owned(), "of the other".to_owned()));
    assert_eq!(one.left.containers().await.len(), 1);
    other.server.stop().await;
    other.server.start_real().await;
    one.deploy("Success").await;
    assert_eq!(other.answer().await, "of the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_stop_in_the_middle_of_a_build_the_next_start_goes_on() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    world.repository.push(
        "main",
        &[("Dockerfile", &dockerfile(&format!("RUN sleep 3; echo {}\n{SERVE}", uuid::Uuid::new_v4()))), ("index.html", "second")],
    );
    let path = world.server.deploy("shop").await;
    world.server.wait_for(&path, &["Building"]).await;
    world.server.stop().await;
    assert_eq!(world.answer().await, "first");
    world.server.start_real().await;
    world.server.wait_for(&path, &["Success"]).await;
    assert_eq!(world.answer().await, "second");
    assert_eq!(world.left.containers().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_while_the_old_version_is_being_stopped_brings_it_back() {
    let mut world = World::with_shop(None).await;
    // A web server as PID 1 without a handler ignores SIGTERM: stopping it takes the whole grace period.
    let stops_slowly = dockerfile(SERVE).replace("STOPSIGNAL SIGKILL\n", "");
    world.repository.push("main", &[("Dockerfile", &stops_slowly)]);
    world.deploy("Success").await;
    let path = world.server.deploy("shop").await;
    let browser = &mut world.server.browser;
    crate::support::eventually("the old version to be stopped", async || {
        let journal = browser.get(&path).await.text("#journal");
        if journal.contains("Stopping #1") { Ok(()) } else { Err(journal) }
    })
    .await;
    browser.post(&format!("{path}/cancellation"), &[]).await.expect(303);
    world.server.wait_for(&path, &["Cancelled"]).await;
    assert_eq!(world.answer().await, "first");
    assert_eq!(world.left.containers().await.len(), 1);
    world.server.wait_for_app("shop", "Running").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_in_the_middle_of_a_replace_comes_back_to_the_old_version_and_goes_on() {
    let mut world = World::with_shop_and(None, until_settled()).await;
    world.deploy("Success").await;
    world.repository.push("main", &[("index.html", "second")]);
    let path = world.server.deploy("shop").await;
    assert_eq!(world.answers_with("second").await, "second", "the new one is on the port, and not live yet");
    world.server.abandon();
    world.server.start_real().await;
    world.server.wait_for(&path, &["Success"]).await;
    assert_eq!(world.answer().await, "second");
    assert_eq!(world.left.containers().await.len(), 1);
    assert_eq!(world.left.images().await.len(), 2, "nothing is left of the killed attempt");
}
