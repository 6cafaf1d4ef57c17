//! The canary: a value that is set as a variable, one as a file, one as a build secret, one as a registry's password. Afterwards they are
//! looked for everywhere.

use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use http::Method;
use upaas::{deploy::platform::FailureKind, web::routes};

use super::support::{
    fake::{Fake, Step},
    server::Server,
    shop::with_shop,
};

/// Letters and digits only: no page and no program has a reason to write them otherwise.
const VARIABLE: &str = "canaryInAVariable7f3c9b21e5d84a60";
pub(crate) const FILE: &str = "canaryInAFile41d09ce7a2b358f6";
pub(crate) const SECRET: &str = "canaryInABuildSecret2c8ad15f60b97e34";
pub(crate) const PASSWORD: &str = "canaryInAPassword90b6e4f8137c2da5";
const ALL: [&str; 4] = [VARIABLE, FILE, SECRET, PASSWORD];

/// Sets all four; the password is that of `ci` at this registry.
pub(crate) async fn set(server: &mut Server, registry: &str) {
    let browser = &mut server.browser;
    let settings = "/apps/shop/settings";
    browser.post(&format!("{settings}/environment/addition"), &[("env_name", "CANARY"), ("env_value", VARIABLE)]).await.expect(303);
    let pasted = format!("PASTED=\"{VARIABLE}\"\n");
    browser.post(&format!("{settings}/environment/import"), &[("env_text", &pasted)]).await.expect(303);
    browser.post(&format!("{settings}/files/addition"), &[("file_path", "/etc/canary"), ("file_content", FILE)]).await.expect(303);
    let secret = [("secret_id", "canary"), ("secret_value", SECRET)];
    browser.post(&format!("{settings}/build-secrets/addition"), &secret).await.expect(303);
    let login = [("registry_host", registry), ("registry_username", "ci"), ("registry_password", PASSWORD)];
    browser.post("/settings/registries", &login).await.expect(303);
}

/// Sends forms that come back, with the values in them.
async fn send_what_is_refused(server: &mut Server) {
    let environment = "/apps/shop/settings/environment";
    let pasted = format!("A=1\nB='{VARIABLE}");
    let page = server.browser.post(&format!("{environment}/preview"), &[("env_text", &pasted)]).await.expect(422);
    assert!(!page.text("#env_text-error").contains(VARIABLE));
    let again = [("env_name", "CANARY"), ("env_value", VARIABLE)];
    server.browser.post(&format!("{environment}/addition"), &again).await.expect(422);
    let login = [("registry_host", "no host"), ("registry_username", "ci"), ("registry_password", PASSWORD)];
    let page = server.browser.post("/settings/registries", &login).await.expect(422);
    is_not_in("a form that came back", page.body.as_bytes());
}

/// The value itself, in hexadecimal digits, and in base64 at each of the three places where it can begin.
fn forms(canary: &str) -> Vec<String> {
    let hexadecimal = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
    let whole = |skipped: usize| &canary[skipped..skipped + (canary.len() - skipped) / 3 * 3];
    let mut forms = vec![canary.to_owned(), hexadecimal];
    forms.extend((0..3).map(|skipped| STANDARD_NO_PAD.encode(whole(skipped))));
    forms
}

/// None of the canaries is in these bytes.
pub(crate) fn is_not_in(place: &str, bytes: &[u8]) {
    for canary in ALL {
        for form in forms(canary) {
            assert!(memchr::memmem::find(bytes, form.as_bytes()).is_none(), "{canary} is in {place} as {form}");
        }
    }
}

/// Everything that can be opened in a browser, except what never ends.
pub(crate) async fn is_on_no_page(server: &mut Server) {
    let mut seen = 0;
    for route in routes().iter().filter(|route| !route.path.ends_with("/events")) {
        let path = route.path.replace("{app}", "shop").replace("{n}", "1");
        let page = server.browser.send(Method::GET, &path, None).await;
        seen += usize::from(page.status == 200);
        is_not_in(&path, page.body.as_bytes());
        is_not_in(&path, format!("{:?}", page.headers).as_bytes());
    }
    assert!(seen >= 15, "{seen} pages were seen");
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Every file of the data directory, also what is in one that is compressed; `mounted` are those that a container is to see.
pub(crate) fn is_in_no_file(data: &Path, mounted: &[String]) {
    let files = files(data);
    for wanted in ["upaas.db", "upaas.db-wal", ".journal", ".jsonl"] {
        assert!(files.iter().any(|file| file.to_string_lossy().contains(wanted)), "{wanted} is looked at: {files:?}");
    }
    for file in files {
        let place = file.display().to_string();
        if mounted.iter().any(|source| place.starts_with(source)) {
            continue;
        }
        // What is written and removed meanwhile is no place.
        let Ok(bytes) = std::fs::read(&file) else { continue };
        is_not_in(&place, &bytes);
        if place.ends_with(".zst") {
            is_not_in(&place, &zstd::decode_all(&*bytes).unwrap());
        }
    }
}

/// What a container may have of them, so that it is known that they are alive.
pub(crate) fn is_in_the_environment(env: &[String]) {
    for name in ["CANARY", "PASTED"] {
        assert!(env.contains(&format!("{name}={VARIABLE}")), "the container has it");
    }
}

#[tokio::test]
async fn a_secret_value_is_nowhere_but_in_the_container_and_at_the_builder() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    set(&mut server, "registry.example.org").await;
    send_what_is_refused(&mut server).await;
    server.deploy_to_the_end("shop").await;
    let wanted = fake.wanted();
    is_in_the_environment(&wanted.env.iter().map(|(name, value)| format!("{name}={}", value.reveal())).collect::<Vec<_>>());
    assert_eq!(wanted.files[0].1.reveal(), FILE);
    assert_eq!(fake.logins()[0].password.reveal(), PASSWORD);
    assert_eq!(fake.secrets()[0].1.reveal(), SECRET);
    is_not_in("what is told about a container", format!("{wanted:?} {:?} {:?}", fake.logins(), fake.secrets()).as_bytes());
    fake.fail(Step::Create, FailureKind::Final);
    server.deploy_to_the_end("shop").await;

    is_on_no_page(&mut server).await;
    for section in ["environment", "files", "build-secrets"] {
        server.browser.post(&format!("/apps/shop/settings/{section}/reveal"), &[("show", "*")]).await.expect(200);
    }
    super::support::eventually("the audit log's file", async || {
        std::fs::read_dir(server.data().join("audit")).map(|_| ()).map_err(|err| err.to_string())
    })
    .await;
    is_in_no_file(&server.data(), &[]);
}

#[test]
fn a_canary_would_be_found() {
    for form in forms(VARIABLE) {
        assert!(std::panic::catch_unwind(|| is_not_in("a text", format!("x{form}y").as_bytes())).is_err());
    }
    for before in ["", "1", "12", "123"] {
        let hidden = STANDARD_NO_PAD.encode(format!("{before}{PASSWORD}\n"));
        assert!(std::panic::catch_unwind(|| is_not_in("base64", hidden.as_bytes())).is_err(), "{before}");
    }
}
