//! Build secrets of an app: set from the pages, sealed at rest, handed to the builder and to nobody else; and what no journal shows.

use std::{fs::File, process::Command, sync::Mutex};

use tokio::runtime::Runtime;
use upaas::deploy::platform::FailureKind;

use super::{
    settings_env::Shop,
    support::{browser::Reply, eventually, fake::Step},
};

const SECTION: &str = "/apps/shop/settings/build-secrets";

impl Shop {
    async fn add_secret(&mut self, id: &str, value: &str) -> Reply {
        self.post(SECTION, "addition", &[("secret_id", id), ("secret_value", value)]).await
    }

    /// What the builder of a new deployment is given.
    async fn built_with(&mut self) -> Vec<(String, String)> {
        self.deployed().await;
        self.fake.secrets().iter().map(|(id, value)| (id.to_string(), value.reveal().to_owned())).collect()
    }
}

fn pair(id: &str, value: &str) -> (String, String) {
    (id.to_owned(), value.to_owned())
}

#[tokio::test]
async fn a_build_secret_reaches_the_builder_exactly_as_typed_and_is_gone_when_deleted() {
    let mut shop = Shop::new().await;
    let location = shop.add_secret("npm", "  one\r\n\ttwo \"three\"\r\n").await.expect(303).location().to_owned();
    assert_eq!(location, "/apps/shop/settings?saved=build-secrets#build-secrets");
    assert!(shop.server.browser.get(&location).await.text("#build-secrets").contains("Saved."));
    shop.add_secret("a.b-C_1", "x").await.expect(303);
    assert_eq!(shop.built_with().await, [pair("a.b-C_1", "x"), pair("npm", "  one\n\ttwo \"three\"\n")]);
    let wanted = shop.fake.wanted();
    assert!(wanted.env.iter().all(|(name, _)| name == "UPAAS_COMMIT") && wanted.files.is_empty(), "no container gets one");

    shop.post(SECTION, "change", &[("id", "a.b-C_1"), ("secret_new_value", "y")]).await.expect(303);
    shop.post(SECTION, "removal", &[("id", "npm")]).await.expect(303);
    shop.post(SECTION, "removal", &[("id", "npm")]).await.expect(303);
    assert!(shop.server.browser.get("/apps/shop/settings").await.text("#pending").contains("Build secret npm"));
    assert_eq!(shop.built_with().await, [pair("a.b-C_1", "y")]);
}

#[tokio::test]
async fn a_build_secret_is_hidden_until_it_is_asked_for_and_then_it_alone_is_shown() {
    let mut shop = Shop::new().await;
    shop.add_secret("npm.token", "first-value").await.expect(303);
    shop.add_secret("pip", "second-value").await.expect(303);
    let page = shop.server.browser.get("/apps/shop/settings").await.expect(200);
    assert!(!page.body.contains("first-value") && !page.body.contains("second-value"));
    let row = page.text("#build-secret-1");
    assert!(row.contains("npm.token") && row.contains("Hidden") && row.contains("set "), "{row}");
    assert!(row.contains("The next build goes without npm.token."), "deleting it is asked about in the page: {row}");

    let page = shop.post(SECTION, "reveal", &[("show", "npm.token")]).await.expect(200);
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.text("#build-secret-1-value"), "first-value");
    assert!(!page.body.contains("second-value"));
    assert_eq!(shop.post(SECTION, "reveal", &[("show", "*")]).await.expect(200).texts("#build-secrets pre").len(), 2);
    assert!(!shop.post(SECTION, "reveal", &[("show", "")]).await.expect(200).body.contains("-value<"));

    shop.server.browser.headers = vec![("hx-request", "true".to_owned())];
    let fragment = shop.post(SECTION, "reveal", &[("show", "pip")]).await.expect(200);
    assert!(fragment.body.trim_start().starts_with("<section id=\"build-secrets\""), "{}", fragment.body);
    assert_eq!(fragment.text("#build-secret-2-value"), "second-value");
}

#[tokio::test]
async fn a_build_secret_that_is_gone_or_one_too_many_is_refused() {
    let mut shop = Shop::new().await;
    let page = shop.post(SECTION, "change", &[("id", "gone"), ("secret_new_value", "typed")]).await.expect(422);
    assert!(page.text("#build-secrets .alert").contains("gone is not there any more") && page.body.contains("typed</textarea>"));
    shop.post(SECTION, "change", &[("id", "no id"), ("secret_new_value", "x")]).await.expect(400);
    shop.add_secret("s0", "x").await.expect(303);
    let page = shop.post(SECTION, "change", &[("id", "s0"), ("secret_new_value", "")]).await.expect(422);
    assert!(page.text("#secret_new_value-s0-error").starts_with("Write the value."));
    for n in 1..50 {
        shop.add_secret(&format!("s{n}"), "x").await.expect(303);
    }
    assert!(shop.add_secret("s50", "x").await.expect(422).text("#secret_id-error").contains("at most 50 build secrets"));
    shop.server
        .browser
        .post(
            "/apps/shop/settings/build",
            &[("dockerfile_path", "Dockerfile"), ("context_path", "."), ("build_time_limit", "30"), ("build_context_limit", "64")],
        )
        .await
        .expect(303);
    assert_eq!(shop.built_with().await.len(), 50, "the form beside it leaves them as they are");
}

