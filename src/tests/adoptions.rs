//! Orphans that become an app's own again, because a person says so.

use upaas::{deploy::platform::FailureKind, domain::ids::AppId};

use super::support::{
    eventually,
    fake::{Fake, Step},
    server::Server,
    shop::{app_row, with_running_shop},
};

async fn orphan_is_listed(server: &mut Server) -> String {
    eventually("the orphan to be listed", async || {
        let listed = server.browser.get("/system").await.text("#orphans");
        if listed.contains("Container orphan") { Ok(listed) } else { Err(listed) }
    })
    .await
}

#[tokio::test]
async fn what_is_made_anew_in_the_place_of_an_adopted_container_is_made_with_the_settings() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let app = app_row(&server, "shop").await.id;
    fake.add_orphan(app, true);
    orphan_is_listed(&mut server).await;
    server.browser.post("/system/orphans/adoption", &[("container", "orphan")]).await.expect(303);
    assert!(server.wait_for_app("shop", "Running").await.text("#app-state").contains("was adopted"));
    fake.forget_all();
    server.wait_for_app("shop", "Container removed").await;
    server.browser.post("/apps/shop/start", &[]).await.expect(303);
    let page = server.wait_for_app("shop", "Running").await;
    assert!(!page.text("#app-state").contains("was adopted"), "{}", page.text("#app-state"));
}

#[tokio::test]
async fn an_orphan_of_an_app_becomes_its_live_container_and_the_one_before_goes() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let app = app_row(&server, "shop").await.id;
    fake.add_orphan(app, true);
    let listed = orphan_is_listed(&mut server).await;
    assert!(listed.contains("The container that is live now, if there is one, is stopped and removed then."), "{listed}");
    server.browser.post("/system/orphans/adoption", &[("container", "c1-of-1")]).await.expect(409);
    let answer = server.browser.post("/system/orphans/adoption", &[("container", "orphan")]).await.expect(303);
    assert_eq!(answer.location(), "/apps/shop");
    fake.until_running((vec![7], vec![])).await;
    let acts = fake.acts();
    assert_eq!(acts[acts.len() - 2..], ["stop c1-of-1", "remove c1-of-1"], "it is not killed");
    let page = server.browser.get("/apps/shop/deployments/7").await.expect(200);
    assert_eq!(page.text(".summary .badge"), "Success");
    assert!(page.text(".page-meta").contains(&fake.tip()[..8]), "{}", page.text(".page-meta"));
    let page = server.wait_for_app("shop", "Running").await;
    let drift = page.text("#drift");
    assert!(
        drift.starts_with("The adopted container is not as the settings say") && drift.contains("Name"),
        "what differs is shown: {drift}"
    );
    let state = page.text("#app-state");
    assert!(state.contains("The container of #7 was adopted. Its variables,") && state.contains("are not compared"), "{state}");
    assert!(server.deploy("shop").await.ends_with("/8"), "its number is not given again");
    server.wait_for("/apps/shop/deployments/8", &["Success"]).await;
    fake.until_running((vec![8], vec![])).await;
}

#[tokio::test]
async fn an_orphan_whose_number_is_taken_gets_the_next_one_and_stays_known() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.add_older_successor(1);
    server.deploy_to_the_end("shop").await;
    server.browser.post("/apps/shop/stop", &[]).await.expect(303);
    server.browser.post("/system/orphans/adoption", &[("container", "older")]).await.expect(303);
    let page = server.browser.get("/apps/shop/deployments/3").await.expect(200);
    assert_eq!(page.text(".summary .tag"), "live");
    server.browser.post("/apps/shop/start", &[]).await.expect(303);
    server.stop().await;
    server.start_fake(&fake).await;
    // What runs now is the orphan, whose label says 2.
    fake.until_running((vec![2], vec![])).await;
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
    fake.add_orphan(id, false);
    let listed = orphan_is_listed(&mut server).await;
    assert!(listed.contains("which is not in the database"), "{listed}");
    server.browser.post("/system/orphans/adoption", &[("container", "orphan")]).await.expect(409);
    let page = server.browser.get("/apps/new?adopt=none").await.expect(422);
    assert!(page.text("[role=alert]").contains("There is no such orphan any more."), "{}", page.text("main"));
    let page = server.browser.get("/apps/new?adopt=orphan").await.expect(200);
    assert_eq!(page.attribute("#slug", "value").as_deref(), Some("shop"));
    assert!(page.text("main").contains("which then serves as its #7"), "{}", page.text("main"));
    let page = server.create_shop(&[("adopt", "orphan"), ("branch", "")]).await.expect(422);
    assert_eq!(page.attribute("input[name=adopt]", "value").as_deref(), Some("orphan"), "what is wrong does not lose it");
    server.create_shop(&[("adopt", "orphan")]).await.expect(303);
    let app = app_row(&server, "shop").await;
    assert_eq!(app.id, id, "files and volumes of this id are its own again");
    server.wait_for_app("shop", "Exited").await;
    server.browser.post("/apps/shop/start", &[]).await.expect(303);
    fake.until_running((vec![7], vec![])).await;
}

