//! When a push deploys: watched paths, and whether a newer push cancels the build of an older one.

use super::support::{
    fake::{Fake, Step},
    gitea::{ZEROS, commit, with_hook},
    scrape::Scrape,
};

const DEPLOYS: &str = "/apps/shop/settings/deploys";

#[tokio::test]
async fn a_push_that_touches_nothing_watched_is_skipped_and_its_delivery_says_so() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    server.browser.post(DEPLOYS, &[("watch_paths", "src/**\nDockerfile")]).await.expect(303);
    fake.set_tip(&commit('a'));
    hook.push("main", ZEROS, &commit('a')).await;
    server.wait_for("/apps/shop/deployments/1", &["Success"]).await;

    fake.set_changed(&["docs/a.md", "README.md"]);
    fake.set_tip(&commit('b'));
    assert_eq!(hook.push("main", &commit('a'), &commit('b')).await.status, 202);
    let page = server.wait_for("/apps/shop/deployments/2", &["Skipped"]).await;
    let said = "Skipped: since aaaaaaaa, which serves, none of the 2 files that have changed is watched.";
    assert_eq!(page.text(".note"), said);
    let deliveries = server.browser.get("/apps/shop/deliveries").await;
    assert!(deliveries.text("tbody tr:first-child .delivery-reason").contains(said), "{}", deliveries.text("main"));
    assert_eq!(fake.running(), (vec![1], vec![]));
    Scrape::until(&server, r#"upaas_deployments_not_run_total{app="shop",reason="skipped"}"#, 1.0).await;

    fake.set_changed(&["docs/a.md", "src/main.rs"]);
    fake.set_tip(&commit('c'));
    hook.push("main", &commit('b'), &commit('c')).await;
    server.wait_for("/apps/shop/deployments/3", &["Success"]).await;
}

#[tokio::test]
async fn what_a_person_asks_for_is_built_whatever_has_changed() {
    let fake = Fake::default();
    let (mut server, _) = with_hook(&fake).await;
    server.browser.post(DEPLOYS, &[("watch_paths", "src/**")]).await.expect(303);
    server.deploy_to_the_end("shop").await;
    fake.set_changed(&["docs/a.md"]);
    server.deploy_to_the_end("shop").await;
    assert_eq!(fake.running(), (vec![2], vec![]));
}

#[tokio::test]
async fn what_cannot_be_compared_is_deployed() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    server.browser.post(DEPLOYS, &[("watch_paths", "src/**")]).await.expect(303);
    server.deploy_to_the_end("shop").await;
    fake.set_tip(&commit('b'));
    hook.push("main", ZEROS, &commit('b')).await;
    server.wait_for("/apps/shop/deployments/2", &["Success"]).await;
}

#[tokio::test]
async fn a_newer_push_cancels_the_build_of_an_older_one_when_it_is_told_to() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    server.browser.post(DEPLOYS, &[("newer_push_cancels", "yes")]).await.expect(303);
    fake.hold(Step::Build);
    hook.push("main", ZEROS, &commit('a')).await;
    server.wait_for("/apps/shop/deployments/1", &["Building"]).await;
    fake.set_tip(&commit('b'));
    hook.push("main", &commit('a'), &commit('b')).await;
    let page = server.wait_for("/apps/shop/deployments/1", &["Superseded"]).await;
    assert_eq!(page.text(".note"), "Superseded by #2 while building.");
    fake.release(Step::Build);
    server.wait_for("/apps/shop/deployments/2", &["Success"]).await;
    assert_eq!(fake.running(), (vec![2], vec![]));
}

#[tokio::test]
async fn what_a_person_asked_for_is_not_cancelled_by_a_push() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    server.browser.post(DEPLOYS, &[("newer_push_cancels", "yes")]).await.expect(303);
    fake.hold(Step::Build);
    let path = server.deploy("shop").await;
    server.wait_for(&path, &["Building"]).await;
    hook.push("main", ZEROS, &commit('b')).await;
    fake.release(Step::Build);
    server.wait_for(&path, &["Success"]).await;
    server.wait_for("/apps/shop/deployments/2", &["Success"]).await;
}

#[tokio::test]
async fn a_build_without_cache_is_asked_for_once() {
    let fake = Fake::default();
    let (mut server, _) = with_hook(&fake).await;
    let path = server.browser.post("/apps/shop/deployments", &[("no_cache", "yes")]).await.expect(303).location().to_owned();
    let page = server.wait_for(&path, &["Success"]).await;
    assert!(page.text("#journal").contains("Building without what earlier builds have left"), "{}", page.text("#journal"));
    server.deploy_to_the_end("shop").await;
    let builds: Vec<String> = fake.acts().into_iter().filter(|act| act.starts_with("build")).collect();
    assert_eq!(builds, ["build #1 without cache", "build #2"]);
}
