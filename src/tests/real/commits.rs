//! The commit picker, on a real forge.

use super::world::World;

const COMMITS: &str = "/apps/shop/commits";

#[tokio::test(flavor = "multi_thread")]
async fn the_commits_of_a_branch_are_looked_for_and_one_of_them_is_deployed_exactly() {
    let mut world = World::with_shop(Some("auto")).await;
    let first = world.repository.push("main", &[("index.html", "second")]);
    let nasty = world.repository.push_saying("main", "\u{1b}[31m<script>\u{7f}\ttab\u{202e}\r\nx\n\n%H%x00 second paragraph");
    let browser = &mut world.server.browser;
    assert!(browser.get(COMMITS).await.text(".empty").contains("No commit of main was fetched yet."));
    browser.post(COMMITS, &[]).await.expect(303);
    let page = browser.get(COMMITS).await;
    let ids = page.texts(".commit-row code");
    assert_eq!((ids.len(), &*ids[0], &*ids[1]), (3, &nasty[..8], &first[..8]), "newest first");
    let said = page.text(".commit-row q");
    assert!(
        said.contains("<script>") && !said.contains(['\u{1b}', '\u{7f}', '\u{202e}']) && !said.contains("second paragraph"),
        "{said:?}"
    );

    let path = browser.post("/apps/shop/deployments", &[("by_id", "yes"), ("commit", &first[..7])]).await.expect(303).location().to_owned();
    let page = world.server.wait_for(&path, &["Success", "Failed"]).await;
    assert!(page.text(".summary").contains(&first[..8]), "{}", page.text("#journal"));
    let page = world.server.browser.get(COMMITS).await;
    assert!(page.texts(".commit-row")[1].contains("live #1"), "{:?}", page.texts(".commit-row"));

    world.repository.push("other", &[("index.html", "fourth")]);
    world.server.configure("shop", |config| config.source.branch = "other".parse().unwrap()).await;
    let browser = &mut world.server.browser;
    assert!(
        browser.get(COMMITS).await.text(".empty").contains("No commit of other was fetched yet."),
        "the mirror's tip is another branch's"
    );
    browser.post(COMMITS, &[]).await.expect(303);
    assert_eq!(browser.get(COMMITS).await.texts(".commit-row").len(), 4);
    world.forge.down();
    let page = world.server.browser.post(COMMITS, &[]).await.expect(422);
    assert!(page.text("[role=alert]").contains("cannot be reached"), "{}", page.text("[role=alert]"));
    assert_eq!(page.texts(".commit-row").len(), 4, "what was fetched before is still shown");
}
