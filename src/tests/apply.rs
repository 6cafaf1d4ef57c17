//! Saved settings and the container that serves: what differs is told, and applying it makes another container of the same image.

use upaas::{
    deploy::platform::FailureKind,
    domain::{
        app_config::{network::NetworkUse, volume::Volume},
        port::{Held, Holder, Protocol, Taken},
    },
};

use super::support::{
    fake::{Fake, Step},
    gitea::{Hook, ZEROS, commit},
    server::Server,
    shop::with_shop,
};

const PORTS: &str = "/apps/shop/settings/ports";
const PUBLISHED: [(&str, &str); 4] =
    [("port_0_container", "80"), ("port_0_protocol", "tcp"), ("port_0_address", "127.0.0.1"), ("port_0_host", "8081")];

const BUILD: [(&str, &str); 4] =
    [("dockerfile_path", "docker/Dockerfile"), ("context_path", "."), ("build_time_limit", "30"), ("build_context_limit", "4096")];

async fn with_live_shop(fake: &Fake) -> Server {
    let mut server = with_shop(fake, &[]).await;
    server.deploy_to_the_end("shop").await;
    server
}

/// Presses “Apply”; returns the deployment's path.
async fn apply(server: &mut Server) -> String {
    server.browser.post("/apps/shop/apply", &[]).await.expect(303).location().to_owned()
}

#[tokio::test]
async fn a_saved_setting_is_pending_until_it_is_applied_to_the_same_image() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    assert!(server.browser.get("/apps/shop/settings").await.text("#pending").is_empty());
    server.browser.post(PORTS, &PUBLISHED).await.expect(303);
    let page = server.browser.get("/apps/shop/settings").await.expect(200);
    assert!(page.text("#pending-title").contains("1 change is not applied yet"), "{}", page.text("#pending"));
    assert_eq!(page.text("#pending-review td:last-child"), "127.0.0.1:8081");
    assert!(server.browser.get("/apps/shop").await.text("#app-state").contains("1 change is not applied yet."));

    let before = fake.acts().len();
    let path = apply(&mut server).await;
    let page = server.wait_for(&path, &["Success"]).await;
    assert!(page.text(".summary").contains("config"), "{}", page.text(".summary"));
    assert_eq!(page.text(".summary .commit code"), "0c79164d", "the commit stays");
    let acts = fake.acts().split_off(before);
    assert!(!acts.iter().any(|act| act.starts_with("fetch") || act.starts_with("build")), "{acts:?}");
    assert_eq!(fake.running(), (vec![2], vec![]));
    assert!(server.browser.get("/apps/shop").await.text("#app-state .address").contains(":8081"));
    assert!(server.browser.get("/apps/shop/settings").await.text("#pending").is_empty());
}

#[tokio::test]
async fn a_setting_that_was_put_back_is_not_pending() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    server.browser.post(PORTS, &PUBLISHED).await.expect(303);
    server.browser.post(PORTS, &[("port_0_container", "")]).await.expect(303);
    assert!(server.browser.get("/apps/shop/settings").await.text("#pending").is_empty());
}

#[tokio::test]
async fn what_needs_a_build_stays_pending_until_there_is_one() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    server.browser.post(PORTS, &PUBLISHED).await.expect(303);
    server.browser.post("/apps/shop/settings/build", &BUILD).await.expect(303);
    let page = server.browser.get("/apps/shop/settings").await;
    assert!(page.text("#pending").contains("2 changes are not applied yet") && page.text("#pending").contains("needs a build"));
    let path = apply(&mut server).await;
    server.wait_for(&path, &["Success"]).await;
    let said = server.browser.get("/apps/shop/settings").await.text("#pending");
    assert!(said.contains("1 change is not applied yet") && said.contains("docker/Dockerfile") && !said.contains("8081"), "{said}");
    server.deploy_to_the_end("shop").await;
    assert!(server.browser.get("/apps/shop/settings").await.text("#pending").is_empty());
}

