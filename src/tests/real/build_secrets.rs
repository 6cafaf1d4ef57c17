//! Build secrets that were set on the page, on the real engine; and what programs print of what is sealed.

use std::path::Path;

use super::{
    recipes::{exported, holds},
    world::{SERVE, World, until_settled},
};
use crate::support::engine::{self, dockerfile};

const SECRET: &str = "token-7716-of-a-package-registry";
const VARIABLE: &str = "password-3029-of-the-database";

async fn set_secret(world: &mut World) {
    let secret = [("secret_id", "token"), ("secret_value", SECRET)];
    world.server.browser.post("/apps/shop/settings/build-secrets/addition", &secret).await.expect(303);
}

/// Pushes a Dockerfile that ends with this. No cache has its steps: a value is not part of what the cache knows a step by.
fn push(world: &World, more: &str) {
    let fresh = format!("ENV TRY={}\n{more}", uuid::Uuid::new_v4());
    world.repository.push("main", &[("Dockerfile", &dockerfile(&fresh))]);
}

/// No file of the data directory has one of these.
fn in_no_file(folder: &Path, texts: &[&str]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            in_no_file(&path, texts);
        } else if let Ok(bytes) = std::fs::read(&path) {
            let bytes = if path.extension().is_some_and(|it| it == "zst") { zstd::decode_all(&*bytes).unwrap() } else { bytes };
            assert!(texts.iter().all(|text| !holds(&bytes, text)), "{}", path.display());
        }
    }
}

async fn on_no_page(world: &mut World, texts: &[&str]) {
    for page in ["/", "/apps/shop", "/apps/shop/settings", "/apps/shop/deployments", "/apps/shop/deployments/1", "/audit", "/settings"] {
        let body = world.server.browser.get(page).await.expect(200).body;
        assert!(texts.iter().all(|text| !body.contains(text)), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_secret_that_is_set_on_the_page_is_read_by_its_step_and_found_nowhere_else() {
    let mut world = World::with_shop(None).await;
    let needs_it = format!(
        "RUN --mount=type=secret,id=token,required=true grep -qx {} /run/secrets/token && echo it was read",
        SECRET.replace("7716", "7.*6")
    );
    push(&world, &format!("{needs_it}\n{SERVE}"));
    set_secret(&mut world).await;
    let page = world.deploy("Success").await;
    assert!(page.text("#journal").contains("it was read"), "{}", page.text("#journal"));
    let docker = engine::client();
    for image in world.left.images().await {
        let history = format!("{:?}", docker.image_history(&image).await.unwrap());
        assert!(history.contains("/run/secrets/token"), "{history}");
        let inspected = format!("{:?}", docker.inspect_image(&image).await.unwrap());
        assert!(!history.contains(SECRET) && !inspected.contains(SECRET));
        assert!(!holds(&exported(&image).await, SECRET));
    }
    for container in world.left.containers().await {
        assert!(!format!("{:?}", engine::inspect(&container.id.unwrap()).await).contains(SECRET));
    }
    on_no_page(&mut world, &[SECRET]).await;
    in_no_file(&world.server.data(), &[SECRET]);

    world.server.browser.post("/apps/shop/settings/build-secrets/removal", &[("id", "token")]).await.expect(303);
    push(&world, &format!("{needs_it}\n{SERVE}"));
    let failure = world.deploy("Failed").await.text(".failure");
    assert!(failure.contains("A step needs the build secret “token”, and the app has none of that name."), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_programs_print_of_secrets_is_masked_in_the_journal_and_in_what_is_said_about_the_failure() {
    let mut world = World::with_shop_and(None, until_settled()).await;
    set_secret(&mut world).await;
    let variable = [("env_name", "DATABASE"), ("env_value", VARIABLE)];
    world.server.browser.post("/apps/shop/settings/environment/addition", &variable).await.expect(303);
    let prints = "RUN --mount=type=secret,id=token,required=true echo \"read: $(cat /run/secrets/token)\"";
    push(&world, &format!("{prints}\nCMD [\"sh\", \"-c\", \"echo using $DATABASE; exit 3\"]"));
    let journal = world.deploy("Failed").await.text("#journal");
    assert!(journal.contains("read: •••") && journal.contains("using •••"), "{journal}");

    // Somebody has written the value into the Dockerfile: the engine tells of the step that failed, and that is quoted.
    push(&world, &format!("{prints}\nRUN echo {VARIABLE}; exit 7"));
    let page = world.deploy("Failed").await;
    let failure = page.text(".failure");
    assert!(failure.contains("“RUN echo •••; exit 7” exited with 7."), "{failure}");
    on_no_page(&mut world, &[SECRET, VARIABLE]).await;
    assert!(!page.body.contains(SECRET) && !page.body.contains(VARIABLE));
    let journals = world.server.data().join("logs");
    assert!(journals.is_dir(), "journals are looked at");
    in_no_file(&journals, &[SECRET, VARIABLE]);
    world.server.stop().await;
    let data = world.server.data();
    for database in ["upaas.db", "upaas.db-wal"].map(|name| data.join(name)).iter().filter(|file| file.exists()) {
        let bytes = std::fs::read(database).unwrap();
        assert!(!holds(&bytes, SECRET) && !holds(&bytes, VARIABLE));
    }
}
