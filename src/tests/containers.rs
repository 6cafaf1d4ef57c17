//! What happens to containers outside µPaaS: it is seen, shown, and where that is sure, put right.

use upaas::{
    deploy::platform::FailureKind,
    domain::{
        ids::AppId,
        port::{Held, Holder, Protocol, Taken},
    },
};

use super::support::{
    eventually,
    fake::{Fake, Step},
    gitea::{Hook, ZEROS, commit},
    server::Server,
    shop::{ANY_PORT, FIXED_PORT, with_running_shop, with_shop},
};

#[tokio::test]
async fn a_container_stopped_by_hand_makes_its_app_a_stopped_one_for_good() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let hook = Hook::of(&mut server, "shop").await;
    fake.stop_all();
    server.wait_for_app("shop", "Stopped").await;
    assert!(hook.push("main", ZEROS, &commit('a')).await.text.contains("the app is stopped"));
    server.stop().await;
    server.start_fake(&fake).await;
    server.wait_for_app("shop", "Stopped").await;
    assert_eq!(fake.running(), (vec![], vec![1]), "what was stopped by hand stays stopped");
}

#[tokio::test]
async fn a_restart_by_hand_is_no_stop() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.stop_all();
    fake.start_all();
    // A stop that counts would be noted by the time that another app's is.
    server.create_shop(&[("slug", "blog"), ("container_port", "80"), ("host_port", "8082")]).await.expect(303);
    server.deploy_to_the_end("blog").await;
    server.browser.post("/apps/blog/stop", &[]).await.expect(303);
    server.wait_for_app("blog", "Stopped").await;
    server.wait_for_app("shop", "Running").await;
}

#[tokio::test]
async fn an_engine_that_stops_our_containers_and_goes_is_no_stop_by_hand() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.stop_all();
    fake.cut_events();
    fake.until_running((vec![1], vec![])).await;
    server.wait_for_app("shop", "Running").await;
}

#[tokio::test]
async fn a_stopped_app_whose_container_runs_says_so() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    server.browser.post("/apps/shop/stop", &[]).await.expect(303);
    let page = server.wait_for_app("shop", "Stopped").await;
    assert!(page.text("title").starts_with("○ Stopped: shop"), "{}", page.text("title"));
    fake.start_all();
    let page = server.wait_for_app("shop", "Running").await;
    assert!(page.text("#app-state").contains("should be stopped, but its container runs"), "{}", page.text("#app-state"));
    server.browser.post("/apps/shop/start", &[]).await.expect(303);
    let page = server.wait_for_app("shop", "Running").await;
    assert!(!page.text("#app-state").contains("should be stopped"));
}

#[tokio::test]
async fn a_removed_container_is_made_anew_from_the_same_image() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.forget_all();
    let page = server.wait_for_app("shop", "Container removed").await;
    assert!(page.text("#app-state").contains("“Start again” makes it anew"), "{}", page.text("#app-state"));
    server.browser.post("/apps/shop/start", &[]).await.expect(303);
    server.wait_for_app("shop", "Running").await;
    assert_eq!(fake.running(), (vec![1], vec![]));
    assert_eq!(fake.acts().iter().filter(|act| act.starts_with("build")).count(), 1, "nothing is built: {:?}", fake.acts());
    server.deploy_to_the_end("shop").await;
    assert_eq!(fake.running(), (vec![2], vec![]), "the next deployment replaces it as any other");
}

#[tokio::test]
async fn a_container_that_keeps_exiting_is_stopped_and_a_push_still_mends_it() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let hook = Hook::of(&mut server, "shop").await;
    // What was seen of it before is what its restarts are counted from.
    fake.pause_all(true);
    server.wait_for_app("shop", "Paused").await;
    fake.pause_all(false);
    server.wait_for_app("shop", "Running").await;
    fake.restart_all(9);
    fake.restart_all(1);
    let page = server.wait_for_app("shop", "Crash loop").await;
    let said = page.text("#app-state");
    assert!(said.contains("Stopped after 10 restarts within") && said.contains("with code 1."), "{said}");
    assert_eq!(fake.running(), (vec![], vec![1]));
    server.stop().await;
    server.start_fake(&fake).await;
    let hook = Hook { url: hook.url.replace(hook.url.split('/').nth(2).unwrap(), &server.address().to_string()), ..hook };
    server.wait_for_app("shop", "Crash loop").await;
    assert_eq!(fake.running(), (vec![], vec![1]), "a start of µPaaS does not start the loop again");
    assert_eq!(hook.push("main", ZEROS, &commit('a')).await.status, 202);
    server.wait_for("/apps/shop/deployments/2", &["Success"]).await;
    server.wait_for_app("shop", "Running").await;
}

