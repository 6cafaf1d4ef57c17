//! What no app needs any more goes: images, configurations, sealed values. What is kept, used or not ours stays, and nothing races.

use std::time::Duration;

use upaas::{
    db::{self, Db, deployments::NewDeployment},
    deploy::{Limits, platform::FailureKind},
    domain::{
        app_config::env::EnvVar,
        audit::Action,
        deployment::{Rollback, Trigger},
        ids::AppId,
        image::BuiltImage,
        moment::Moment,
    },
};

use super::support::{
    eventually,
    fake::{Fake, IMAGE_SIZE, Step, stray_image},
    server::{Server, quick},
    shop::{app_row, with_shop, with_shop_within},
};

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
    clean_up_is_over(server).await;
}

async fn clean_up_is_over(server: &mut Server) {
    eventually("the clean-up to be over", async || {
        let said = server.browser.get("/system").await.text("#clean-up-images");
        if said.contains("Cleaning up since") { Err(said) } else { Ok(()) }
    })
    .await;
}

async fn execute(server: &Server, statement: &str) {
    let db = server.db().await;
    sqlx::query(statement).execute(db.write()).await.unwrap();
    db.close().await;
}

async fn count(db: &Db, what: &str) -> i64 {
    sqlx::query_scalar(&format!("SELECT count(*) FROM {what}")).fetch_one(db.read()).await.unwrap()
}

/// An image that a deployment of the app has left.
fn leftover(id: &str, app: AppId) -> BuiltImage {
    BuiltImage { app: Some(app), ..stray_image(id) }
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
    let mut server = with_shop(&fake, &[]).await;
    let db = server.db().await;
    for number in 1..=9 {
        let secret = server.seal(&format!("value {number}")).await;
        server.configure("shop", |config| config.run.env = vec![EnvVar { name: "TOKEN".parse().unwrap(), value: secret }]).await;
        deploy(&mut server, 1).await;
        if number == 2 {
            let pin = sqlx::query("UPDATE deployments SET pinned_at = ? WHERE number = 2").bind(Moment::now());
            pin.execute(db.write()).await.unwrap();
        }
        // Each clean-up before the next deployment's: two that come together are one entry.
        match number {
            7 => images_are(&fake, &[2, 3, 4, 5, 6, 7]).await,
            8 => images_are(&fake, &[2, 4, 5, 6, 7, 8]).await,
            9 => images_are(&fake, &[2, 5, 6, 7, 8, 9]).await,
            _ => {}
        }
    }
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
    let said = eventually("an entry of each that has removed something, and no other", async || {
        let said = recorded(&db).await;
        if said.len() == 3 { Ok(said) } else { Err(format!("{said:?}")) }
    })
    .await;
    assert!(said.iter().all(|it| it.starts_with("µPaaS: images: 1 of shop went, up to 123 kB")), "{said:?}");
    db.close().await;
}

#[tokio::test]
async fn what_is_used_named_by_others_or_unknown_stays_and_the_page_says_so() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    deploy(&mut server, 1).await;
    let app = app_row(&server, "shop").await.id;
    let of_shop = |id: &str, deployment| BuiltImage { id: id.to_owned(), app: Some(app), deployment: Some(deployment), ..stray_image(id) };
    fake.add_image(BuiltImage { in_use: true, ..of_shop("sha256:used", 1) });
    fake.add_image(BuiltImage { foreign_tags: vec!["mine:1".to_owned()], own_tags: Vec::new(), ..of_shop("sha256:named", 1) });
    // As after an older backup, and an adoption since: there are no rows of these numbers.
    execute(&server, "UPDATE apps SET last_number = 20").await;
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
    let mut server = with_shop(&fake, &[]).await;
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
    let mut server = with_shop(&fake, &[]).await;
    let db = server.db().await;
    deploy(&mut server, 1).await;
    let pin = "UPDATE deployments SET pinned_at = ? WHERE number = 1";
    sqlx::query(pin).bind(Moment::now()).execute(db.write()).await.unwrap();
    deploy(&mut server, 5).await;
    // By its end the shop's worker has seen that there is nothing more to do, and sleeps.
    server.create_shop(&[("slug", "blog")]).await.expect(303);
    server.deploy_to_the_end("blog").await;
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
    assert_eq!(fake.images(), [1, 1, 2, 3, 4, 5, 6], "with the blog's");
    server.browser.post("/apps/shop/deployments/7/cancellation", &[]).await.expect(303);
    clean_up(&mut server).await;
    assert_eq!(fake.images(), [1, 2, 3, 4, 5, 6]);
    let first = db::deployments::by_number(db.read(), app.id, 1).await.unwrap().unwrap();
    assert!(first.image_removed.is_some() && first.snapshot.is_none(), "{first:?}");
    db.close().await;
}

