//! The queue: the latest push wins, what a person asks for goes first, and whoever waits is told for what.

use upaas::deploy::platform::FailureKind;

use super::support::{
    eventually,
    fake::{Fake, Step},
    gitea::{ZEROS, commit, with_hook},
    server::Server,
};

/// A commit id that ends with a number.
fn numbered(number: usize) -> String {
    format!("{number:040x}")
}

/// Presses “Deploy now”; returns the deployment's path once its build is held.
async fn deploy_until_it_builds(server: &mut Server, slug: &str) -> String {
    let path = server.deploy(slug).await;
    server.wait_for(&path, &["Building"]).await;
    path
}

async fn wait_for_its_place(server: &mut Server, path: &str, place: usize) {
    let browser = &mut server.browser;
    let expected = format!("Waiting for its turn: place {place} in the queue. 2 deployments run at once, over all apps.");
    eventually("its place in the queue", async || {
        let note = browser.get(path).await.text(".note");
        if note == expected { Ok(()) } else { Err(note) }
    })
    .await;
}

#[tokio::test]
async fn of_many_pushes_the_running_and_the_newest_are_built() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    fake.hold(Step::Build);
    for number in 1..=30 {
        fake.set_tip(&numbered(number));
        assert_eq!(hook.push("main", &numbered(number - 1), &numbered(number)).await.status, 202);
        if number == 1 {
            server.wait_for("/apps/shop/deployments/1", &["Building"]).await;
        }
    }
    for number in 2..30 {
        let page = server.browser.get(&format!("/apps/shop/deployments/{number}")).await.expect(200);
        assert_eq!(page.text(".summary .badge"), "Superseded");
        assert_eq!(page.text(".note"), format!("Superseded by #{}.", number + 1));
    }
    fake.release(Step::Build);
    server.wait_for("/apps/shop/deployments/30", &["Success"]).await;
    server.wait_for("/apps/shop/deployments/1", &["Success"]).await;
    assert_eq!(fake.acts().iter().filter(|act| act.starts_with("build")).collect::<Vec<_>>(), ["build #1", "build #30"]);
}

#[tokio::test]
async fn back_to_what_was_live_before_is_a_deployment() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    let mut before = ZEROS.to_owned();
    for (number, id) in [(1, commit('a')), (2, commit('b')), (3, commit('a'))] {
        fake.set_tip(&id);
        assert_eq!(hook.push("main", &before, &id).await.status, 202);
        server.wait_for(&format!("/apps/shop/deployments/{number}"), &["Success"]).await;
        before = id;
    }
    assert!(server.browser.get("/apps/shop").await.text("#app-state").contains("aaaaaaaa"));
}

#[tokio::test]
async fn what_a_person_asks_for_cancels_what_pushes_asked_for_and_goes_first() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    fake.hold(Step::Build);
    hook.push("main", ZEROS, &commit('a')).await;
    server.wait_for("/apps/shop/deployments/1", &["Building"]).await;
    hook.push("main", &commit('a'), &commit('b')).await;
    let chosen = [("commit", &*commit('c'))];
    let manual = server.browser.post("/apps/shop/deployments", &chosen).await.expect(303).location().to_owned();
    let page = server.wait_for("/apps/shop/deployments/1", &["Cancelled"]).await;
    assert_eq!(page.text(".note"), "Cancelled for #3, which ada asked for, while building.");
    let page = server.wait_for("/apps/shop/deployments/2", &["Cancelled"]).await;
    assert_eq!(page.text(".note"), "Cancelled for #3, which ada asked for, before it began.");
    server.wait_for(&manual, &["Building"]).await;
    // A push that comes now waits for its turn, and does not replace what a person asked for.
    assert_eq!(hook.push("main", &commit('b'), &commit('d')).await.status, 202);
    assert_eq!(server.browser.get("/apps/shop/deployments/4").await.text(".note"), "Waiting for its turn: #3 of this app goes first.");
    fake.release(Step::Build);
    assert_eq!(server.wait_for(&manual, &["Success"]).await.text(".commit code"), "cccccccc");
    server.wait_for("/apps/shop/deployments/4", &["Success"]).await;
}

#[tokio::test]
async fn a_push_never_overtakes_what_a_person_has_queued() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    fake.hold(Step::Build);
    deploy_until_it_builds(&mut server, "shop").await;
    hook.push("main", ZEROS, &commit('a')).await;
    let chosen = [("commit", &*commit('c'))];
    server.browser.post("/apps/shop/deployments", &chosen).await.expect(303);
    hook.push("main", &commit('a'), &commit('b')).await;
    hook.push("main", &commit('b'), &commit('d')).await;
    let status = async |server: &mut Server, number: i64| {
        server.browser.get(&format!("/apps/shop/deployments/{number}")).await.text(".summary .badge")
    };
    let seen = [status(&mut server, 2).await, status(&mut server, 3).await, status(&mut server, 4).await, status(&mut server, 5).await];
    assert_eq!(seen, ["Cancelled", "Queued", "Superseded", "Queued"]);
    fake.release(Step::Build);
    server.wait_for("/apps/shop/deployments/5", &["Success"]).await;
    let builds: Vec<String> = fake.acts().into_iter().filter(|act| act.starts_with("build")).collect();
    assert_eq!(builds, ["build #1", "build #3", "build #5"]);
}

