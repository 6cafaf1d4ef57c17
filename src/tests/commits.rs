//! The commit picker: what was fetched, with what became of it, and any commit by its id.

use upaas::deploy::platform::FailureKind;

use super::support::{
    fake::{Fake, Step},
    shop::{ANY_PORT, with_shop},
};

const COMMITS: &str = "/apps/shop/commits";
const DEPLOYMENTS: &str = "/apps/shop/deployments";

/// A commit's id that begins so.
fn id(beginning: &str) -> String {
    format!("{beginning:0<40}")
}

#[tokio::test]
async fn the_recent_commits_say_what_they_are_and_which_deployment_made_them_live() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    let page = server.browser.get(COMMITS).await.expect(200);
    assert!(page.text(".empty").contains("No commit of main was fetched yet."), "{}", page.body);
    fake.add_commit(&id("aaaaaaaa"), "Add a");
    fake.add_commit(&id("bbbbbbbb"), "<b>Add b</b> & \u{202e}more\u{7}");
    fake.set_tip(&id("aaaaaaaa"));
    server.deploy_to_the_end("shop").await;
    server.deploy_to_the_end("shop").await;
    let page = server.browser.get(COMMITS).await.expect(200);
    let rows = page.texts(".commit-row");
    assert_eq!(rows.len(), 2);
    assert!(rows[0].contains("bbbbbbbb") && rows[0].contains("<b>Add b</b> &") && !rows[0].contains("live"), "{rows:?}");
    assert!(rows[1].contains("aaaaaaaa") && rows[1].contains("live #2 #1") && rows[1].contains("by dev"), "{rows:?}");

    let chosen = page.attribute(".commit-row button[name=commit]", "value").unwrap();
    assert_eq!(chosen, id("bbbbbbbb"));
    // As a browser sends it: the field that was left empty, and then the button.
    let fields = [("by_id", "yes"), ("commit", ""), ("no_cache", "yes"), ("commit", &chosen)];
    let path = server.browser.post(DEPLOYMENTS, &fields).await.expect(303).location().to_owned();
    let page = server.wait_for(&path, &["Success"]).await;
    assert!(page.text(".summary").contains("bbbbbbbb"), "{}", page.text(".summary"));
    assert!(fake.acts().contains(&"build #3 without cache".to_owned()), "{:?}", fake.acts());
    assert!(server.browser.get(COMMITS).await.texts(".commit-row")[0].contains("live #3"));
}

#[tokio::test]
async fn a_commit_is_named_by_as_much_of_its_id_as_tells_it_from_others() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    fake.add_commit(&id("abcdef01"), "One");
    fake.add_commit(&id("abcdef02"), "Two");
    let refused = [
        ("", "Type the commit's id."),
        ("abcdef", "A commit is written as its id"),
        ("main", "A commit is written as its id"),
        ("--help", "A commit is written as its id"),
        ("abcdef0", "Several commits begin with abcdef0"),
        ("1234567", "No commit that was fetched begins with 1234567."),
    ];
    for (typed, sentence) in refused {
        let page = server.browser.post(DEPLOYMENTS, &[("by_id", "yes"), ("commit", typed), ("no_cache", "yes")]).await.expect(422);
        assert!(page.text("#commit-error").contains(sentence), "{typed}: {}", page.text("#commit-error"));
        assert_eq!(page.attribute("#commit", "value").as_deref(), Some(typed), "it stays as it was typed");
        assert!(page.attribute("#no_cache", "checked").is_some());
        assert_eq!(page.texts(".commit-row").len(), 2, "the list is still there");
    }
    let token = server.make_token("ci", "deploy").await;
    server.program(&token).post(DEPLOYMENTS, &[("commit", "abcdef0")]).await.expect(400);
    fake.fail(Step::LookUp, FailureKind::Final);
    let page = server.browser.post(DEPLOYMENTS, &[("by_id", "yes"), ("commit", "abcdef0")]).await.expect(422);
    assert!(page.text("#commit-error").contains("It failed at LookUp. Mend it."), "{}", page.text("main"));
    assert_eq!(page.attribute("#commit", "value").as_deref(), Some("abcdef0"));
    server.program(&token).post(DEPLOYMENTS, &[("commit", "abcdef0")]).await.expect(409);
    fake.mend(Step::LookUp);

    let path = server.browser.post(DEPLOYMENTS, &[("by_id", "yes"), ("commit", "ABCDEF02")]).await.expect(303).location().to_owned();
    assert!(server.wait_for(&path, &["Success"]).await.text(".summary").contains("abcdef02"));
    let unseen = id("77777777");
    let path = server.browser.post(DEPLOYMENTS, &[("by_id", "yes"), ("commit", &unseen)]).await.expect(303).location().to_owned();
    assert!(server.wait_for(&path, &["Success"]).await.text(".summary").contains("77777777"), "a full id needs not be fetched before");
}

#[tokio::test]
async fn a_look_for_new_commits_that_fails_says_why_beside_its_button() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    assert_eq!(server.browser.post(COMMITS, &[]).await.expect(303).location(), COMMITS);
    fake.fail(Step::Fetch, FailureKind::Final);
    let page = server.browser.post(COMMITS, &[]).await.expect(422);
    assert!(page.text("[role=alert]").contains("It failed at Fetch. Mend it."), "{}", page.body);
    assert!(page.attribute(&format!("form[action='{COMMITS}'] button"), "data-busy").is_some(), "the button is still there");
    assert!(page.text(".empty").is_empty(), "what was fetched is not said where it could not be looked for: {}", page.text(".empty"));
    assert!(server.browser.get("/apps/shop").await.body.contains(&format!("href=\"{COMMITS}\"")));
}

#[tokio::test]
async fn a_look_that_finds_no_new_commit_says_so() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    fake.add_commit(&id("aaaaaaaa"), "Add a");
    let page = server.browser.post(COMMITS, &[]).await.expect(303).location().to_owned();
    let page = server.browser.get(&page).await.expect(200);
    assert!(page.text("#flash").contains("There is no new commit on main."), "{}", page.text("#flash"));
    assert_eq!(page.texts(".commit-row").len(), 1);
    assert!(page.text("title").starts_with(&page.text("h1")), "{}", page.text("title"));
    assert_eq!(page.attribute(".tabs [aria-current]", "aria-current").as_deref(), Some("true"), "it is within, and another page");
}