#[tokio::test]
async fn settings_that_do_not_work_leave_what_serves_and_stay_pending() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    server.browser.post(PORTS, &PUBLISHED).await.expect(303);
    fake.fail(Step::Settle, FailureKind::Final);
    let path = apply(&mut server).await;
    let page = server.wait_for(&path, &["Failed"]).await;
    assert!(page.text(".failure").contains("exited right after its start"), "{}", page.text("main"));
    assert_eq!(fake.running(), (vec![1], vec![]));
    assert!(server.browser.get("/apps/shop/settings").await.text("#pending").contains("1 change is not applied yet"));
    let retry = apply(&mut server).await;
    server.wait_for(&retry, &["Success"]).await;
}

#[tokio::test]
async fn what_runs_with_these_settings_is_not_made_anew() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    let refused = server.browser.post("/apps/shop/apply", &[]).await.expect(409);
    assert!(refused.text("main").contains("Nothing is to be applied: #1 runs with these settings."), "{}", refused.text("main"));
    assert_eq!(fake.running(), (vec![1], vec![]));
}

#[tokio::test]
async fn a_form_without_its_fields_clears_nothing() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    server.browser.post(PORTS, &PUBLISHED).await.expect(303);
    let before = server.config_of_shop().await;
    for section in ["ports", "volumes", "networks", "labels", "resources", "deploys"] {
        server.browser.post(&format!("/apps/shop/settings/{section}"), &[]).await.expect(400);
    }
    for name in ["port_99999999_container", "port_-1_container", "port_x_container"] {
        server.browser.post(PORTS, &[(name, "8000")]).await.expect(422);
    }
    assert_eq!(server.config_of_shop().await, before);
    assert_eq!(server.browser.get("/apps/shop/settings/ports").await.expect(303).location(), "/apps/shop/settings#ports");
}

#[tokio::test]
async fn there_is_nothing_to_apply_to_before_the_first_deployment() {
    let mut server = with_shop(&Fake::default(), &[]).await;
    let refused = server.browser.post("/apps/shop/apply", &[]).await.expect(409);
    assert!(refused.text("main").contains("Nothing is deployed yet"), "{}", refused.text("main"));
}

#[tokio::test]
async fn a_push_that_is_being_built_goes_live_and_the_settings_are_applied_to_it() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    let hook = Hook::of(&mut server, "shop").await;
    fake.hold(Step::Build);
    fake.set_tip(&commit('b'));
    assert_eq!(hook.push("main", ZEROS, &commit('b')).await.status, 202);
    server.wait_for("/apps/shop/deployments/2", &["Building"]).await;
    server.browser.post(PORTS, &PUBLISHED).await.expect(303);
    let path = apply(&mut server).await;
    assert_eq!(apply(&mut server).await, path, "a second press finds the first");
    fake.release(Step::Build);
    server.wait_for("/apps/shop/deployments/2", &["Success"]).await;
    let page = server.wait_for(&path, &["Success"]).await;
    assert_eq!(page.text(".summary .commit code"), "bbbbbbbb");
    assert_eq!(fake.running(), (vec![3], vec![]));
}

#[tokio::test]
async fn an_interrupted_application_goes_on_after_a_restart() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    server.browser.post(PORTS, &PUBLISHED).await.expect(303);
    fake.hold(Step::Create);
    let path = apply(&mut server).await;
    server.wait_for(&path, &["Deploying"]).await;
    server.abandon();
    fake.release(Step::Create);
    server.start_fake(&fake).await;
    server.wait_for(&path, &["Success"]).await;
    assert_eq!(fake.running(), (vec![2], vec![]));
}

#[tokio::test]
async fn with_scripting_a_section_comes_back_alone_with_what_is_pending() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    server.browser.headers = vec![("hx-request", "true".to_owned())];
    let saved = server.browser.post(PORTS, &PUBLISHED).await.expect(200);
    assert!(saved.text("#ports").contains("Saved.") && saved.text("#pending").contains("1 change is not applied yet"));
    assert_eq!(saved.attribute("#pending", "hx-swap-oob").as_deref(), Some("outerHTML"));
    assert!(saved.attribute("#source", "id").is_none());
    let wrong = server
        .browser
        .post(PORTS, &[("port_0_container", "0"), ("port_0_protocol", "tcp"), ("port_0_address", "127.0.0.1"), ("port_0_host", "8082")])
        .await
        .expect(422);
    assert!(wrong.text("#port_0_container-error").contains("1 to 65535"));
    assert_eq!(wrong.attribute("#port_0_host", "value").as_deref(), Some("8082"), "what was typed stays");
}

