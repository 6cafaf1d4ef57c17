//! An app that is deleted is gone at once for everybody, and by and by everything that it had; a new one of its name inherits nothing.

use std::path::PathBuf;

use sqlx::{Connection, SqliteConnection};
use upaas::{deploy::platform::FailureKind, domain::image::BuiltImage};

use super::support::{
    eventually,
    fake::{Fake, Step, stray_image},
    gitea::{Hook, ZEROS, commit},
    server::Server,
    shop::{app_row, with_running_shop},
};

async fn delete(server: &mut Server) {
    assert_eq!(server.browser.post("/apps/shop/deletion", &[("slug", "shop")]).await.expect(303).location(), "/");
}

async fn is_gone(server: &mut Server) {
    let browser = &mut server.browser;
    eventually("the app to be gone", async || {
        let page = browser.get("/").await.text("main");
        if page.contains("shop") { Err(page) } else { Ok(()) }
    })
    .await;
}

/// What a statement counts. With a semicolon, it is not taken for one of µPaaS's own.
async fn rows(server: &Server, counting: &str) -> i64 {
    let file = format!("sqlite://{}", server.data().join("upaas.db").display());
    let mut connection = SqliteConnection::connect(&file).await.unwrap();
    sqlx::query_scalar(counting).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn the_slug_has_to_be_typed_and_a_wrong_one_does_nothing() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let page = server.browser.get("/apps/shop/settings").await.expect(200).text("#deletion");
    for said in ["What goes:", "What stays:", "named volumes", "Type shop to delete it"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let page = server.browser.post("/apps/shop/deletion", &[("slug", "shopp"), ("volumes", "yes")]).await.expect(422);
    assert!(page.text("#slug-error").contains("nothing was done"), "{}", page.text("#deletion"));
    assert_eq!(page.attribute("#slug", "value").as_deref(), Some("shopp"));
    assert!(page.attribute("#deletion-volumes", "checked").is_some());
    server.wait_for_app("shop", "Running").await;
    assert_eq!(fake.running(), (vec![1], vec![]));
}

#[tokio::test]
async fn an_app_of_the_same_name_inherits_nothing() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let hook = Hook::of(&mut server, "shop").await;
    hook.push("main", ZEROS, &commit('a')).await;
    server.wait_for("/apps/shop/deployments/2", &["Success"]).await;
    server.browser.post("/apps/shop/settings/environment/addition", &[("env_name", "A"), ("env_value", "b")]).await.expect(303);
    let old = app_row(&server, "shop").await;
    let of_it = |part: &str| server.data().join(part);
    let files: Vec<PathBuf> = [format!("repos/{}.git", old.id), format!("files/{}/x", old.id), format!("volumes/{}/data", old.id)]
        .iter()
        .map(|it| of_it(it))
        .collect();
    files.iter().for_each(|folder| std::fs::create_dir_all(folder).unwrap());
    fake.add_image(BuiltImage { app: Some(old.id), ..stray_image("sha256:of-shop") });
    fake.add_image(BuiltImage { deployment: Some(77), ..stray_image("sha256:stray") });
    delete(&mut server).await;
    server.browser.get("/apps/shop").await.expect(404);
    is_gone(&mut server).await;
    assert_eq!(hook.push("main", ZEROS, &commit('b')).await.status, 404);
    assert_eq!(fake.running(), (vec![], vec![]));
    let acts = fake.acts();
    assert_eq!(acts[acts.len() - 2..], ["stop c2-of-2", "remove c2-of-2"]);
    assert_eq!(fake.images(), [77], "the images of other apps stay");
    assert!(!files[0].exists() && !files[1].exists() && files[2].exists(), "volumes stay unless they are to go");
    assert!(!server.data().join("logs").join(old.id.to_string()).exists());
    for table in
        ["apps", "deployments", "deliveries", "config_snapshots", "app_secrets", "snapshot_secrets", "secret_versions", "deletions"]
    {
        assert_eq!(rows(&server, &format!("SELECT count(*) FROM {table};")).await, 0, "{table}");
    }
    assert!(!server.browser.get("/metrics").await.body.contains("app=\"shop\""));
    server.create_shop(&[]).await.expect(303);
    let new = app_row(&server, "shop").await;
    assert!(new.id != old.id && new.webhook != old.webhook && new.deploy_key_public != old.deploy_key_public);
    assert!(server.deploy("shop").await.ends_with("/deployments/1"), "numbers begin anew");
    assert_eq!(rows(&server, "SELECT count(*) FROM deliveries;").await, 0);
    server.browser.post("/apps/shop/deletion", &[("slug", "shop")]).await;
}

