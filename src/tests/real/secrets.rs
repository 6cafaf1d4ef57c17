//! The canary: after a whole day in the life, no secret is anywhere but where it is sealed.

use std::path::{Path, PathBuf};

use bollard::query_parameters::InspectContainerOptions;
use upaas::{db, vault::Vault};

use super::world::World;
use crate::support::{engine, server::PASSWORD};

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What must be nowhere: the private key's body, the webhook secret, the password.
async fn canaries(data: &Path) -> Vec<String> {
    let db = db::Db::open(&data.join("upaas.db")).await.unwrap();
    let vault = Vault::open(&data.join("secret.key"), false).unwrap();
    let app = db::apps::by_slug(db.read(), &"shop".parse().unwrap()).await.unwrap().unwrap();
    let mut canaries = vec![PASSWORD.to_owned()];
    for id in [app.deploy_key, app.webhook_secret] {
        let clear = vault.open_sealed(id, &db::secrets::get(db.read(), id).await.unwrap()).unwrap();
        // Of a private key the second line is its own; the first ones are the same in every key.
        canaries.push(clear.reveal().lines().nth(3).unwrap_or(clear.reveal()).to_owned());
    }
    db.close().await;
    canaries
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_a_file_a_page_a_journal_a_label_or_an_image() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    world.forge.forget_keys();
    world.deploy("Failed").await;

    let mut texts = Vec::new();
    for page in [
        "/",
        "/apps/shop",
        "/apps/shop/settings",
        "/apps/shop/deployments",
        "/apps/shop/deployments/1",
        "/apps/shop/deployments/2",
        "/settings",
    ] {
        texts.push((page.to_owned(), world.server.browser.get(page).await.expect(200).body));
    }
    let docker = engine::client();
    for container in world.left.containers().await {
        let seen = docker.inspect_container(&container.id.unwrap(), None::<InspectContainerOptions>).await.unwrap();
        texts.push(("container".to_owned(), serde_json::to_string(&seen).unwrap()));
    }
    for image in world.left.images().await {
        texts.push(("image".to_owned(), serde_json::to_string(&docker.image_history(&image).await.unwrap()).unwrap()));
        texts.push(("image".to_owned(), serde_json::to_string(&docker.inspect_image(&image).await.unwrap()).unwrap()));
    }
    world.server.stop().await;
    let data = world.server.data().to_owned();
    assert!(!data.join("setup-code").exists());
    let canaries = canaries(&data).await;
    assert!(canaries.len() == 3 && canaries.iter().all(|canary| canary.len() >= 16), "the canaries are alive");
    for file in files(&data) {
        let mut bytes = std::fs::read(&file).unwrap();
        if file.extension().is_some_and(|ending| ending == "zst") {
            bytes = zstd::decode_all(&*bytes).unwrap();
        }
        texts.push((file.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
    }
    let journals = texts.iter().filter(|(place, text)| place.contains(".journal") && text.contains("# cloning"));
    assert_eq!(journals.count(), 2, "journals are looked at");
    for (place, text) in &texts {
        assert!(canaries.iter().all(|canary| !text.contains(canary)), "a secret is in {place}");
    }
    assert!(std::fs::read_dir(data.join("scratch")).unwrap().next().is_none(), "no key in use is left");
}