#[tokio::test]
async fn an_automatic_port_that_is_made_fixed_is_taken_over_from_the_old_container() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    let auto = |host| [("port_0_container", "80"), ("port_0_protocol", "tcp"), ("port_0_address", "127.0.0.1"), ("port_0_host", host)];
    server.browser.post(PORTS, &auto("auto")).await.expect(303);
    let path = apply(&mut server).await;
    server.wait_for(&path, &["Success"]).await;
    server.browser.post(PORTS, &auto("32768")).await.expect(303);
    assert!(server.browser.get("/apps/shop/settings").await.text("#switch-note").contains("Replace: host port 32768"));
    let path = apply(&mut server).await;
    let page = server.wait_for(&path, &["Success", "Failed"]).await;
    assert!(page.text(".summary").contains("replace"), "{}", page.text(".summary"));
}

#[tokio::test]
async fn a_port_that_somebody_has_taken_since_it_was_saved_does_not_stop_what_serves() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    server.browser.post(PORTS, &PUBLISHED).await.expect(303);
    let path = apply(&mut server).await;
    server.wait_for(&path, &["Success"]).await;
    let second = [("port_1_container", "81"), ("port_1_protocol", "tcp"), ("port_1_address", "127.0.0.1"), ("port_1_host", "8082")];
    server.browser.post(PORTS, &[PUBLISHED, second].concat()).await.expect(303);
    let held = Held { address: [127, 0, 0, 1].into(), port: 8082, protocol: Protocol::Tcp };
    fake.take_port(Taken { held, by: Holder::Container { id: "0c79".to_owned(), name: "gitea".to_owned() } });
    let path = apply(&mut server).await;
    let page = server.wait_for(&path, &["Failed"]).await;
    assert!(page.text(".failure").contains("Port 8082 on 127.0.0.1 is taken by the container “gitea”"), "{}", page.text(".failure"));
    assert!(!fake.acts().iter().any(|act| act == "stop c2-of-2"), "{:?}", fake.acts());
    assert_eq!(fake.running(), (vec![2], vec![]));
}

#[tokio::test]
async fn a_network_that_is_gone_since_it_was_saved_does_not_stop_what_serves() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    server.browser.post(PORTS, &PUBLISHED).await.expect(303);
    let path = apply(&mut server).await;
    server.wait_for(&path, &["Success"]).await;
    let network = NetworkUse { name: "gone".parse().unwrap(), alias: None };
    server.configure("shop", |config| config.run.networks = vec![network]).await;
    let path = apply(&mut server).await;
    let failure = server.wait_for(&path, &["Failed"]).await.text(".failure");
    assert!(failure.contains("There is no network gone at the engine. What to try: Create it"), "{failure}");
    assert!(!fake.acts().iter().any(|act| act == "stop c2-of-2"), "{:?}", fake.acts());
    assert_eq!(fake.running(), (vec![2], vec![]));
}

#[tokio::test]
async fn a_redelivery_of_what_is_live_builds_nothing_while_settings_are_applied() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    let hook = Hook::of(&mut server, "shop").await;
    server.browser.post(PORTS, &PUBLISHED).await.expect(303);
    fake.hold(Step::Create);
    let path = apply(&mut server).await;
    server.wait_for(&path, &["Deploying"]).await;
    let answer = hook.push("main", ZEROS, &fake.tip()).await;
    assert_eq!((answer.status, &answer.text[..24]), (200, "ignored: already live as"), "{}", answer.text);
    fake.release(Step::Create);
    server.wait_for(&path, &["Success"]).await;
}

#[tokio::test]
async fn an_app_that_is_stopped_outside_stays_so_although_settings_wait_to_be_applied() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    let hook = Hook::of(&mut server, "shop").await;
    server.browser.post(PORTS, &PUBLISHED).await.expect(303);
    fake.hold(Step::Build);
    hook.push("main", ZEROS, &commit('b')).await;
    server.wait_for("/apps/shop/deployments/2", &["Building"]).await;
    let path = apply(&mut server).await;
    fake.stop_all();
    let page = server.wait_for(&path, &["Cancelled"]).await;
    assert_eq!(page.text(".note"), "Cancelled because its container was stopped outside µPaaS, before it began.");
    fake.release(Step::Build);
    server.wait_for("/apps/shop/deployments/2", &["Cancelled"]).await;
    server.wait_for_app("shop", "Stopped").await;
}

