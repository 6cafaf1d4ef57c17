//! New keys, on a real forge: what the old ones opened stays shut.

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_deploy_key_is_unknown_until_the_forge_has_it() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    world.server.browser.post("/apps/shop/deploy-key/rotation", &[]).await.expect(303);
    assert!(world.test_connection().await.contains("does not know this app's deploy key"), "the forge has the old one only");
    world.fails_and_the_first_version_serves("does not know this app's deploy key").await;
    world.forge.forget_keys();
    world.connect("shop").await;
    assert!(world.test_connection().await.contains("main is at"));
    world.repository.push("main", &[("index.html", "second")]);
    world.deploy("Success").await;
    world.only_this_serves("second").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_signed_with_the_old_secret_are_rejected() {
    let mut world = World::with_shop(None).await;
    world.connect_webhook().await;
    world.server.browser.post("/apps/shop/webhook-secret/rotation", &[]).await.expect(200);
    world.repository.push("main", &[("index.html", "second")]);
    assert_eq!(world.repository.deliveries().pop().unwrap()["status"], 401);
    world.connect_webhook().await;
    let path = world.push_page("third");
    world.server.wait_for(&path, &["Success"]).await;
    world.only_this_serves("third").await;
}