#[tokio::test]
async fn an_orphan_that_does_not_run_never_replaces_what_serves() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let app = app_row(&server, "shop").await.id;
    fake.add_orphan(app, false);
    orphan_is_listed(&mut server).await;
    let said = server.browser.post("/system/orphans/adoption", &[("container", "orphan")]).await.expect(409).text("main");
    assert!(said.contains("The container orphan does not run and #1 serves. Start it first with “docker start orphan”"), "{said}");
    server.browser.get("/apps/shop/deployments/7").await.expect(404);
    assert_eq!(fake.running(), (vec![1], vec![7]));
    server.browser.post("/apps/shop/stop", &[]).await.expect(303);
    server.browser.post("/system/orphans/adoption", &[("container", "orphan")]).await.expect(303);
    fake.until_running((vec![], vec![7])).await;
}

#[tokio::test]
async fn of_two_adoptions_at_once_one_is_refused() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let app = app_row(&server, "shop").await.id;
    fake.add_orphan(app, true);
    orphan_is_listed(&mut server).await;
    fake.hold(Step::Stop);
    let mut first = server.browser.clone();
    let asking = tokio::spawn(async move { first.post("/system/orphans/adoption", &[("container", "orphan")]).await.status });
    fake.until_act("stop c1-of-1").await;
    for act in ["adoption", "removal"] {
        server.browser.post(&format!("/system/orphans/{act}"), &[("container", "orphan")]).await.expect(409);
    }
    fake.release(Step::Stop);
    assert_eq!(asking.await.unwrap(), 303);
    fake.until_running((vec![7], vec![])).await;
    server.browser.get("/apps/shop/deployments/8").await.expect(404);
}

#[tokio::test]
async fn of_what_was_adopted_without_its_commit_it_is_said_that_nothing_can_be_made_anew() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let app = app_row(&server, "shop").await.id;
    fake.keep_commits_to_itself();
    fake.add_orphan(app, true);
    orphan_is_listed(&mut server).await;
    server.browser.post("/system/orphans/adoption", &[("container", "orphan")]).await.expect(303);
    fake.until_running((vec![7], vec![])).await;
    assert!(server.browser.get("/apps/shop/deployments/7").await.expect(200).text("#pin").is_empty(), "it could not be gone back to");
    let path = server.browser.post("/apps/shop/apply", &[]).await.expect(303).location().to_owned();
    let failure = server.wait_for(&path, &["Failed"]).await.text(".failure");
    assert!(failure.contains("The commit of #7 is not known, because it was adopted."), "{failure}");
    assert!(failure.contains("“Deploy now” builds the app anew."), "{failure}");
    fake.forget_all();
    server.wait_for_app("shop", "Container removed").await;
    let said = server.browser.post("/apps/shop/start", &[]).await.expect(409).text("main");
    assert!(said.contains("The commit of #7 is not known, because it was adopted. “Deploy now” builds the app anew."), "{said}");
}