#[tokio::test]
async fn what_is_saved_between_the_queue_and_the_beginning_is_what_is_deployed() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    let variable = |value| [("env_name", "TOKEN"), ("env_value", value)];
    server.browser.post("/apps/shop/settings/environment/addition", &variable("first-value")).await.expect(303);
    fake.hold(Step::Build);
    let building = server.deploy("shop").await;
    server.wait_for(&building, &["Building"]).await;
    let path = apply(&mut server).await;
    let change = [("name", "TOKEN"), ("env_new_value", "second-value")];
    server.browser.post("/apps/shop/settings/environment/change", &change).await.expect(303);
    fake.release(Step::Build);
    server.wait_for(&path, &["Success"]).await;
    let wanted = fake.wanted();
    assert!(wanted.env.iter().any(|(name, value)| name == "TOKEN" && value.reveal() == "second-value"));
    assert!(server.browser.get("/apps/shop/settings").await.text("#pending").is_empty());
}

#[tokio::test]
async fn an_interrupted_or_skipped_deployment_keeps_no_second_configuration() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    let kept = async |server: &Server| -> i64 {
        let db = server.db().await;
        let count = sqlx::query_scalar("SELECT count(*) FROM config_snapshots").fetch_one(db.read()).await.unwrap();
        db.close().await;
        count
    };
    assert_eq!(kept(&server).await, 1);
    fake.hold(Step::Build);
    let path = server.deploy("shop").await;
    server.wait_for(&path, &["Building"]).await;
    server.abandon();
    fake.release(Step::Build);
    server.start_fake(&fake).await;
    server.wait_for(&path, &["Success"]).await;
    assert_eq!(kept(&server).await, 2);
    server.browser.post("/apps/shop/settings/deploys", &[("watch_paths", "src")]).await.expect(303);
    let hook = Hook::of(&mut server, "shop").await;
    fake.set_changed(&["docs"]);
    fake.set_tip(&commit('b'));
    hook.push("main", ZEROS, &commit('b')).await;
    server.wait_for("/apps/shop/deployments/3", &["Skipped"]).await;
    assert_eq!(kept(&server).await, 2);
}

#[tokio::test]
async fn what_was_confirmed_later_is_confirmed_for_a_container_that_is_made_anew() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    let volume = Volume { source: "/srv/data".parse().unwrap(), path: "/data".parse().unwrap(), read_only: false, confirmed: false };
    server.configure("shop", |config| config.run.volumes = vec![volume]).await;
    server.deploy_to_the_end("shop").await;
    fake.forget_all();
    server.wait_for_app("shop", "Container removed").await;
    server.configure("shop", |config| config.run.volumes[0].confirmed = true).await;
    let refused = server.browser.post("/apps/shop/apply", &[]).await.expect(409).text("main");
    assert!(refused.contains("Nothing is to be applied: #1 was made with these settings."), "{refused}");
    server.browser.post("/apps/shop/start", &[]).await.expect(303);
    assert!(fake.wanted().run.volumes[0].confirmed);
    server.wait_for_app("shop", "Running").await;
}

#[tokio::test]
async fn a_second_press_while_the_settings_are_being_applied_finds_the_first() {
    let fake = Fake::default();
    let mut server = with_live_shop(&fake).await;
    server.browser.post(PORTS, &PUBLISHED).await.expect(303);
    fake.hold(Step::Create);
    let path = apply(&mut server).await;
    fake.reached(Step::Create).await;
    assert_eq!(apply(&mut server).await, path);
    let memory = [("resources_cpus", ""), ("resources_memory", "512m"), ("resources_pids", ""), ("resources_shm", "")];
    server.browser.post("/apps/shop/settings/resources", &memory).await.expect(303);
    let next = apply(&mut server).await;
    assert_ne!(next, path, "what was saved since is another wish");
    fake.release(Step::Create);
    server.wait_for(&path, &["Success"]).await;
    server.wait_for(&next, &["Success"]).await;
    assert_eq!(fake.running(), (vec![3], vec![]));
}
