//! What was changed behind µPaaS's back is shown, and can be undone.

use super::support::{fake::Fake, server::Server};

#[tokio::test]
async fn what_was_changed_outside_is_shown_and_made_anew() {
    let fake = Fake::default();
    let mut server = Server::fake(&fake).await;
    server.set_up().await;
    server.create_shop(&[("container_port", "80"), ("host_port", "8081")]).await.expect(303);
    server.deploy_to_the_end("shop").await;
    let page = server.wait_for_app("shop", "Running").await;
    assert_eq!(page.text("#drift"), "", "nothing is as long as nobody has done anything");
    server.browser.post("/apps/shop/apply", &[]).await.expect(409);
    fake.reshape_all(|shape| {
        shape.memory = 64 << 20;
        shape.name = "mine".to_owned();
    });
    let browser = &mut server.browser;
    let page = super::support::eventually("the drift to be shown", async || {
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