#[tokio::test]
async fn an_app_whose_orphan_has_gone_keeps_what_was_typed() {
    let fake = Fake::default();
    let mut server = Server::fake(&fake).await;
    server.set_up().await;
    fake.add_orphan(AppId::new(), false);
    orphan_is_listed(&mut server).await;
    server.browser.post("/system/orphans/removal", &[("container", "orphan")]).await.expect(303);
    let page = server.create_shop(&[("adopt", "orphan"), ("branch", "release")]).await.expect(422);
    let said = page.text("main");
    assert!(said.contains("There is no such orphan any more. “Create app” now creates the app without it."), "{said}");
    assert_eq!(page.attribute("#branch", "value").as_deref(), Some("release"));
    assert_eq!(page.attribute("input[name=adopt]", "value"), None);
    fake.fail(Step::Hello, FailureKind::EngineLost);
    server.wait_for_the_banner().await;
    let page = server.create_shop(&[("adopt", "orphan")]).await.expect(422);
    assert!(page.text("main").contains("The engine cannot be reached"), "{}", page.text("main"));
    assert_eq!(page.attribute("input[name=adopt]", "value").as_deref(), Some("orphan"), "it may be there when the engine is");
}

#[tokio::test]
async fn a_port_that_an_adopted_container_holds_is_taken_over_from_it_although_no_configuration_knew_of_it() {
    let fake = Fake::default();
    let mut server = Server::fake(&fake).await;
    server.set_up().await;
    fake.add_orphan(AppId::new(), true);
    fake.publish("orphan", 8081);
    orphan_is_listed(&mut server).await;
    server.create_shop(&[("adopt", "orphan")]).await.expect(303);
    let port = [("port_0_container", "80"), ("port_0_protocol", "tcp"), ("port_0_address", "127.0.0.1"), ("port_0_host", "8081")];
    server.browser.post("/apps/shop/settings/ports", &port).await.expect(303);
    server.wait_for_app("shop", "Running").await;
    let note = server.browser.get("/apps/shop").await.text("#overview");
    assert!(note.contains("Replace: host port 8081 can be held by one container only"), "{note}");
    let page = server.deploy_to_the_end("shop").await;
    assert_eq!(page.text(".summary .badge"), "Success", "{}", page.text(".failure"));
    assert!(page.text(".summary").contains("replace: host port 8081"), "{}", page.text(".summary"));
    fake.until_running((vec![8], vec![])).await;
}

#[tokio::test]
async fn an_adoption_takes_the_settings_as_they_are_when_it_happens() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let app = app_row(&server, "shop").await.id;
    let variable = [("env_name", "TOKEN"), ("env_value", "first-value")];
    server.browser.post("/apps/shop/settings/environment/addition", &variable).await.expect(303);
    fake.add_orphan(app, true);
    orphan_is_listed(&mut server).await;
    fake.hold(Step::Origins);
    let mut first = server.browser.clone();
    let asking = tokio::spawn(async move { first.post("/system/orphans/adoption", &[("container", "orphan")]).await });
    // It asks twice: the second time nobody else is at work at the app.
    fake.reached(Step::Origins).await;
    fake.let_through(Step::Origins);
    fake.reached(Step::Origins).await;
    let change = [("name", "TOKEN"), ("env_new_value", "second-value")];
    server.browser.post("/apps/shop/settings/environment/change", &change).await.expect(303);
    fake.release(Step::Origins);
    asking.await.unwrap().expect(303);
    fake.until_running((vec![7], vec![])).await;
    assert!(server.browser.get("/apps/shop/settings").await.text("#pending").is_empty(), "it is taken to be made with these settings");
}

#[tokio::test]
async fn no_app_is_created_around_an_orphan_that_goes_meanwhile() {
    let fake = Fake::default();
    let mut server = Server::fake(&fake).await;
    server.set_up().await;
    fake.add_orphan(AppId::new(), false);
    orphan_is_listed(&mut server).await;
    // The page that was posted asks first, and the creation itself then.
    fake.hold(Step::Origins);
    let fields = [("slug", "shop"), ("repo_url", "git@git.example.org:dev/shop.git"), ("branch", "main"), ("adopt", "orphan")];
    let mut first = server.browser.clone();
    let asking = tokio::spawn(async move { first.post("/apps", &fields).await });
    fake.reached(Step::Origins).await;
    fake.let_through(Step::Origins);
    fake.reached(Step::Origins).await;
    server.browser.post("/system/orphans/removal", &[("container", "orphan")]).await.expect(303);
    fake.release(Step::Origins);
    let said = asking.await.unwrap().expect(422).text("main");
    assert!(said.contains("There is no such orphan any more."), "{said}");
    server.browser.get("/apps/shop").await.expect(404);
}
