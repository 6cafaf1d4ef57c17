//! `git push` and nothing else.

use super::world::{World, limits};

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_all_it_takes_and_back_to_an_older_commit_too() {
    let mut world = World::with_shop(None).await;
    world.connect_webhook().await;
    assert!(world.repository.test_delivery()["answer"].as_str().unwrap().starts_with("ignored: test received, signature valid."));
    let first = world.repository.push("main", &[("index.html", "one")]);
    world.server.wait_for(&world.delivered(), &["Success"]).await;
    assert_eq!(world.answer().await, "one");
    let path = world.push_page("two");
    world.server.wait_for(&path, &["Success"]).await;
    assert_eq!(world.answer().await, "two");
    world.repository.reset_to(&first, "main");
    world.server.wait_for(&world.delivered(), &["Success"]).await;
    assert_eq!(world.answer().await, "one", "A → B → A deploys A");
    let again = world.repository.redeliver();
    assert!(again["answer"].as_str().unwrap().starts_with("ignored: already live as #3."), "{again}");
    for (act, said) in
        [("dev", "ignored: the push is to dev; “shop” deploys main."), ("v1", "ignored: v1 is a tag; “shop” deploys branch main.")]
    {
        match act {
            "dev" => drop(world.repository.commit_and_push("dev")),
            tag => drop(world.repository.tag(tag)),
        }
        assert_eq!(world.repository.deliveries().pop().unwrap()["answer"].as_str().unwrap().trim(), said);
    }
    world.only_this_serves("one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_thirty_pushes_in_a_row_the_newest_is_live_in_the_end() {
    let mut world = World::with_shop_and(None, limits()).await;
    world.connect_webhook().await;
    let mut last = String::new();
    for number in 1..=30 {
        last = world.push_page(&format!("page {number}"));
    }
    assert_eq!(last, "/apps/shop/deployments/30", "each push is a deployment");
    world.server.wait_for(&last, &["Success"]).await;
    assert_eq!(world.answer().await, "page 30");
    let mut built = 0;
    for number in 1..30 {
        let page = world.server.browser.get(&format!("/apps/shop/deployments/{number}")).await.expect(200);
        match page.text(".summary .badge").as_str() {
            "Success" => built += 1,
            "Superseded" => assert!(page.text(".note").starts_with("Superseded by #"), "{}", page.text(".note")),
            other => panic!("#{number} is {other}"),
        }
    }
    assert!(built >= 1, "the first was running when the second came");
}
