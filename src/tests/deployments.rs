//! The life of a deployment: what each end says, and that the old version serves through all of them.

use std::time::Duration;

use upaas::{
    deploy::{Limits, platform::FailureKind},
    domain::app_config::network::NetworkUse,
};

use super::support::{
    eventually,
    fake::{Fake, Step},
    server::{Server, quick},
    shop::{FIXED_PORT, with_running_shop, with_shop, with_shop_within},
};

#[tokio::test]
async fn a_deployment_goes_through_its_phases_and_its_page_tells_all() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, FIXED_PORT).await;
    let page = server.deploy_to_the_end("shop").await;
    assert_eq!(page.text(".summary .badge"), "Success");
    assert_eq!(page.texts(".phase-word"), ["queued", "cloned", "built", "deployed"]);
    assert_eq!(page.attribute(".phases li:nth-child(2) a", "href").as_deref(), Some("?line=1#L1"));
    assert!(page.body.contains("<span class=\"a-32\">fetched</span> &lt;b&gt;&amp;"), "the journal is coloured and inert");
    assert!(page.text(".summary").contains("manual by ada"));
    let app = server.browser.get("/apps/shop").await.expect(200);
    assert_eq!(app.text("#app-state .badge"), "Running");
    assert!(app.text("#app-state").contains("0c79164d"));
    let download = server.browser.get("/apps/shop/deployments/1/journal").await.expect(200);
    assert!(download.header("content-disposition").contains("shop-1.log") && download.body.contains("# cloning"));
}

#[tokio::test]
async fn a_fixed_port_is_handed_over_old_first_and_the_gap_is_shown() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let page = server.deploy_to_the_end("shop").await;
    assert!(page.text(".facts").contains("replace: host port 8081, gap"), "{}", page.text(".facts"));
    assert_eq!(fake.running(), (vec![2], vec![]));
    let acts = fake.acts();
    let place = |act: &str| acts.iter().position(|it| it == act).unwrap_or_else(|| panic!("{act} in {acts:?}"));
    assert!(place("stop c1-of-1") < place("start c2-of-2"), "{acts:?}");
}

#[tokio::test]
async fn without_a_fixed_port_the_old_one_runs_until_the_new_one_does() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[("container_port", "80"), ("host_port", "auto")]).await;
    server.deploy_to_the_end("shop").await;
    let page = server.deploy_to_the_end("shop").await;
    assert!(page.text(".facts").contains("overlap: no gap"));
    assert_eq!(fake.running(), (vec![2], vec![]));
    let acts = fake.acts();
    let place = |act: &str| acts.iter().position(|it| it == act).unwrap_or_else(|| panic!("{act} in {acts:?}"));
    assert!(place("start c2-of-2") < place("stop c1-of-1"), "{acts:?}");
}

#[tokio::test]
async fn whatever_fails_the_old_version_serves_and_nothing_is_left() {
    for step in [Step::Fetch, Step::Build, Step::Create, Step::Start, Step::Settle] {
        for port in ["8081", "auto"] {
            let fake = Fake::default();
            let mut server = with_shop(&fake, &[("container_port", "80"), ("host_port", port)]).await;
            server.deploy_to_the_end("shop").await;
            // The old container must be startable again after a replace whose new one failed to start.
            fake.fail(step, FailureKind::Final);
            let path = server.deploy("shop").await;
            if step == Step::Start {
                fake.hold(Step::Remove);
                eventually("the new container to be removed", async || {
                    let acts = fake.acts();
                    if acts.iter().any(|act| act.starts_with("remove")) { Ok(()) } else { Err(format!("{acts:?}")) }
                })
                .await;
                fake.mend(Step::Start);
                fake.release(Step::Remove);
            }
            let page = server.wait_for(&path, &["Failed"]).await;
            assert!(!page.text(".failure-sentence").is_empty(), "{step:?}: {}", page.body);
            assert!(page.text(".failure").contains("#1 still serves."), "{step:?}: {}", page.text(".failure"));
            assert_eq!(fake.running(), (vec![1], vec![]), "{step:?} with port {port}: {:?}", fake.acts());
            server.wait_for_app("shop", "Running").await;
            assert!(server.browser.get("/").await.text("#app-shop").contains("#1 still serves"));
        }
    }
}

/// The shop, live, with the alias `shop` in the network `web`.
async fn with_an_alias(fake: &Fake, host_port: &str) -> Server {
    let mut server = with_shop(fake, &[("container_port", "80"), ("host_port", host_port)]).await;
    let network = NetworkUse { name: "web".parse().unwrap(), alias: Some("shop".parse().unwrap()) };
    server.configure("shop", |config| config.run.networks.push(network)).await;
    server.deploy_to_the_end("shop").await;
    server
}

