//! A person's stop and start, where the engine does not do what it is told.

use upaas::deploy::platform::FailureKind;

use super::support::{
    fake::{Fake, Step},
    gitea::{Hook, ZEROS, commit},
    shop::with_running_shop,
};

#[tokio::test]
async fn a_stop_that_failed_leaves_the_app_as_it_was_wanted() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let hook = Hook::of(&mut server, "shop").await;
    server.browser.post("/apps/shop/stop", &[]).await.expect(303);
    server.wait_for_app("shop", "Stopped").await;
    fake.start_all();
    server.wait_for_app("shop", "Running").await;
    fake.fail(Step::Stop, FailureKind::Final);
    let refused = server.browser.post("/apps/shop/stop", &[]).await.expect(409);
    assert!(refused.text("main").contains("It failed at Stop."), "{}", refused.text("main"));
    let page = server.browser.get("/apps/shop").await.text("#app-state");
    assert!(page.contains("should be stopped, but its container runs"), "{page}");
    assert!(hook.push("main", ZEROS, &commit('a')).await.text.contains("the app is stopped"));

    server.browser.post("/apps/shop/start", &[]).await.expect(303);
    server.browser.post("/apps/shop/stop", &[]).await.expect(409);
    assert_eq!(hook.push("main", ZEROS, &commit('a')).await.status, 202, "one that should run should run");
}

#[tokio::test]
async fn a_stop_that_the_engine_may_still_carry_out_stays_the_wish() {
    for kind in [FailureKind::EngineSlow, FailureKind::EngineLost] {
        let fake = Fake::default();
        let mut server = with_running_shop(&fake).await;
        fake.fail(Step::Stop, kind);
        server.browser.post("/apps/shop/stop", &[]).await.expect(503);
        let page = server.browser.get("/apps/shop").await.text("#app-state");
        assert!(page.contains("or the engine has not stopped it"), "{kind:?}: {page}");
        fake.stop_all();
        server.wait_for_app("shop", "Stopped").await;
        fake.mend(Step::Stop);
        server.stop().await;
        server.start_fake(&fake).await;
        server.wait_for_app("shop", "Stopped").await;
        assert_eq!(fake.running(), (vec![], vec![1]), "{kind:?}");
    }
}

#[tokio::test]
async fn a_crash_loop_that_could_not_be_started_is_still_one() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.restart_all(10);
    server.wait_for_app("shop", "Crash loop").await;
    fake.fail(Step::Start, FailureKind::Final);
    server.browser.post("/apps/shop/start", &[]).await.expect(409);
    let said = server.browser.get("/apps/shop").await.text("#app-state");
    assert!(said.contains("Crash loop") && said.contains("Stopped after 10 restarts within"), "{said}");
    fake.mend(Step::Start);
    server.stop().await;
    server.start_fake(&fake).await;
    server.wait_for_app("shop", "Crash loop").await;
    assert_eq!(fake.running(), (vec![], vec![1]), "a start of µPaaS does not start the loop again");
    server.browser.post("/apps/shop/start", &[]).await.expect(303);
    server.wait_for_app("shop", "Running").await;
    fake.crash_all();
    server.wait_for_app("shop", "Exited").await;
}
