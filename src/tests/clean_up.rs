//! What no app needs any more goes: images, configurations, sealed values. What is kept, used or not ours stays, and nothing races.

use upaas::{
    db::{self, Db, deployments::NewDeployment},
    deploy::platform::FailureKind,
    domain::{
        app_config::env::EnvVar,
        audit::Action,
        deployment::{Rollback, Trigger},
        image::BuiltImage,
        moment::Moment,
    },
};

use super::support::{
    eventually,
    fake::{Fake, IMAGE_SIZE, Step, stray_image},
    server::Server,
};

/// A server with `shop`.
async fn with_shop(fake: &Fake) -> Server {
    let mut server = Server::fake(fake).await;
    server.set_up().await;
    server.create_shop(&[]).await.expect(303);
    server
}

async fn deploy(server: &mut Server, times: usize) {
    for _ in 0..times {
        assert_eq!(server.deploy_to_the_end("shop").await.text(".summary .badge"), "Success");
    }
}

/// Waits until the images are those of these deployments.
async fn images_are(fake: &Fake, wanted: &[i64]) {
    eventually("the images to be those that are needed", async || {
        let there = fake.images();
        if there == wanted { Ok(()) } else { Err(format!("{there:?}")) }
    })
    .await;
}

/// Presses “Clean up now” and waits for the end of that.
async fn clean_up(server: &mut Server) {
    server.browser.post("/system/clean-up", &[]).await.expect(303);
    eventually("the clean-up to be over", async || {
        let said = server.browser.get("/system").await.text("#clean-up-images");
        if said.contains("Cleaning up since") { Err(said) } else { Ok(()) }
    })
    .await;
}

/// How many configurations and how many sealed values there are.
async fn kept_rows(db: &Db) -> (i64, i64) {
    let snapshots = sqlx::query_scalar("SELECT count(*) FROM config_snapshots").fetch_one(db.read()).await.unwrap();
    (snapshots, sqlx::query_scalar("SELECT count(*) FROM secret_versions").fetch_one(db.read()).await.unwrap())
}

/// The details of the clean-ups that were recorded, newest first, with who did them.
async fn recorded(db: &Db) -> Vec<String> {
    let filter = db::audit::Filter { action: Some(Action::Cleanup), ..db::audit::Filter::default() };
    let entries = db::audit::newest(db.read(), &filter, None, 50).await.unwrap();
    entries.into_iter().map(|it| format!("{}: {}", it.act.actor.name, it.act.detail)).collect()
}

#[tokio::test]
async fn after_each_deployment_what_is_not_kept_goes_with_its_configuration_and_secrets() {
    let fake = Fake::default();
    let mut server = with_shop(&fake).await;
    let db = server.db().await;
    for number in 1..=9 {
        let secret = server.seal(&format!("value {number}")).await;
        server.configure("shop", |config| config.run.env = vec![EnvVar { name: "TOKEN".parse().unwrap(), value: secret }]).await;
        deploy(&mut server, 1).await;
        if number == 2 {
            let pin = sqlx::query("UPDATE deployments SET pinned_at = ? WHERE number = 2").bind(Moment::now());
            pin.execute(db.write()).await.unwrap();
        }
    }
    images_are(&fake, &[2, 5, 6, 7, 8, 9]).await;
    // Six kept values, the deploy key, and the webhook secret.
    eventually("the rows to be those that are needed", async || {
        let rows = kept_rows(&db).await;
        if rows == (6, 6 + 2) { Ok(()) } else { Err(format!("{rows:?}")) }
    })
    .await;
    let removed: Vec<i64> = sqlx::query_scalar("SELECT number FROM deployments WHERE image_removed_at IS NOT NULL ORDER BY number")
        .fetch_all(db.read())
        .await
        .unwrap();
    assert_eq!(removed, [1, 3, 4]);
    let said = recorded(&db).await;
    assert_eq!(said.len(), 3, "what removes nothing is not recorded: {said:?}");
    assert!(said.iter().all(|it| it.starts_with("µPaaS: images: 1 of shop went, up to 123 kB")), "{said:?}");
    db.close().await;
}

#[tokio::test]
async fn what_is_used_named_by_others_or_unknown_stays_and_the_page_says_so() {
    let fake = Fake::default();
    let mut server = with_shop(&fake).await;
    deploy(&mut server, 1).await;
    let app = {
        let db = server.db().await;
        let app = db::apps::by_slug(db.read(), &"shop".parse().unwrap()).await.unwrap().unwrap().id;
        db.close().await;
        app
    };
    let of_shop = |id: &str, deployment| BuiltImage { id: id.to_owned(), app: Some(app), deployment: Some(deployment), ..stray_image(id) };
    fake.add_image(BuiltImage { in_use: true, ..of_shop("sha256:used", 1) });
    fake.add_image(BuiltImage { foreign_tags: vec!["mine:1".to_owned()], own_tags: Vec::new(), ..of_shop("sha256:named", 1) });
    fake.add_image(of_shop("sha256:later", 7));
    fake.add_image(stray_image("sha256:0123456789ab0123"));
    fake.add_image(of_shop("sha256:leftover", 1));
    let page = server.browser.get("/system").await.expect(200);
    let said = page.text("#clean-up");
    assert!(said.contains("would free up to 123 kB: shop #1."), "{said}");
    assert!(said.contains("1 because a container is made of it, 1 because of a name that is not µPaaS’s"), "{said}");
    assert!(said.contains("0123456789ab") && said.contains("upaas/gone:1"), "{said}");
    assert!(said.contains("7.0 MB, of which 7.0 MB could go now"), "{said}");
    let costs = page.text("#disk-by-app");
    assert!(costs.contains("5 images") && costs.contains("Of no app"), "{costs}");
    server.browser.post("/system/clean-up", &[]).await.expect(303);
    eventually("the leftover to be gone", async || {
        let said = server.browser.get("/system").await.text("#clean-up-images");
        let done = said.contains("Nothing is there to go") && said.contains("images: 1 of shop went, up to 123 kB");
        if done { Ok(()) } else { Err(said) }
    })
    .await;
    assert_eq!(fake.images(), [1, 1, 1, 1, 7]);
    server.browser.post("/system/images/removal", &[("image", "sha256:1")]).await.expect(409);
    server.browser.post("/system/images/removal", &[("image", "sha256:0123456789ab0123")]).await.expect(303);
    assert_eq!(fake.images(), [1, 1, 1, 7]);
}