#[tokio::test]
async fn beside_the_old_version_the_new_one_gets_its_alias_when_it_has_settled() {
    let fake = Fake::default();
    let mut server = with_an_alias(&fake, "auto").await;
    assert!(fake.wanted().run.networks[0].alias.is_some(), "the first version has it at once");
    server.deploy_to_the_end("shop").await;
    assert!(fake.wanted().run.networks[0].alias.is_none(), "the second one does not begin with it");
    let acts = fake.acts();
    let place = |act: &str| acts.iter().position(|it| it == act).unwrap_or_else(|| panic!("{act} in {acts:?}"));
    let given = place("c2-of-2 answers to shop in web");
    assert!(place("start c2-of-2") < given && given < place("keep c2-of-2 running"), "{acts:?}");
    assert_eq!(acts.iter().filter(|act| act.contains("answers to")).count(), 1, "{acts:?}");
}

#[tokio::test]
async fn where_the_old_version_stops_first_the_new_one_has_its_alias_at_once() {
    let fake = Fake::default();
    let mut server = with_an_alias(&fake, "8081").await;
    server.deploy_to_the_end("shop").await;
    assert!(fake.wanted().run.networks[0].alias.is_some() && !fake.acts().iter().any(|act| act.contains("answers to")));
}

#[tokio::test]
async fn a_new_version_that_cannot_have_its_alias_does_not_become_live() {
    let fake = Fake::default();
    let mut server = with_an_alias(&fake, "auto").await;
    fake.fail(Step::Alias, FailureKind::Final);
    let page = server.deploy_to_the_end("shop").await;
    assert_eq!(page.text(".summary .badge"), "Failed");
    assert!(page.text(".failure").contains("#1 still serves."), "{}", page.text(".failure"));
    assert_eq!(fake.running(), (vec![1], vec![]), "{:?}", fake.acts());
    let acts = fake.acts();
    assert!(acts.contains(&"remove c2-of-2".to_owned()), "it may be without its network: {acts:?}");
}

#[tokio::test]
async fn the_old_version_is_back_before_anything_else_is_tidied() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.fail(Step::Settle, FailureKind::Final);
    let page = server.deploy_to_the_end("shop").await;
    let acts = fake.acts();
    let last = |act: &str| acts.iter().rposition(|it| it == act).unwrap_or_else(|| panic!("{act} in {acts:?}"));
    let started = last("start c1-of-1");
    assert!(last("remove c2-of-2") < started && started < last("discard image #2"), "{acts:?}");
    let journal = page.text("#journal");
    assert!(journal.contains("Started the previous version again, ") && journal.contains(" after it was asked to stop"), "{journal}");
}

#[tokio::test]
async fn a_container_that_dies_at_once_leaves_its_last_words_in_the_journal() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    fake.fail(Step::Settle, FailureKind::Final);
    let page = server.deploy_to_the_end("shop").await;
    assert_eq!(page.text(".failure-sentence"), "The container exited right after its start, with code 3.");
    assert!(page.text(".failure .lines").contains("its last words"), "{}", page.body);
    assert_eq!(server.browser.get("/apps/shop").await.text("#app-state .badge"), "Failed");
}

#[tokio::test]
async fn cancel_works_in_every_phase_and_the_old_version_serves() {
    for step in [Step::Fetch, Step::Build, Step::Create, Step::Start] {
        let fake = Fake::default();
        let mut server = with_running_shop(&fake).await;
        fake.hold(step);
        let path = server.deploy("shop").await;
        let doing = match step {
            Step::Fetch => "Cloning",
            Step::Build => "Building",
            _ => "Deploying",
        };
        server.wait_for(&path, &[doing]).await;
        if step == Step::Start {
            fake.until_act("start c2-of-2").await;
        }
        server.browser.post(&format!("{path}/cancellation"), &[]).await.expect(303);
        // Undoing starts the old container again: that must not be held.
        fake.release(step);
        let page = server.wait_for(&path, &["Cancelled"]).await;
        assert!(page.text(".note").contains("Cancelled by ada while"), "{}", page.body);
        assert_eq!(fake.running(), (vec![1], vec![]), "{step:?}: {:?}", fake.acts());
        server.browser.post(&format!("{path}/cancellation"), &[]).await.expect(409);
    }
}

#[tokio::test]
async fn a_live_deployment_cannot_be_cancelled_any_more() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.hold(Step::Remove);
    let path = server.deploy("shop").await;
    fake.until_act("remove c1-of-1").await;
    let reply = server.browser.post(&format!("{path}/cancellation"), &[]).await.expect(409);
    assert!(reply.body.contains("serves already"), "{}", reply.body);
    fake.release(Step::Remove);
    server.wait_for(&path, &["Success"]).await;
}

