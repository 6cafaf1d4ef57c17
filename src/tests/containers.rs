//! What happens to containers outside µPaaS: it is seen, shown, and where that is sure, put right.

use upaas::domain::ids::AppId;

use super::support::{
    eventually,
    fake::{Fake, Step},
    gitea::{Hook, ZEROS, commit},
    server::Server,
};

async fn with_running_shop(fake: &Fake) -> Server {
    let mut server = Server::fake(fake).await;
    server.set_up().await;
    server.create_shop(&[("container_port", "80"), ("host_port", "8081")]).await.expect(303);
    server.deploy_to_the_end("shop").await;
    server.wait_for_app("shop", "Running").await;
    server
}

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
    eventually("the container to run again", async || {
        if fake.running() == (vec![1], vec![]) { Ok(()) } else { Err(format!("{:?}", fake.running())) }
    })
    .await;
    server.wait_for_app("shop", "Running").await;
}

#[tokio::test]
async fn a_stopped_app_whose_container_runs_says_so() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    server.browser.post("/apps/shop/stop", &[]).await.expect(303);
    server.wait_for_app("shop", "Stopped").await;
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
    fake.restart_all(9);
    server.wait_for_app("shop", "Running").await;
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
    fake.add_orphan(nobody);
    let browser = &mut server.browser;
    eventually("the orphan to be listed", async || {
        let listed = browser.get("/system").await.text("#orphans");
        if listed.contains("orphan") && listed.contains("#7") { Ok(()) } else { Err(listed) }
    })
    .await;
    server.stop().await;
    server.start_fake(&fake).await;
    server.wait_for_app("shop", "Running").await;
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
    eventually("the old container to be stopped", async || {
        if fake.acts().contains(&"start c2-of-2".to_owned()) { Ok(()) } else { Err(format!("{:?}", fake.acts())) }
    })
    .await;
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
    eventually("the new container to be about to start", async || {
        if fake.acts().contains(&"start c2-of-1".to_owned()) { Ok(()) } else { Err(format!("{:?}", fake.acts())) }
    })
    .await;
    asking.abort();
    let _ = asking.await;
    fake.release(Step::Start);
    server.wait_for_app("shop", "Running").await;
    assert_eq!(fake.running(), (vec![1], vec![]));
}