#[tokio::test]
async fn what_is_sealed_is_masked_in_journals_whoever_prints_it() {
    let mut shop = Shop::new().await;
    shop.add_secret("npm", "the-secret-of-the-build").await.expect(303);
    let browser = &mut shop.server.browser;
    browser
        .post("/apps/shop/settings/environment/addition", &[("env_name", "TOKEN"), ("env_value", "the-value-of-a-variable")])
        .await
        .expect(303);
    browser.post("/apps/shop/settings/files/addition", &[("file_path", "/etc/app"), ("file_content", "listen = 8080")]).await.expect(303);
    let login = [("registry_host", "ghcr.io"), ("registry_username", "ci"), ("registry_password", "the-password-there")];
    browser.post("/settings/registries", &login).await.expect(303);
    let print = shop.fake.printer();
    for line in ["a the-secret-of-the-build", "b the-value-of-a-variable", "c the-password-there", "d listen = 8080"] {
        print.send(line.to_owned()).unwrap();
    }
    drop(print);
    shop.fake.fail(Step::Build, FailureKind::Final);
    let page = shop.server.deploy_to_the_end("shop").await;
    assert_eq!(page.text(".summary .badge"), "Failed");
    let journal = page.text("#journal");
    for masked in ["a •••", "b •••", "c •••", "d listen = 8080"] {
        assert!(journal.contains(masked), "{masked}: {journal}");
    }
    assert!(["the-secret", "the-value", "the-password"].iter().all(|hidden| !page.body.contains(hidden)));
}

#[tokio::test]
async fn what_is_sealed_while_a_deployment_fetches_is_masked_in_its_journal() {
    let mut shop = Shop::new().await;
    shop.fake.hold(Step::Fetch);
    let print = shop.fake.printer();
    let path = shop.server.deploy("shop").await;
    let fake = &shop.fake;
    let fetches = async || if fake.acts().contains(&"fetch".to_owned()) { Ok(()) } else { Err(format!("{:?}", fake.acts())) };
    eventually("the fetch to begin", fetches).await;
    let login = [("registry_host", "ghcr.io"), ("registry_username", "ci"), ("registry_password", "the-password-there")];
    shop.server.browser.post("/settings/registries", &login).await.expect(303);
    shop.fake.release(Step::Fetch);
    print.send("login with the-password-there".to_owned()).unwrap();
    drop(print);
    let page = shop.server.wait_for(&path, &["Success"]).await;
    assert!(page.text("#journal").contains("login with •••"), "{}", page.text("#journal"));
}

#[tokio::test]
async fn why_an_old_container_stays_is_said_without_secrets() {
    let mut shop = Shop::new().await;
    add_what_failures_say(&mut shop).await;
    shop.server.deploy_to_the_end("shop").await;
    shop.fake.fail(Step::Remove, FailureKind::Final);
    let journal = shop.server.deploy_to_the_end("shop").await.text("#journal");
    assert!(journal.contains("The container of #1 could not be removed yet: •••"), "{journal}");
}

/// Makes variables of what the platform will say when it fails.
async fn add_what_failures_say(shop: &mut Shop) {
    for (name, value) in [("A", "It failed at Remove."), ("B", "It failed at Start.")] {
        let fields = [("env_name", name), ("env_value", value)];
        shop.server.browser.post("/apps/shop/settings/environment/addition", &fields).await.expect(303);
    }
}

/// Other tests log, too: the test starts itself once more, to be alone in its process.
#[test]
fn what_could_not_be_undone_is_logged_without_secrets() {
    const LOG: &str = "TEST_LOG";
    if let Some(log) = std::env::var_os(LOG) {
        let log = Mutex::new(File::create(log).unwrap());
        tracing_subscriber::fmt().with_ansi(false).with_writer(log).init();
        return Runtime::new().unwrap().block_on(fail_to_undo());
    }
    let log = tempfile::NamedTempFile::new().unwrap();
    let this = "settings_build_secrets::what_could_not_be_undone_is_logged_without_secrets";
    let ended = Command::new(std::env::current_exe().unwrap()).args(["--exact", this]).env(LOG, log.path()).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    let said = std::fs::read_to_string(log.path()).unwrap();
    for what in ["The new container could not be removed", "The image could not be removed"] {
        let line = said.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {said}"));
        assert!(line.contains("•••") && !line.contains("It failed at"), "{line}");
    }
}

async fn fail_to_undo() {
    let mut shop = Shop::new().await;
    add_what_failures_say(&mut shop).await;
    shop.server.deploy_to_the_end("shop").await;
    shop.fake.fail(Step::Remove, FailureKind::Final);
    shop.fake.fail(Step::Start, FailureKind::Final);
    let page = shop.server.deploy_to_the_end("shop").await;
    assert_eq!(page.text(".summary .badge"), "Failed");
}