#[tokio::test]
async fn a_few_run_at_once_over_all_apps_and_the_others_know_their_place() {
    let fake = Fake::default();
    let mut server = Server::fake(&fake).await;
    server.set_up().await;
    fake.hold(Step::Build);
    let mut paths = Vec::new();
    for slug in ["a", "b", "c", "d"] {
        server.create_shop(&[("slug", slug)]).await.expect(303);
        let path = server.deploy(slug).await;
        if paths.len() < 2 {
            server.wait_for(&path, &["Building"]).await;
        } else {
            wait_for_its_place(&mut server, &path, paths.len() - 1).await;
        }
        paths.push(path);
    }
    let system = server.browser.get("/system").await.expect(200);
    assert_eq!(system.texts("#queue .badge"), ["Building", "Building", "Queued", "Queued"]);
    fake.release(Step::Build);
    for path in paths {
        server.wait_for(&path, &["Success"]).await;
    }
    let system = server.browser.get("/system").await.expect(200);
    assert!(system.text("#queue").contains("Nothing runs and nothing waits."), "{}", system.text("#queue"));
}

#[tokio::test]
async fn turns_go_round_the_apps() {
    let fake = Fake::default();
    let mut server = Server::fake(&fake).await;
    server.set_up().await;
    for slug in ["busy", "other", "patient"] {
        server.create_shop(&[("slug", slug)]).await.expect(303);
    }
    fake.hold(Step::Build);
    for slug in ["busy", "other"] {
        deploy_until_it_builds(&mut server, slug).await;
    }
    let last = |digit: char| [("commit", commit(digit))];
    for digit in ['1', '2', '3'] {
        let [(name, value)] = last(digit);
        server.browser.post("/apps/busy/deployments", &[(name, &value)]).await.expect(303);
        server.browser.post("/apps/other/deployments", &[(name, &value)]).await.expect(303);
    }
    let patient = server.deploy("patient").await;
    fake.release(Step::Build);
    server.wait_for(&patient, &["Success"]).await;
    for path in ["/apps/busy/deployments/4", "/apps/other/deployments/4"] {
        server.wait_for(path, &["Success"]).await;
    }
    let acts = fake.acts();
    let place = |act: &str| acts.iter().position(|it| it == act).unwrap_or_else(|| panic!("{act}: {acts:?}"));
    assert!(place("build #1") < place("build #4"));
    let builds: Vec<&String> = acts.iter().filter(|act| act.starts_with("build")).collect();
    let patients = builds[2..].iter().position(|act| *act == "build #1").expect("the patient app's first");
    assert!(patients <= 2, "it waited for one turn of each of the others at most: {builds:?}");
}

#[tokio::test]
async fn an_interrupted_push_gives_way_to_a_newer_one() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    fake.hold(Step::Build);
    hook.push("main", ZEROS, &commit('a')).await;
    server.wait_for("/apps/shop/deployments/1", &["Building"]).await;
    hook.push("main", &commit('a'), &commit('b')).await;
    server.abandon();
    fake.release(Step::Build);
    server.start_fake(&fake).await;
    let page = server.wait_for("/apps/shop/deployments/1", &["Superseded"]).await;
    assert!(page.text(".note").starts_with("Superseded by #2: it was interrupted while building"), "{}", page.text(".note"));
    server.wait_for("/apps/shop/deployments/2", &["Success"]).await;
}

#[tokio::test]
async fn a_paused_app_ignores_pushes_until_it_is_resumed() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    server.browser.post("/apps/shop/auto-deploy", &[("auto_deploy", "paused")]).await.expect(303);
    let answer = hook.push("main", ZEROS, &commit('a')).await;
    assert_eq!((answer.status, &*answer.text), (200, "ignored: auto-deploy is paused (by ada). Resume it on the app's page."));
    let page = server.browser.get("/apps/shop").await.expect(200);
    assert!(page.text("#webhook").contains("Auto-deploy is paused"), "{}", page.text("#webhook"));
    server.deploy_to_the_end("shop").await;
    server.browser.post("/apps/shop/auto-deploy", &[("auto_deploy", "on")]).await.expect(303);
    assert_eq!(hook.push("main", ZEROS, &commit('a')).await.status, 202);
    server.browser.post("/apps/shop/auto-deploy", &[("auto_deploy", "perhaps")]).await.expect(400);
}