#[tokio::test]
async fn an_orphan_is_shown_and_removed_by_hand_only() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let nobody = AppId::new();
    fake.add_orphan(nobody, false);
    let listed = async |server: &mut Server| {
        eventually("the orphan to be listed", async || {
            let listed = server.browser.get("/system").await.text("#orphans");
            if listed.contains("orphan") && listed.contains("#7") { Ok(()) } else { Err(listed) }
        })
        .await;
    };
    listed(&mut server).await;
    server.stop().await;
    server.start_fake(&fake).await;
    server.wait_for_app("shop", "Running").await;
    listed(&mut server).await;
    assert_eq!(fake.running(), (vec![1], vec![7]), "nothing of it is touched by itself");
    let live = "c1-of-1";
    server.browser.post("/system/orphans/removal", &[("container", live)]).await.expect(409);
    server.browser.post("/system/orphans/removal", &[("container", "orphan")]).await.expect(303);
    assert_eq!(fake.running(), (vec![1], vec![]));
}

#[tokio::test]
async fn stopping_for_a_deployment_is_no_stop_by_hand() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let hook = Hook::of(&mut server, "shop").await;
    fake.hold(Step::Start);
    let path = server.deploy("shop").await;
    fake.until_act("start c2-of-2").await;
    server.browser.post(&format!("{path}/cancellation"), &[]).await.expect(303);
    fake.release(Step::Start);
    server.wait_for(&path, &["Cancelled"]).await;
    server.wait_for_app("shop", "Running").await;
    assert_eq!(hook.push("main", ZEROS, &commit('a')).await.status, 202, "the app counts as running");
}

#[tokio::test]
async fn an_act_goes_on_when_who_asked_for_it_hangs_up() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.forget_all();
    fake.hold(Step::Start);
    let mut hasty = server.browser.clone();
    let asking = tokio::spawn(async move { hasty.post("/apps/shop/start", &[]).await });
    fake.until_act("start c2-of-1").await;
    asking.abort();
    let _ = asking.await;
    fake.release(Step::Start);
    server.wait_for_app("shop", "Running").await;
    assert_eq!(fake.running(), (vec![1], vec![]));
}

#[tokio::test]
async fn an_engine_that_is_lost_under_a_fetch_gets_its_app_started_at_once() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.hold(Step::Fetch);
    let path = server.deploy("shop").await;
    server.wait_for(&path, &["Cloning"]).await;
    fake.crash_all();
    fake.cut_events();
    fake.until_running((vec![1], vec![])).await;
    fake.fail(Step::Fetch, FailureKind::Final);
    fake.release(Step::Fetch);
    server.wait_for(&path, &["Failed"]).await;
    fake.until_running((vec![1], vec![])).await;
}

#[tokio::test]
async fn a_stop_that_goes_on_in_the_engine_after_us_is_our_own_and_is_undone() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.hold(Step::Stop);
    let path = server.deploy("shop").await;
    fake.until_act("stop c1-of-1").await;
    server.abandon();
    fake.release(Step::Stop);
    fake.fail(Step::Fetch, FailureKind::Final);
    server.start_fake(&fake).await;
    server.wait_for(&path, &["Failed"]).await;
    fake.stop_all();
    fake.until_running((vec![1], vec![])).await;
    server.wait_for_app("shop", "Running").await;
}

#[tokio::test]
async fn a_second_container_of_the_live_deployment_is_removed_and_never_started() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.add_twin(1);
    fake.crash_all();
    fake.cut_events();
    fake.until_running((vec![1], vec![])).await;
    assert!(!fake.acts().contains(&"start twin".to_owned()), "{:?}", fake.acts());
    server.wait_for_app("shop", "Running").await;
}

#[tokio::test]
async fn a_container_from_before_its_row_is_an_orphan_although_it_has_its_number() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.add_older_successor(1);
    let page = server.deploy_to_the_end("shop").await;
    assert_eq!(page.text(".summary .badge"), "Success");
    fake.until_running((vec![2], vec![2])).await;
    let system = server.browser.get("/system").await;
    assert!(system.text("#orphans").contains("#2"), "{}", system.text("main"));
}

#[tokio::test]
async fn a_crash_loop_whose_stop_failed_is_stopped_the_next_time() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.fail(Step::Stop, FailureKind::Final);
    fake.restart_all(10);
    fake.until_act("stop c1-of-1").await;
    fake.mend(Step::Stop);
    eventually("the loop to be stopped", async || {
        fake.restart_all(10);
        if fake.running().0.is_empty() { Ok(()) } else { Err(format!("{:?}", fake.acts())) }
    })
    .await;
    server.wait_for_app("shop", "Crash loop").await;
}