#[tokio::test]
async fn a_build_for_which_there_is_too_little_space_is_not_begun_and_a_clean_up_is_tried_first() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
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
    let app = app_row(&server, "shop").await.id;
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
    let mut server = with_shop(&fake, &[]).await;
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

/// Rows, images and configurations of so many deployments that never served, from before the first.
async fn add_old_deployments(server: &Server, fake: &Fake, app: AppId, many: i64) {
    let db = server.db().await;
    let numbers = format!("WITH RECURSIVE old (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM old WHERE number < {many})");
    for statement in [
        "INSERT INTO config_snapshots (id, app_id, config, created_at)
         SELECT printf('019aa000-0000-7000-9000-%012d', old.number), id, config, 1 FROM apps, old",
        "INSERT INTO deployments (id, app_id, number, \"trigger\", status, image, snapshot_id, queued_at, finished_at, failure_cause, ending)
         SELECT printf('019aa000-0000-7000-8000-%012d', old.number), id, old.number, 'manual', 'failed', printf('sha256:old-%04d', old.number),
                printf('019aa000-0000-7000-9000-%012d', old.number), 1, 1, 'user', 'It failed.' FROM apps, old",
    ] {
        sqlx::query(&format!("{numbers} {statement}")).execute(db.write()).await.unwrap();
    }
    db.close().await;
    for number in 1..=many {
        let id = format!("sha256:old-{number:04}");
        fake.add_image(BuiltImage { deployment: Some(number), ..leftover(&id, app) });
    }
}

#[tokio::test]
async fn thousands_of_old_deployments_go_in_pieces_and_each_piece_is_decided_anew() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    execute(&server, "UPDATE apps SET last_number = 1000").await;
    deploy(&mut server, 1).await;
    let app = app_row(&server, "shop").await.id;
    clean_up(&mut server).await;
    add_old_deployments(&server, &fake, app, 250).await;
    fake.hold(Step::RemoveImage);
    server.browser.post("/system/clean-up", &[]).await.expect(303);
    let db = server.db().await;
    // The live one's image is in the first piece, too.
    eventually("the first piece to be noted", async || {
        let noted = count(&db, "deployments WHERE image_removed_at IS NOT NULL").await;
        if noted == 99 { Ok(()) } else { Err(noted.to_string()) }
    })
    .await;
    let pin = sqlx::query("UPDATE deployments SET pinned_at = ? WHERE number = 250").bind(Moment::now());
    pin.execute(db.write()).await.unwrap();
    fake.release(Step::RemoveImage);
    images_are(&fake, &[250, 1001]).await;
    eventually("the configurations to be those that are kept", async || {
        let rows = kept_rows(&db).await.0;
        if rows == 2 { Ok(()) } else { Err(rows.to_string()) }
    })
    .await;
    assert_eq!(count(&db, "deployments WHERE image_removed_at IS NOT NULL").await, 249);
    db.close().await;
}

#[tokio::test]
async fn an_image_that_cannot_be_removed_keeps_no_other_one_and_is_told_and_tried_again() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    deploy(&mut server, 7).await;
    images_are(&fake, &[3, 4, 5, 6, 7]).await;
    server.create_shop(&[("slug", "blog")]).await.expect(303);
    server.deploy_to_the_end("blog").await;
    let (shop, blog) = (app_row(&server, "shop").await.id, app_row(&server, "blog").await.id);
    // The one after the deployment is over.
    clean_up(&mut server).await;
    for image in [leftover("sha256:a", blog), leftover("sha256:b", blog), leftover("sha256:c", shop)] {
        fake.add_image(image);
    }
    execute(&server, "UPDATE deployments SET image = 'sha256:a' WHERE number = 1 AND app_id = (SELECT id FROM apps WHERE slug = 'blog')")
        .await;
    execute(&server, "UPDATE apps SET live_deployment_id = NULL WHERE slug = 'blog'").await;
    execute(&server, "UPDATE deployments SET status = 'failed', failure_cause = 'user', ending = 'It failed.' WHERE image = 'sha256:a'")
        .await;
    fake.stick("sha256:a");
    clean_up(&mut server).await;
    assert_eq!(fake.images(), [1, 3, 4, 5, 6, 7], "of the blog's two, and the shop's");
    let said = server.browser.get("/system").await.text("#clean-up-images");
    let why = "These images could not be removed, and the next clean-up tries again: blog #1. The engine refused: no.";
    assert!(said.contains("It failed") && said.contains(why), "{said}");
    let db = server.db().await;
    assert_eq!(count(&db, "deployments WHERE image = 'sha256:a' AND image_removed_at IS NOT NULL").await, 0, "it is there");
    let ours = recorded(&db).await.into_iter().filter(|it| it.starts_with("ada")).collect::<Vec<_>>();
    assert_eq!(ours.len(), 4, "{ours:?}");
    assert_eq!(ours[3], "ada: nothing was there to go", "before the images were added");
    assert!(ours[0].starts_with(&format!("ada: {why} Before that: images: ")), "{ours:?}");
    assert!(ours[1].starts_with("ada: images: 1 of shop went"), "{ours:?}");
    fake.unstick();
    clean_up(&mut server).await;
    assert_eq!(fake.images(), [3, 4, 5, 6, 7]);
    assert_eq!(count(&db, "deployments WHERE image = 'sha256:a' AND image_removed_at IS NOT NULL").await, 1);
    db.close().await;
}

