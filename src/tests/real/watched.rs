//! Watched paths, on real pushes to a real repository.

use super::world::World;

/// Waits for the end of the deployment that the last push led to; which word it is.
async fn ended(world: &mut World) -> String {
    let path = world.delivered();
    let page = world.server.wait_for(&path, &["Success", "Skipped", "Failed"]).await;
    page.text(".summary .badge")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_deploys_exactly_when_something_watched_differs_from_what_serves() {
    let mut world = World::with_shop(None).await;
    world.connect_webhook().await;
    let watched = [("watch_paths", "index.html\nDockerfile\nlib/**/*.txt\n!lib/notes/**")];
    world.server.browser.post("/apps/shop/settings/deploys", &watched).await.expect(303);

    world.repository.push("main", &[("index.html", "one")]);
    assert_eq!(ended(&mut world).await, "Success", "the first one is deployed whatever is in it");

    let docs = world.repository.push("main", &[("docs/a.md", "1"), ("lib/notes/n.txt", "1")]);
    assert_eq!(ended(&mut world).await, "Skipped");
    assert_eq!(world.answer().await, "one");
    let deliveries = world.server.browser.get("/apps/shop/deliveries").await;
    let said = deliveries.text("tbody tr:first-child .delivery-reason");
    assert!(said.contains("none of the 2 files that have changed is watched"), "{said}");

    // Six commits in one push, and only the oldest touches what is watched.
    world.repository.commit_locally(&[("index.html", "two")]);
    for number in 2..6 {
        world.repository.commit_locally(&[("docs/a.md", &number.to_string())]);
    }
    let six = world.repository.push("main", &[("docs/a.md", "6")]);
    assert_eq!(ended(&mut world).await, "Success");
    assert_eq!(world.answer().await, "two");

    // A force push: back before what serves, where the watched file differs; and forth to a history without a watched difference.
    world.repository.reset_to(&docs, "main");
    assert_eq!(ended(&mut world).await, "Success");
    assert_eq!(world.answer().await, "one");
    world.repository.push("main", &[("docs/b.md", "1")]);
    assert_eq!(ended(&mut world).await, "Skipped", "rewritten, and nothing watched differs");
    world.repository.reset_to(&six, "main");
    assert_eq!(ended(&mut world).await, "Success");

    // A merge brings what its branch has changed.
    let side = world.repository.push("side", &[("lib/a/b.txt", "1")]);
    world.repository.reset_to(&six, "main");
    world.repository.push("main", &[("docs/c.md", "1")]);
    assert_eq!(ended(&mut world).await, "Skipped");
    world.repository.merge(&side, "main");
    assert_eq!(ended(&mut world).await, "Success");

    // Another branch is compared with what serves, too.
    let source = [("repo_url", world.repository.url.as_str()), ("branch", "next")];
    world.server.browser.post("/apps/shop/settings/source", &source).await.expect(303);
    world.repository.push("next", &[("docs/d.md", "1")]);
    assert_eq!(ended(&mut world).await, "Skipped");
    world.repository.push("next", &[("index.html", "next")]);
    assert_eq!(ended(&mut world).await, "Success");
    world.only_this_serves("next").await;
}