#[tokio::test]
async fn a_container_stopped_by_hand_during_a_build_stays_stopped() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let hook = Hook::of(&mut server, "shop").await;
    fake.hold(Step::Build);
    hook.push("main", ZEROS, &commit('a')).await;
    server.wait_for("/apps/shop/deployments/2", &["Building"]).await;
    fake.stop_all();
    let page = server.wait_for("/apps/shop/deployments/2", &["Cancelled"]).await;
    assert_eq!(page.text(".note"), "Cancelled because its container was stopped outside µPaaS, while building.");
    fake.release(Step::Build);
    server.stop().await;
    server.start_fake(&fake).await;
    server.wait_for_app("shop", "Stopped").await;
    assert_eq!(fake.running(), (vec![], vec![1]));
}

#[tokio::test]
async fn what_had_exited_before_an_absence_is_not_started_after_it() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.crash_all();
    server.wait_for_app("shop", "Exited").await;
    fake.fail(Step::Hello, FailureKind::EngineLost);
    server.wait_for_the_banner().await;
    fake.mend(Step::Hello);
    server.wait_for_app("shop", "Exited").await;
    // What is put in order is in order by the time that something queued runs.
    fake.fail(Step::Fetch, FailureKind::Final);
    server.deploy_to_the_end("shop").await;
    assert_eq!(fake.running(), (vec![], vec![1]));
}

#[tokio::test]
async fn a_paused_container_is_shown_as_paused() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.pause_all(true);
    let page = server.wait_for_app("shop", "Paused").await;
    assert!(page.text("#app-state").contains("“docker unpause” lets it go on"), "{}", page.text("#app-state"));
    fake.pause_all(false);
    server.wait_for_app("shop", "Running").await;
}

#[tokio::test]
async fn a_new_container_that_is_paused_while_it_starts_does_not_replace_what_serves() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    server.deploy_to_the_end("shop").await;
    fake.hold(Step::Start);
    let path = server.deploy("shop").await;
    fake.reached(Step::Start).await;
    fake.pause_all(true);
    fake.release(Step::Start);
    let failure = server.wait_for(&path, &["Failed"]).await.text(".failure");
    assert!(failure.contains("The container was paused by somebody else while it started."), "{failure}");
    assert_eq!(fake.running(), (vec![1], vec![]));
}

#[tokio::test]
async fn a_restart_is_of_the_same_container_and_no_stop_by_anybody() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let hook = Hook::of(&mut server, "shop").await;
    server.browser.post("/apps/shop/restart", &[]).await.expect(303);
    let acts = fake.acts();
    assert_eq!(acts[acts.len() - 2..], ["stop c1-of-1", "start c1-of-1"], "nothing is fetched, built or made");
    // A stop that counts would be noted by the time that another app's is.
    server.create_shop(&[("slug", "blog"), ("container_port", "80"), ("host_port", "8082")]).await.expect(303);
    server.deploy_to_the_end("blog").await;
    server.browser.post("/apps/blog/stop", &[]).await.expect(303);
    server.wait_for_app("blog", "Stopped").await;
    server.wait_for_app("shop", "Running").await;
    assert_eq!(hook.push("main", ZEROS, &commit('a')).await.status, 202, "the app counts as running");
    server.wait_for("/apps/shop/deployments/2", &["Success"]).await;
    server.wait_for_app("shop", "Running").await;
    fake.pause_all(true);
    server.wait_for_app("shop", "Paused").await;
    server.browser.post("/apps/shop/restart", &[]).await.expect(303);
    server.wait_for_app("shop", "Running").await;
}

#[tokio::test]
async fn a_restart_is_refused_in_plain_words_where_there_is_nothing_to_restart() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, FIXED_PORT).await;
    let refused = async |server: &mut Server, why: &str| {
        let said = server.browser.post("/apps/shop/restart", &[]).await.expect(409).text("main");
        assert!(said.contains(why), "{said}");
    };
    refused(&mut server, "Nothing is deployed yet.").await;
    server.deploy_to_the_end("shop").await;
    let page = server.wait_for_app("shop", "Running").await;
    assert!(page.attribute("form[action='/apps/shop/restart']", "action").is_some());
    fake.hold(Step::Build);
    let path = server.deploy("shop").await;
    server.wait_for(&path, &["Building"]).await;
    refused(&mut server, "#2 is being deployed.").await;
    server.browser.post(&format!("{path}/cancellation"), &[]).await.expect(303);
    fake.release(Step::Build);
    server.wait_for(&path, &["Cancelled"]).await;
    server.browser.post("/apps/shop/stop", &[]).await.expect(303);
    refused(&mut server, "The app is stopped").await;
    server.browser.post("/apps/shop/start", &[]).await.expect(303);
    fake.forget_all();
    server.wait_for_app("shop", "Container removed").await;
    refused(&mut server, "The container of #1 is gone.").await;
    fake.fail(Step::Hello, FailureKind::EngineLost);
    server.wait_for_the_banner().await;
    let away = server.browser.post("/apps/shop/restart", &[]).await.expect(503);
    assert_eq!(away.text("h1"), "The engine does not answer");
    assert!(away.text("main").contains("The engine cannot be reached, so nothing can be restarted now."), "{}", away.text("main"));
}

