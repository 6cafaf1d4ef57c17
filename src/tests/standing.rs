//! How an app stands is told by what is at work at it and by what is seen of its container, whatever number is the highest.

use upaas::deploy::platform::FailureKind;

use super::support::{
    eventually,
    fake::{Fake, Step},
    gitea::{Hook, ZEROS, commit},
    shop::{with_running_shop, with_shop},
};

#[tokio::test]
async fn an_app_whose_first_deployment_runs_is_busy_although_a_later_one_was_cancelled() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    fake.hold(Step::Build);
    let first = server.deploy("shop").await;
    server.wait_for(&first, &["Building"]).await;
    let second = server.deploy("shop").await;
    server.browser.post(&format!("{second}/cancellation"), &[]).await.expect(303);
    server.wait_for(&second, &["Cancelled"]).await;

    let list = server.browser.get("/").await.expect(200);
    assert_eq!(list.text("#app-shop .badge"), "Building");
    assert!(list.text("#app-shop .app-busy").starts_with("Building #1"), "{}", list.text("#app-shop"));
    assert_eq!(list.attribute("#app-shop .app-busy a", "href").as_deref(), Some("/apps/shop/deployments/1"));
    assert!(list.text("title").starts_with("● Apps"), "{}", list.text("title"));
    let page = server.browser.get("/apps/shop").await.expect(200);
    assert_eq!(page.text("#app-state .badge"), "Building");
    assert!(page.text("title").starts_with("● #1 Building: shop"), "{}", page.text("title"));
    fake.release(Step::Build);
    server.wait_for_app("shop", "Running").await;
}

#[tokio::test]
async fn what_is_refused_while_a_deployment_runs_is_not_offered_however_many_have_come_since() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let hook = Hook::of(&mut server, "shop").await;
    fake.reshape_all(|shape| shape.name = "mine".to_owned());
    let browser = &mut server.browser;
    eventually("the drift to be listed", async || {
        let list = browser.get("/").await.text("#app-shop");
        if list.contains("changed outside µPaaS") { Ok(()) } else { Err(list) }
    })
    .await;
    fake.hold(Step::Build);
    let mut before = ZEROS.to_owned();
    for digit in '1'..='9' {
        hook.push("main", &before, &commit(digit)).await;
        before = commit(digit);
        if digit == '1' {
            server.wait_for("/apps/shop/deployments/2", &["Building"]).await;
        }
    }
    hook.push("main", &before, &commit('a')).await;
    let page = server.browser.get("/apps/shop").await.expect(200);
    assert!(page.text("title").starts_with("● #2 Building: shop"), "{}", page.text("title"));
    assert!(!page.text("#overview").contains("Superseded #2"), "it is not among the recent ones");
    for act in ["start", "stop", "restart"] {
        assert_eq!(page.attribute(&format!("form[action='/apps/shop/{act}']"), "action"), None, "{act}");
    }
    assert_eq!(page.text("#drift"), "", "it is about to be made anew");
    let list = server.browser.get("/").await.text("#app-shop");
    assert!(list.contains("Building #2") && !list.contains("changed outside µPaaS"), "{list}");
    fake.release(Step::Build);
    server.wait_for("/apps/shop/deployments/11", &["Success"]).await;
}

#[tokio::test]
async fn of_what_does_not_run_nobody_says_that_it_still_serves() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.fail(Step::Fetch, FailureKind::Final);
    let page = server.deploy_to_the_end("shop").await;
    assert!(page.text(".failure").contains("#1 still serves."), "{}", page.text(".failure"));
    fake.crash_all();
    server.wait_for_app("shop", "Exited").await;
    let page = server.browser.get("/apps/shop/deployments/2").await.expect(200);
    assert!(!page.text(".failure").contains("still serves"), "{}", page.text(".failure"));
    let list = server.browser.get("/").await.text("#app-shop");
    assert!(list.contains("#2 failed: It failed at Fetch.") && !list.contains("still serves"), "{list}");
    server.browser.post("/apps/shop/start", &[]).await.expect(303);
    server.wait_for_app("shop", "Running").await;
    assert!(server.browser.get("/").await.text("#app-shop").contains("#1 still serves."));
    fake.pause_all(true);
    server.wait_for_app("shop", "Paused").await;
    assert!(!server.browser.get("/").await.text("#app-shop").contains("still serves"), "what is frozen answers nobody");
}
