//! What was changed behind µPaaS's back is shown, and can be undone.

use upaas::domain::app_config::restart::RestartPolicy;

use super::support::{eventually, fake::Fake, shop::with_running_shop};

#[tokio::test]
async fn what_was_changed_outside_is_shown_and_made_anew() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let page = server.wait_for_app("shop", "Running").await;
    assert_eq!(page.text("#drift"), "", "nothing is as long as nobody has done anything");
    server.browser.post("/apps/shop/apply", &[]).await.expect(409);
    fake.reshape_all(|shape| {
        shape.memory = 64 << 20;
        shape.name = "mine".to_owned();
    });
    let browser = &mut server.browser;
    let page = eventually("the drift to be shown", async || {
        let page = browser.get("/apps/shop").await;
        let said = page.text("#drift");
        if said.contains("Memory no limit 64m") && said.contains("Name upaas-shop-1 mine") { Ok(page) } else { Err(said) }
    })
    .await;
    assert_eq!(page.text("#app-state .badge"), "Running", "it serves nevertheless");
    assert!(browser.get("/").await.text("#apps").contains("changed outside µPaaS"));
    let path = browser.post("/apps/shop/apply", &[]).await.expect(303).location().to_owned();
    server.wait_for(&path, &["Success"]).await;
    assert_eq!(server.wait_for_app("shop", "Running").await.text("#drift"), "");
    assert_eq!(fake.acts().iter().filter(|act| act.starts_with("build")).count(), 1, "nothing is built for that");
}

#[tokio::test]
async fn making_a_stopped_app_s_container_anew_says_that_it_starts_it_and_what_comes_with_it() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    server.browser.post("/apps/shop/stop", &[]).await.expect(303);
    server.wait_for_app("shop", "Stopped").await;
    fake.reshape_all(|shape| shape.name = "mine".to_owned());
    let browser = &mut server.browser;
    let shown = async |browser: &mut super::support::browser::Browser, expected: &str| {
        eventually(expected, async || {
            let said = browser.get("/apps/shop").await.text("#drift");
            if said.contains(expected) { Ok(said) } else { Err(said) }
        })
        .await
    };
    let said = shown(browser, "“Make it anew and start” makes the container again from the image of #1").await;
    assert!(!said.contains("not applied yet"), "{said}");
    server.configure("shop", |config| config.run.restart.policy = RestartPolicy::Never).await;
    shown(&mut server.browser, "1 change of the settings that is not applied yet comes with it.").await;
    let path = server.browser.post("/apps/shop/apply", &[]).await.expect(303).location().to_owned();
    server.wait_for(&path, &["Success"]).await;
    server.wait_for_app("shop", "Running").await;
}

#[tokio::test]
async fn what_the_engine_warns_of_stands_in_the_journal() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    assert!(!server.browser.get("/apps/shop/deployments/1").await.text("#journal").contains("The engine warns"));
    fake.warn("Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.");
    let page = server.deploy_to_the_end("shop").await;
    assert_eq!(page.text(".summary .badge"), "Success");
    let said = page.text("#journal");
    assert!(said.contains("The engine warns: Your kernel does not support memory limit capabilities"), "{said}");
}