#[tokio::test]
async fn what_somebody_else_has_named_is_not_said_to_be_removed() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    fake.fail(Step::Images, FailureKind::Final);
    deploy(&mut server, 6).await;
    fake.name("sha256:1", "mine:1");
    fake.mend(Step::Images);
    clean_up(&mut server).await;
    assert_eq!(fake.images(), [1, 2, 3, 4, 5, 6]);
    let page = server.browser.get("/apps/shop/deployments/1").await.expect(200).text(".summary");
    assert!(page.contains("Image1") && !page.contains("removed"), "{page}");
    eventually("the page to say that it stays", async || {
        let said = server.browser.get("/system").await.text("#clean-up-images");
        if said.contains("1 because of a name that is not µPaaS’s") { Ok(()) } else { Err(said) }
    })
    .await;
}

#[tokio::test]
async fn the_clean_up_after_a_deployment_that_failed_is_done_with_the_next_one_s_whatever_its_app() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    server.create_shop(&[("slug", "blog")]).await.expect(303);
    deploy(&mut server, 5).await;
    fake.fail(Step::Images, FailureKind::EngineSlow);
    deploy(&mut server, 1).await;
    // Its turn is over when a person's clean-up, which waits for it, is.
    clean_up_in_vain(&mut server).await;
    fake.mend(Step::Images);
    server.deploy_to_the_end("blog").await;
    images_are(&fake, &[1, 2, 3, 4, 5, 6]).await;
}

/// As [`clean_up`], of one that fails.
async fn clean_up_in_vain(server: &mut Server) {
    clean_up(server).await;
    let said = server.browser.get("/system").await.text("#clean-up-images");
    assert!(said.contains("It failed"), "{said}");
}

#[tokio::test]
async fn an_image_is_not_removed_by_hand_while_a_clean_up_runs() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    fake.add_image(stray_image("sha256:0123456789ab0123"));
    fake.hold(Step::Images);
    server.browser.post("/system/clean-up", &[]).await.expect(303);
    let refused = server.browser.post("/system/images/removal", &[("image", "sha256:0123456789ab0123")]).await.expect(409);
    assert!(refused.text("main").contains("A clean-up is running. Try again when it is done."), "{}", refused.text("main"));
    fake.release(Step::Images);
    clean_up_is_over(&mut server).await;
    server.browser.post("/system/images/removal", &[("image", "sha256:0123456789ab0123")]).await.expect(303);
    assert!(fake.images().is_empty());
}

#[tokio::test]
async fn a_clean_up_that_takes_long_before_a_build_is_not_waited_for_and_not_blamed() {
    let fake = Fake::default();
    let mut server = with_shop_within(&fake, &[], Limits { deploy: Duration::from_millis(200), ..quick() }).await;
    fake.hold(Step::Images);
    fake.leave(12_000_000);
    let path = server.deploy("shop").await;
    let page = server.wait_for(&path, &["Failed"]).await;
    let said = page.text(".failure");
    assert!(said.contains("12 MB left of 400 MB: too little for a build, so it was not begun."), "{said}");
    assert!(page.text("#journal").contains("The clean-up takes long"), "{}", page.text("#journal"));
    fake.release(Step::Images);
}