#[tokio::test]
async fn folders_of_volumes_go_when_they_are_to() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let folder = server.data().join("volumes").join(app_row(&server, "shop").await.id.to_string());
    std::fs::create_dir_all(folder.join("data")).unwrap();
    server.browser.post("/apps/shop/deletion", &[("slug", "shop"), ("volumes", "yes")]).await.expect(303);
    is_gone(&mut server).await;
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_deletion_waits_for_the_engine_says_so_and_goes_on_also_after_another_start() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.fail(Step::Hello, FailureKind::EngineLost);
    fake.fail(Step::Stop, FailureKind::EngineLost);
    server.wait_for_the_banner().await;
    delete(&mut server).await;
    let said = server.browser.get("/").await.text("#apps");
    assert!(said.contains("shop is being deleted, as ada asked") && said.contains("It waits for the engine"), "{said}");
    let page = server.create_shop(&[]).await.expect(422);
    let said = page.text("#slug-error");
    assert!(said.contains("still being deleted. It waits for the engine"), "{said}");
    server.abandon();
    server.start_fake(&fake).await;
    server.wait_for_the_banner().await;
    server.browser.get("/apps/shop").await.expect(404);
    assert!(server.browser.get("/").await.text("#apps").contains("shop is being deleted"));
    assert_eq!(fake.running(), (vec![1], vec![]), "until then it serves");
    fake.mend(Step::Stop);
    fake.mend(Step::Hello);
    is_gone(&mut server).await;
    assert_eq!(fake.running(), (vec![], vec![]));
    assert!(!server.browser.get("/system").await.text("#orphans").contains("Running"));
    server.create_shop(&[]).await.expect(303);
}

#[tokio::test]
async fn a_long_history_goes_in_pieces_while_others_write() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    let (file, app) = (format!("sqlite://{}", server.data().join("upaas.db").display()), app_row(&server, "shop").await.id);
    let mut connection = SqliteConnection::connect(&file).await.unwrap();
    for statement in [
        "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 20001)
         INSERT INTO config_snapshots (id, app_id, config, created_at) SELECT printf('00000000-0000-7000-8000-%012d', i), ?, '{}', 1 FROM n;",
        "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 20001)
         INSERT INTO deployments (id, app_id, number, \"trigger\", status, snapshot_id, journal_compressed, queued_at, finished_at)
         SELECT printf('00000000-0000-7000-8000-%012d', i), ?, i, 'manual', 'success', printf('00000000-0000-7000-8000-%012d', i), 1, 1, 1 FROM n;",
    ] {
        sqlx::query(statement).bind(app).execute(&mut connection).await.unwrap();
    }
    for statement in [
        "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 50)
         INSERT INTO secret_versions (id, sealed, created_at) SELECT printf('00000000-0000-7000-9000-%012d', i), x'00', 1 FROM s;",
        "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 50), n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 2001)
         INSERT INTO snapshot_secrets (snapshot_id, name, secret_id)
         SELECT printf('00000000-0000-7000-8000-%012d', n.i), s.i, printf('00000000-0000-7000-9000-%012d', s.i) FROM n, s;",
    ] {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    server.create_shop(&[("slug", "blog"), ("container_port", "80"), ("host_port", "8082")]).await.expect(303);
    delete(&mut server).await;
    let mut longest = std::time::Duration::ZERO;
    let mut left = 1;
    while left > 0 {
        let began = std::time::Instant::now();
        server.browser.post("/apps/blog/auto-deploy", &[("auto_deploy", "on")]).await.expect(303);
        longest = longest.max(began.elapsed());
        left = rows(&server, "SELECT count(*) FROM deletions;").await;
    }
    println!("with 20,000 deployments the longest write of another took {longest:?}");
    assert_eq!(rows(&server, "SELECT count(*) FROM deployments;").await, 0);
    assert_eq!(rows(&server, "SELECT count(*) FROM secret_versions;").await, 2, "the other app's deploy key and webhook secret");
    assert!(fake.running().0.is_empty());
}

/// Waits until the page of all apps says why the deletion waits.
async fn waits(server: &mut Server, why: &str) {
    let browser = &mut server.browser;
    eventually("the reason", async || {
        let said = browser.get("/").await.text("#apps");
        if said.contains("shop is being deleted") && said.contains(why) { Ok(()) } else { Err(said) }
    })
    .await;
}

#[tokio::test]
async fn a_deletion_waits_for_a_container_that_the_engine_does_not_show() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.hide("c1-of-1");
    delete(&mut server).await;
    waits(&mut server, "The engine does not show the container c1-of-1.").await;
    assert_eq!(fake.images(), [1], "its container may need it");
    assert_eq!(rows(&server, "SELECT count(*) FROM deployments;").await, 1);
    fake.hide_none();
    is_gone(&mut server).await;
    assert_eq!(fake.running(), (vec![], vec![]));
    assert!(fake.images().is_empty());
}

#[tokio::test]
async fn a_deletion_removes_what_is_shown_beside_a_container_that_is_not() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.hide("c1-of-1");
    fake.add_twin(1);
    delete(&mut server).await;
    waits(&mut server, "The engine does not show the container c1-of-1.").await;
    assert!(fake.acts().contains(&"remove twin".to_owned()), "{:?}", fake.acts());
}

#[tokio::test]
async fn a_deletion_waits_until_the_engine_has_removed_the_container() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.linger(true);
    delete(&mut server).await;
    waits(&mut server, "The engine has not removed the container c1-of-1 yet.").await;
    assert_eq!(fake.images(), [1], "its container may need it");
    fake.linger(false);
    is_gone(&mut server).await;
    assert_eq!(fake.running(), (vec![], vec![]));
    assert!(fake.images().is_empty());
}

#[tokio::test]
async fn a_deletion_does_not_wait_for_a_folder_that_somebody_has_removed() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    std::fs::remove_dir_all(server.data().join("builds")).unwrap();
    delete(&mut server).await;
    is_gone(&mut server).await;
}