#[tokio::test]
async fn a_stopped_app_ignores_pushes_and_start_makes_it_serve_again() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    server.deploy_to_the_end("shop").await;
    server.browser.post("/apps/shop/stop", &[]).await.expect(303);
    assert_eq!(fake.running(), (vec![], vec![1]));
    server.wait_for_app("shop", "Stopped").await;
    let answer = hook.push("main", ZEROS, &commit('a')).await;
    assert_eq!((answer.status, &*answer.text), (200, "ignored: the app is stopped. Start it on its page, then pushes deploy again."));
    server.browser.post("/apps/shop/start", &[]).await.expect(303);
    assert_eq!(fake.running(), (vec![1], vec![]));
    server.wait_for_app("shop", "Running").await;
    assert_eq!(hook.push("main", ZEROS, &commit('a')).await.status, 202);
    server.wait_for("/apps/shop/deployments/2", &["Success"]).await;
}

#[tokio::test]
async fn stop_and_start_are_refused_while_a_deployment_runs() {
    let fake = Fake::default();
    let (mut server, _) = with_hook(&fake).await;
    let refused = server.browser.post("/apps/shop/start", &[]).await.expect(409);
    assert!(refused.body.contains("Nothing is deployed yet"), "{}", refused.body);
    fake.hold(Step::Build);
    let path = deploy_until_it_builds(&mut server, "shop").await;
    for act in ["stop", "start"] {
        let refused = server.browser.post(&format!("/apps/shop/{act}"), &[]).await.expect(409);
        assert!(refused.body.contains("#1 is being deployed. Wait for its end, or cancel it first."), "{}", refused.body);
    }
    fake.release(Step::Build);
    server.wait_for(&path, &["Success"]).await;
}

#[tokio::test]
async fn stop_is_refused_while_a_person_s_deployment_waits() {
    let fake = Fake::default();
    let (mut server, _) = with_hook(&fake).await;
    server.deploy_to_the_end("shop").await;
    fake.hold(Step::Build);
    for slug in ["a", "b"] {
        server.create_shop(&[("slug", slug)]).await.expect(303);
        deploy_until_it_builds(&mut server, slug).await;
    }
    let path = server.deploy("shop").await;
    let refused = server.browser.post("/apps/shop/stop", &[]).await.expect(409);
    assert!(refused.body.contains("#2 waits for its turn because a person asked for it. Cancel it first."), "{}", refused.body);
    fake.release(Step::Build);
    server.wait_for(&path, &["Success"]).await;
}

#[tokio::test]
async fn a_failure_of_the_app_is_its_own_although_the_engine_was_slow_before() {
    let fake = Fake::default();
    let (mut server, _) = with_hook(&fake).await;
    fake.hold(Step::Build);
    fake.fail(Step::Build, FailureKind::Final);
    let path = deploy_until_it_builds(&mut server, "shop").await;
    fake.fail(Step::Hello, FailureKind::EngineSlow);
    server.wait_for_the_banner().await;
    fake.mend(Step::Hello);
    fake.release(Step::Build);
    let page = server.wait_for(&path, &["Failed"]).await;
    assert_eq!(page.text(".failure-sentence"), "It failed at Build.");
}

#[tokio::test]
async fn a_stopped_app_stays_stopped_when_what_a_person_asked_for_fails() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    server.deploy_to_the_end("shop").await;
    server.browser.post("/apps/shop/stop", &[]).await.expect(303);
    fake.fail(Step::Build, FailureKind::Final);
    server.deploy_to_the_end("shop").await;
    server.wait_for_app("shop", "Stopped").await;
    assert!(hook.push("main", ZEROS, &commit('a')).await.text.contains("the app is stopped"));
    fake.mend(Step::Build);
    server.deploy_to_the_end("shop").await;
    server.wait_for_app("shop", "Running").await;
    assert_eq!(hook.push("main", ZEROS, &commit('a')).await.status, 202, "what is live again takes pushes again");
}

#[tokio::test]
async fn a_deleted_app_gives_up_its_place() {
    let fake = Fake::default();
    let mut server = Server::fake(&fake).await;
    server.set_up().await;
    for slug in ["a", "b", "c", "d"] {
        server.create_shop(&[("slug", slug)]).await.expect(303);
    }
    fake.hold(Step::Build);
    for slug in ["a", "b"] {
        deploy_until_it_builds(&mut server, slug).await;
    }
    let deleted = server.deploy("c").await;
    wait_for_its_place(&mut server, &deleted, 1).await;
    let path = server.deploy("d").await;
    wait_for_its_place(&mut server, &path, 2).await;
    server.browser.post("/apps/c/deletion", &[("slug", "c")]).await.expect(303);
    wait_for_its_place(&mut server, &path, 1).await;
    fake.release(Step::Build);
    server.wait_for(&path, &["Success"]).await;
}