#[tokio::test]
async fn what_failed_and_what_the_engine_keeps_back_is_tried_again() {
    let fake = Fake::default();
    let mut server = with_shop(&fake).await;
    fake.fail(Step::RemoveImage, FailureKind::Final);
    deploy(&mut server, 6).await;
    server.browser.post("/system/clean-up", &[]).await.expect(303);
    eventually("the failure to be told", async || {
        let said = server.browser.get("/system").await.text("#clean-up-images");
        if said.contains("It failed") { Ok(()) } else { Err(said) }
    })
    .await;
    assert_eq!(fake.images().len(), 6);
    fake.mend(Step::RemoveImage);
    server.browser.post("/system/clean-up", &[]).await.expect(303);
    images_are(&fake, &[2, 3, 4, 5, 6]).await;
}

#[tokio::test]
async fn what_a_waiting_rollback_goes_back_to_stays_for_as_long_as_it_waits() {
    let fake = Fake::default();
    let mut server = with_shop(&fake).await;
    let db = server.db().await;
    deploy(&mut server, 1).await;
    let pin = "UPDATE deployments SET pinned_at = ? WHERE number = 1";
    sqlx::query(pin).bind(Moment::now()).execute(db.write()).await.unwrap();
    deploy(&mut server, 5).await;
    let app = db::apps::by_slug(db.read(), &"shop".parse().unwrap()).await.unwrap().unwrap();
    let mut tx = db.begin().await.unwrap();
    let new = NewDeployment {
        app: app.id,
        trigger: Trigger::Rollback,
        requested_by: None,
        commit: None,
        no_cache: false,
        rollback: Some(Rollback { to: 1, keeps_values: false }),
    };
    // Behind the server's back: its worker is not woken, so it waits.
    db::deployments::enqueue(&mut tx, &new).await.unwrap();
    tx.commit().await.unwrap();
    sqlx::query(pin).bind(None::<Moment>).execute(db.write()).await.unwrap();
    clean_up(&mut server).await;
    assert_eq!(fake.images(), [1, 2, 3, 4, 5, 6]);
    server.browser.post("/apps/shop/deployments/7/cancellation", &[]).await.expect(303);
    clean_up(&mut server).await;
    assert_eq!(fake.images(), [2, 3, 4, 5, 6]);
    let first = db::deployments::by_number(db.read(), app.id, 1).await.unwrap().unwrap();
    assert!(first.image_removed.is_some() && first.snapshot.is_none(), "{first:?}");
    db.close().await;
}

#[tokio::test]
async fn a_build_for_which_there_is_too_little_space_is_not_begun_and_a_clean_up_is_tried_first() {
    let fake = Fake::default();
    let mut server = with_shop(&fake).await;
    deploy(&mut server, 1).await;
    fake.leave(12_000_000);
    let page = server.deploy_to_the_end("shop").await;
    let said = page.text(".failure");
    assert!(said.contains("The engine's disk has 12 MB left of 400 MB: too little for a build, so it was not begun."), "{said}");
    assert!(said.contains("prune the builder's cache"), "{said}");
    assert!(page.text("#journal").contains("cleaning up first"), "{}", page.text("#journal"));
    assert!(!fake.acts().contains(&"build #2".to_owned()), "{:?}", fake.acts());
    assert_eq!(fake.running().0, [1]);
    fake.leave(20_000_000 - IMAGE_SIZE);
    let db = server.db().await;
    let app = db::apps::by_slug(db.read(), &"shop".parse().unwrap()).await.unwrap().unwrap().id;
    db.close().await;
    fake.add_image(BuiltImage { app: Some(app), ..stray_image("sha256:leftover") });
    deploy(&mut server, 1).await;
    fake.leave(0);
    assert_eq!(server.deploy_to_the_end("shop").await.text(".summary .badge"), "Failed");
    server.browser.post("/system/builder-cache/pruning", &[]).await.expect(303);
    deploy(&mut server, 1).await;
}

#[tokio::test]
async fn a_disk_that_becomes_full_is_why_a_build_fails_whatever_the_builder_says() {
    let fake = Fake::default();
    let mut server = with_shop(&fake).await;
    deploy(&mut server, 1).await;
    fake.leave(300_000_000);
    fake.hold(Step::Build);
    let path = server.deploy("shop").await;
    server.wait_for(&path, &["Building"]).await;
    fake.leave(0);
    fake.fail(Step::Build, FailureKind::Final);
    fake.release(Step::Build);
    let said = server.wait_for(&path, &["Failed"]).await.text(".failure");
    assert!(said.contains("The engine's disk became full during the build (0 B left of 400 MB). It failed at Build."), "{said}");
    assert_eq!(fake.running().0, [1]);
}