#[tokio::test]
async fn what_somebody_has_built_on_an_image_of_ours_is_not_ours_though_it_has_our_labels() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    deploy(&mut server, 1).await;
    let app = app_row(&server, "shop").await.id;
    let theirs = |id: &str| BuiltImage { own_tags: Vec::new(), ..leftover(id, app) };
    fake.add_image(theirs("sha256:0123456789ab0123"));
    fake.add_image(leftover("sha256:of-a-failed-build", app));
    clean_up(&mut server).await;
    assert_eq!(fake.images(), [1, 1], "the leftover is gone");
    let said = server.browser.get("/system").await.text("#clean-up");
    assert!(said.contains("0123456789ab") && said.contains("the database does not know it"), "{said}");
    server.browser.post("/apps/shop/deletion", &[("slug", "shop")]).await.expect(303);
    eventually("the app to be gone", async || {
        let page = server.browser.get("/").await.text("main");
        if page.contains("shop") { Err(page) } else { Ok(()) }
    })
    .await;
    assert_eq!(fake.images(), [1], "theirs");
    server.browser.post("/system/images/removal", &[("image", "sha256:0123456789ab0123")]).await.expect(303);
    assert!(fake.images().is_empty());
}

#[tokio::test]
async fn a_clean_up_by_hand_needs_no_measuring() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    deploy(&mut server, 1).await;
    fake.add_image(leftover("sha256:leftover", app_row(&server, "shop").await.id));
    fake.add_image(stray_image("sha256:stray"));
    fake.fail(Step::Measure, FailureKind::EngineSlow);
    clean_up(&mut server).await;
    assert_eq!(fake.images(), [1, 1]);
    server.browser.post("/system/images/removal", &[("image", "sha256:stray")]).await.expect(303);
    assert_eq!(fake.images(), [1]);
}

#[tokio::test]
async fn that_the_builder_s_cache_was_to_be_pruned_is_recorded_however_it_ends() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    fake.hold(Step::Cache);
    server.browser.post("/system/builder-cache/pruning", &[]).await.expect(303);
    server.stop().await;
    fake.release(Step::Cache);
    server.start_fake(&fake).await;
    let db = server.db().await;
    let [interrupted, asked] = ["It was interrupted, because µPaaS was stopped.", "pruning asked for"].map(|it| format!("ada: {it}"));
    assert_eq!(recorded(&db).await, [interrupted, asked.clone()]);
    fake.explode(Step::Cache, "on purpose");
    server.browser.post("/system/builder-cache/pruning", &[]).await.expect(303);
    eventually("the page to say that it failed", async || {
        let said = server.browser.get("/system").await.text("#builder-cache");
        if said.contains("It failed") && said.contains("µPaaS itself failed at this") { Ok(()) } else { Err(said) }
    })
    .await;
    assert!(recorded(&db).await.contains(&asked));
    server.browser.post("/system/builder-cache/pruning", &[]).await.expect(303);
    eventually("what went to be recorded", async || {
        let said = recorded(&db).await;
        if said[0] == "ada: 7.0 MB of the builder's cache went" { Ok(()) } else { Err(format!("{said:?}")) }
    })
    .await;
    db.close().await;
}

#[tokio::test]
async fn configurations_of_deployments_that_failed_go_though_none_succeeds() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    let db = server.db().await;
    let mut kept = 0;
    for live in [false, true] {
        if live {
            fake.mend(Step::Build);
            deploy(&mut server, 1).await;
            kept = 1;
        }
        fake.fail(Step::Build, FailureKind::Final);
        for number in 1..=8 {
            let secret = server.seal(&format!("value {number} {live}")).await;
            server.configure("shop", |config| config.run.env = vec![EnvVar { name: "TOKEN".parse().unwrap(), value: secret }]).await;
            assert_eq!(server.deploy_to_the_end("shop").await.text(".summary .badge"), "Failed");
        }
        // Of those that failed the last five can be compared. The deploy key and the webhook secret are no values of a configuration.
        eventually("the rows to be those that are needed", async || {
            let rows = kept_rows(&db).await;
            if rows == (5 + kept, 5 + kept + 2) { Ok(()) } else { Err(format!("{live}: {rows:?}")) }
        })
        .await;
    }
    db.close().await;
}

#[tokio::test]
async fn of_many_unknown_images_the_first_are_shown_and_the_others_counted() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    for number in 0..52 {
        fake.add_image(stray_image(&format!("sha256:{number:012}")));
    }
    let page = server.browser.get("/system").await.expect(200);
    assert_eq!(page.texts("form[action='/system/images/removal']").len(), 50);
    assert!(page.text("#clean-up").contains("And 2 more unknown images"), "{}", page.text("#clean-up"));
}