#[tokio::test]
async fn what_waits_can_be_cancelled_and_a_second_press_adds_nothing() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    fake.hold(Step::Build);
    let first = server.deploy("shop").await;
    server.wait_for(&first, &["Building"]).await;
    let second = server.deploy("shop").await;
    assert_eq!(server.deploy("shop").await, second, "one that waits is the answer to another press");
    assert!(server.browser.get(&second).await.text(".note").contains("Waiting for its turn"));
    server.browser.post(&format!("{second}/cancellation"), &[]).await.expect(303);
    assert!(server.browser.get(&second).await.text(".note").contains("Cancelled by ada before it began"));
    fake.release(Step::Build);
    server.wait_for(&first, &["Success"]).await;
}

#[tokio::test]
async fn every_phase_has_a_deadline_that_ends_it_in_words() {
    let short = Duration::from_millis(150);
    for (step, limits, sentence) in [
        (Step::Fetch, Limits { fetch: short, ..quick() }, "Fetching took longer than 0.1 s and was stopped."),
        (Step::Build, Limits { build: short, ..quick() }, "The build took longer than 0.1 s and was stopped."),
        (Step::Create, Limits { deploy: short, ..quick() }, "Starting the container took longer than 0.1 s and was stopped."),
    ] {
        let fake = Fake::default();
        let mut server = with_shop_within(&fake, &[], limits).await;
        fake.hold(step);
        let page = server.deploy_to_the_end("shop").await;
        assert_eq!(page.text(".failure-sentence"), sentence);
    }
}

#[tokio::test]
async fn a_chosen_commit_is_exact() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    let commit = "1234567890123456789012345678901234567890";
    let path = server.browser.post("/apps/shop/deployments", &[("commit", commit)]).await.expect(303).location().to_owned();
    let page = server.wait_for(&path, &["Success"]).await;
    assert_eq!(page.text(".commit code"), "12345678");
    server.browser.post("/apps/shop/deployments", &[("commit", "main")]).await.expect(422);
}

#[tokio::test]
async fn the_list_is_paged_and_tells_how_each_ended() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    assert!(server.browser.get("/apps/shop/deployments").await.text("main").contains("No deployment yet."));
    for _ in 0..3 {
        server.deploy_to_the_end("shop").await;
    }
    fake.fail(Step::Build, FailureKind::Final);
    server.deploy_to_the_end("shop").await;
    let page = server.browser.get("/apps/shop/deployments").await.expect(200);
    let numbers = page.texts("ol.rows > li a.row-link");
    assert!(numbers[0].contains("#4") && numbers[3].contains("#1"), "{numbers:?}");
    assert!(page.text("ol.rows").contains("It failed at Build."));
    let older = server.browser.get("/apps/shop/deployments?before=3").await.expect(200);
    assert_eq!(older.texts("ol.rows > li a.row-link").len(), 2);
}

#[tokio::test]
async fn a_container_that_exits_or_is_removed_behind_our_back_is_shown() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    server.deploy_to_the_end("shop").await;
    fake.crash_all();
    let page = server.wait_for_app("shop", "Exited").await;
    assert!(page.text("#app-state").contains("does not run"), "{}", page.body);
    fake.forget_all();
    let page = server.wait_for_app("shop", "Container removed").await;
    assert!(page.text("#app-state").contains("behind µPaaS's back"));
}

#[tokio::test]
async fn retry_and_this_commit_again_mean_exactly_that_commit() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    let first = fake.tip();
    fake.fail(Step::Build, FailureKind::Final);
    server.deploy_to_the_end("shop").await;
    fake.mend(Step::Build);
    fake.set_tip("1234567890123456789012345678901234567890");
    for (before, label) in [(1, "Retry"), (2, "Deploy this commit again")] {
        let page = server.browser.get(&format!("/apps/shop/deployments/{before}")).await.expect(200);
        assert!(page.text("main").contains(label), "{}", page.text("main"));
        let commit = page.attribute("form[action='/apps/shop/deployments'] input[name=commit]", "value").unwrap();
        let path = server.browser.post("/apps/shop/deployments", &[("commit", &commit)]).await.expect(303).location().to_owned();
        let page = server.wait_for(&path, &["Success"]).await;
        assert_eq!(page.text(".commit code"), first[..8], "{label}");
    }
}

#[tokio::test]
async fn a_version_that_keeps_exiting_makes_way_and_is_started_again_when_the_next_one_fails() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.loop_all();
    fake.fail(Step::Settle, FailureKind::Final);
    let page = server.deploy_to_the_end("shop").await;
    assert_eq!(page.text(".summary .badge"), "Failed");
    let acts = fake.acts();
    let place = |act: &str| acts.iter().position(|it| it == act).unwrap_or_else(|| panic!("{act} in {acts:?}"));
    assert!(place("stop c1-of-1") < place("start c2-of-2"), "the engine would restart it on its port: {acts:?}");
    assert_eq!(fake.running(), (vec![1], vec![]));
    fake.loop_all();
    let facts = server.deploy_to_the_end("shop").await.text(".facts");
    assert!(facts.contains("replace: host port 8081") && !facts.contains("gap"), "nothing served before: {facts}");
    assert_eq!(fake.running(), (vec![3], vec![]));
}