#[tokio::test]
async fn a_container_that_does_not_start_again_is_said_and_tried_again() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.fail(Step::Settle, FailureKind::Final);
    let said = server.browser.post("/apps/shop/restart", &[]).await.expect(409).text("main");
    assert!(said.contains("The container of #1 was stopped and does not run again.") && said.contains("with code 3"), "{said}");
    fake.fail(Step::Start, FailureKind::Final);
    let said = server.browser.post("/apps/shop/restart", &[]).await.expect(409).text("main");
    assert!(said.contains("It failed at Start."), "{said}");
    fake.mend(Step::Start);
    fake.until_running((vec![1], vec![])).await;
}

#[tokio::test]
async fn a_restart_goes_on_when_who_asked_for_it_hangs_up() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.hold(Step::Stop);
    let mut hasty = server.browser.clone();
    let asking = tokio::spawn(async move { hasty.post("/apps/shop/restart", &[]).await });
    fake.until_act("stop c1-of-1").await;
    asking.abort();
    let _ = asking.await;
    fake.release(Step::Stop);
    fake.until_act("start c1-of-1").await;
    fake.until_running((vec![1], vec![])).await;
    server.wait_for_app("shop", "Running").await;
}

#[tokio::test]
async fn a_container_made_by_hand_from_an_image_of_ours_is_nobody_s() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.add_hand_made(1);
    server.stop().await;
    server.start_fake(&fake).await;
    server.wait_for_app("shop", "Running").await;
    server.deploy_to_the_end("shop").await;
    fake.fail(Step::Settle, FailureKind::Final);
    server.deploy_to_the_end("shop").await;
    let orphans = server.browser.get("/system").await.text("#orphans");
    assert!(orphans.starts_with("Orphans None."), "{orphans}");
    server.browser.post("/system/orphans/removal", &[("container", "hand-made")]).await.expect(409);
    server.browser.post("/apps/shop/deletion", &[("slug", "shop")]).await.expect(303);
    fake.until_running((vec![1], vec![])).await;
    let touched: Vec<String> = fake.acts().into_iter().filter(|act| act.ends_with("hand-made")).collect();
    assert!(touched.is_empty(), "{touched:?}");
}

#[tokio::test]
async fn containers_of_older_versions_are_known_by_their_rows() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.age_all();
    fake.crash_all();
    fake.cut_events();
    fake.until_running((vec![1], vec![])).await;
    server.wait_for_app("shop", "Running").await;
    let held = Held { address: [127, 0, 0, 1].into(), port: 8081, protocol: Protocol::Tcp };
    fake.take_port(Taken { held, by: Holder::Container { id: "c1-of-1".to_owned(), name: "upaas-shop-1".to_owned() } });
    let page = server.deploy_to_the_end("shop").await;
    assert_eq!(page.text(".summary .badge"), "Success", "what it holds is its own: {}", page.text(".failure"));
    fake.until_running((vec![2], vec![])).await;
    fake.age_all();
    server.browser.post("/apps/shop/deletion", &[("slug", "shop")]).await.expect(303);
    fake.until_running((vec![], vec![])).await;
}

#[tokio::test]
async fn a_container_that_stays_up_while_its_app_is_worked_at_is_not_stopped_for_what_was_before() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    server.deploy_to_the_end("shop").await;
    server.wait_for_app("shop", "Running").await;
    fake.hold(Step::Start);
    let path = server.deploy("shop").await;
    fake.until_act("start c2-of-2").await;
    fake.restart_all(10);
    // It is judged before anything later is shown of it.
    fake.pause_all(true);
    server.wait_for_app("shop", "Paused").await;
    fake.pause_all(false);
    server.wait_for_app("shop", "Running").await;
    fake.release(Step::Start);
    server.wait_for(&path, &["Failed"]).await;
    // Whoever waits to work at it does so before this one.
    server.deploy_to_the_end("shop").await;
    let acts = fake.acts();
    let place = |act: &str| acts.iter().position(|it| it == act).unwrap_or_else(|| panic!("{act}: {acts:?}"));
    assert!(place("create #3") < place("stop c1-of-1"), "{acts:?}");
}
