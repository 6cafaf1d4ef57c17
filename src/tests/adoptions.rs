//! Orphans that become an app's own again, because a person says so.

use upaas::domain::ids::AppId;

use super::support::{eventually, fake::Fake, server::Server};

async fn with_running_shop(fake: &Fake) -> (Server, AppId) {
    let mut server = Server::fake(fake).await;
    server.set_up().await;
    server.create_shop(&[("container_port", "80"), ("host_port", "8081")]).await.expect(303);
    server.deploy_to_the_end("shop").await;
    server.wait_for_app("shop", "Running").await;
    let db = server.db().await;
    let app = upaas::db::apps::by_slug(db.read(), &"shop".parse().unwrap()).await.unwrap().unwrap().id;
    db.close().await;
    (server, app)
}

async fn orphan_is_listed(server: &mut Server) -> String {
    eventually("the orphan to be listed", async || {
        let listed = server.browser.get("/system").await.text("#orphans");
        if listed.contains("Container orphan") { Ok(listed) } else { Err(listed) }
    })
    .await
}

async fn runs(fake: &Fake, expected: (Vec<i64>, Vec<i64>)) {
    eventually("these containers", async || if fake.running() == expected { Ok(()) } else { Err(format!("{:?}", fake.acts())) }).await;
}

#[tokio::test]
async fn an_orphan_of_an_app_becomes_its_live_container_and_the_one_before_goes() {
    let fake = Fake::default();
    let (mut server, app) = with_running_shop(&fake).await;
    fake.add_orphan(app);
    let listed = orphan_is_listed(&mut server).await;
    assert!(listed.contains("The container that is live now, if there is one, is removed then."), "{listed}");
    server.browser.post("/system/orphans/adoption", &[("container", "c1-of-1")]).await.expect(409);
    let answer = server.browser.post("/system/orphans/adoption", &[("container", "orphan")]).await.expect(303);
    assert_eq!(answer.location(), "/apps/shop");
    runs(&fake, (vec![], vec![7])).await;
    let page = server.browser.get("/apps/shop/deployments/7").await.expect(200);
    assert_eq!(page.text(".summary .badge"), "Success");
    assert!(page.text(".page-meta").contains(&fake.tip()[..8]), "{}", page.text(".page-meta"));
    server.browser.post("/apps/shop/start", &[]).await.expect(303);
    let page = server.wait_for_app("shop", "Running").await;
    assert!(page.text("#drift").contains("Name"), "what differs is shown: {}", page.text("#overview"));
    assert!(server.deploy("shop").await.ends_with("/8"), "its number is not given again");
    server.wait_for("/apps/shop/deployments/8", &["Success"]).await;
    runs(&fake, (vec![8], vec![])).await;
}

#[tokio::test]
async fn an_orphan_whose_number_is_taken_gets_the_next_one_and_stays_known() {
    let fake = Fake::default();
    let (mut server, _) = with_running_shop(&fake).await;
    fake.add_older_successor(1);
    server.deploy_to_the_end("shop").await;
    server.browser.post("/system/orphans/adoption", &[("container", "older")]).await.expect(303);
    let page = server.browser.get("/apps/shop/deployments/3").await.expect(200);
    assert_eq!(page.text(".summary .tag"), "live");
    server.stop().await;
    server.start_fake(&fake).await;
    // What runs now is the orphan, whose label says 2.
    runs(&fake, (vec![2], vec![])).await;
    server.wait_for_app("shop", "Running").await;
    let orphans = server.browser.get("/system").await.text("#orphans");
    assert!(orphans.starts_with("Orphans None."), "{orphans}");
    assert!(!fake.acts().contains(&"remove older".to_owned()));
}

#[tokio::test]
async fn an_orphan_without_an_app_has_one_created_around_it() {
    let fake = Fake::default();
    let mut server = Server::fake(&fake).await;
    server.set_up().await;
    let id = AppId::new();
    fake.add_orphan(id);
    let listed = orphan_is_listed(&mut server).await;
    assert!(listed.contains("which is not in the database"), "{listed}");
    server.browser.post("/system/orphans/adoption", &[("container", "orphan")]).await.expect(409);
    server.browser.get("/apps/new?adopt=none").await.expect(409);
    let page = server.browser.get("/apps/new?adopt=orphan").await.expect(200);
    assert_eq!(page.attribute("#slug", "value").as_deref(), Some("shop"));
    assert!(page.text("main").contains("which then serves as its #7"), "{}", page.text("main"));
    let page = server.create_shop(&[("adopt", "orphan"), ("branch", "")]).await.expect(422);
    assert_eq!(page.attribute("input[name=adopt]", "value").as_deref(), Some("orphan"), "what is wrong does not lose it");
    server.create_shop(&[("adopt", "orphan")]).await.expect(303);
    let db = server.db().await;
    let app = upaas::db::apps::by_slug(db.read(), &"shop".parse().unwrap()).await.unwrap().unwrap();
    db.close().await;
    assert_eq!(app.id, id, "files and volumes of this id are its own again");
    server.wait_for_app("shop", "Exited").await;
    server.browser.post("/apps/shop/start", &[]).await.expect(303);
    runs(&fake, (vec![7], vec![])).await;
}
