//! Variables and files of an app, and logins at registries: set from the pages, sealed at rest, found so in the container.

use upaas::{
    db,
    deploy::platform::{FailureKind, Tried, Wanted},
    domain::app_config::AppConfig,
};

use super::support::{
    browser::Reply,
    fake::{Fake, Step},
    server::Server,
    shop::with_shop,
};

const ENVIRONMENT: &str = "/apps/shop/settings/environment";
const FILES: &str = "/apps/shop/settings/files";

/// An app `shop` on a stand-in platform.
pub(super) struct Shop {
    pub(super) server: Server,
    pub(super) fake: Fake,
}

impl Shop {
    pub(super) async fn new() -> Self {
        let fake = Fake::default();
        let server = with_shop(&fake, &[]).await;
        Self { server, fake }
    }

    pub(super) async fn post(&mut self, section: &str, act: &str, fields: &[(&str, &str)]) -> Reply {
        self.server.browser.post(&format!("{section}/{act}"), fields).await
    }

    async fn add(&mut self, name: &str, value: &str) -> Reply {
        self.post(ENVIRONMENT, "addition", &[("env_name", name), ("env_value", value)]).await
    }

    async fn add_file(&mut self, path: &str, content: &str) -> Reply {
        self.post(FILES, "addition", &[("file_path", path), ("file_content", content)]).await
    }

    async fn settings(&mut self) -> Reply {
        self.server.browser.get("/apps/shop/settings").await.expect(200)
    }

    async fn config(&self) -> AppConfig {
        self.server.config_of_shop().await
    }

    /// What the container of a new deployment is made of.
    pub(super) async fn deployed(&mut self) -> Wanted {
        let page = self.server.deploy_to_the_end("shop").await;
        assert_eq!(page.text(".summary .badge"), "Success");
        self.fake.wanted()
    }

    /// The environment of a new deployment's container, without µPaaS's own.
    async fn deployed_env(&mut self) -> Vec<(String, String)> {
        let wanted = self.deployed().await;
        let env = wanted.env.iter().map(|(name, value)| (name.clone(), value.reveal().to_owned()));
        env.filter(|(name, _)| name != "UPAAS_COMMIT").collect()
    }

    /// So many sealed values are in the database.
    async fn sealed(&self) -> usize {
        let db = self.server.db().await;
        let app = db::apps::by_slug(db.read(), &"shop".parse().unwrap()).await.unwrap().unwrap();
        let kept = db::secrets::of_app(db.read(), app.id).await.unwrap();
        db.close().await;
        kept.len()
    }
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_variable_reaches_the_container_exactly_as_typed_and_is_gone_when_deleted() {
    let mut shop = Shop::new().await;
    let location = shop.add("GREETING", "  one\r\n\ttwo \"three\" $HOME\r\n").await.expect(303).location().to_owned();
    assert_eq!(location, "/apps/shop/settings?saved=environment#environment");
    assert!(shop.server.browser.get(&location).await.text("#environment").contains("Saved."));
    shop.add("EMPTY", "").await.expect(303);
    let wanted = shop.deployed().await;
    assert_eq!(wanted.env[0].0, "UPAAS_COMMIT");
    assert_eq!(wanted.env[0].1.reveal(), shop.fake.tip());
    assert_eq!(shop.deployed_env().await, pairs(&[("EMPTY", ""), ("GREETING", "  one\n\ttwo \"three\" $HOME\n")]));

    shop.post(ENVIRONMENT, "change", &[("name", "EMPTY"), ("env_new_value", "full")]).await.expect(303);
    shop.post(ENVIRONMENT, "removal", &[("name", "GREETING")]).await.expect(303);
    shop.post(ENVIRONMENT, "removal", &[("name", "GREETING")]).await.expect(303);
    assert_eq!(shop.deployed_env().await, pairs(&[("EMPTY", "full")]));
}

#[tokio::test]
async fn a_value_is_hidden_until_it_is_asked_for_and_then_it_alone_is_shown() {
    let mut shop = Shop::new().await;
    shop.add("ONE", "first-value").await.expect(303);
    shop.add("TWO", "second-value\n").await.expect(303);
    let page = shop.settings().await;
    assert!(!page.body.contains("first-value") && !page.body.contains("second-value"));
    assert!(page.text("#env-ONE").contains("Hidden") && page.text("#env-ONE").contains("set "), "{}", page.text("#env-ONE"));
    assert!(page.text("#env-UPAAS_COMMIT").contains("locked"));

    let page = shop.post(ENVIRONMENT, "reveal", &[("show", "ONE")]).await.expect(200);
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.text("#env-ONE-value"), "first-value");
    assert!(!page.body.contains("second-value"));
    let page = shop.post(ENVIRONMENT, "reveal", &[("show", "*")]).await.expect(200);
    assert_eq!(page.texts("#environment pre").len(), 2);
    assert!(!shop.post(ENVIRONMENT, "reveal", &[("show", "")]).await.expect(200).body.contains("-value<"));

    shop.server.browser.headers = vec![("hx-request", "true".to_owned())];
    let fragment = shop.post(ENVIRONMENT, "reveal", &[("show", "TWO")]).await.expect(200);
    assert!(fragment.body.trim_start().starts_with("<section id=\"environment\""), "{}", fragment.body);
    assert_eq!(fragment.text("#env-TWO-value"), "second-value");
    let fragment = shop.add("THREE", "x").await.expect(200);
    assert!(fragment.body.trim_start().starts_with("<section id=\"environment\"") && fragment.text(".form-saved").contains("Saved"));
}

#[tokio::test]
async fn what_nobody_can_see_in_a_value_is_shown_by_its_code_and_kept_by_the_form() {
    let mut shop = Shop::new().await;
    shop.add("ODD", "\n<b>\u{202e}\u{1b}[31m").await.expect(303);
    let page = shop.post(ENVIRONMENT, "reveal", &[("show", "ODD")]).await.expect(200);
    assert_eq!(page.text("#env-ODD-value"), "<b>[U+202E][U+001B][31m");
    let field = "<textarea id=\"env_new_value-ODD\"";
    let after = page.body.split_once(field).unwrap().1;
    assert!(after.split_once('>').unwrap().1.starts_with("\n\n&lt;b&gt;\u{202e}\u{1b}[31m</textarea>"), "the first line end is HTML's");
}

#[tokio::test]
async fn a_name_is_there_once_and_a_form_that_comes_back_has_what_was_typed() {
    let mut shop = Shop::new().await;
    shop.add("A", "1").await.expect(303);
    let page = shop.add("A", "  two\r\nlines").await.expect(422);
    assert_eq!(page.text("#env_name-error"), "A is set already. Edit it above, or delete it first.");
    assert_eq!(page.attribute("#env_name", "value").as_deref(), Some("A"));
    assert!(page.body.contains(">\n  two\nlines</textarea>"));
    assert_eq!(shop.deployed_env().await, pairs(&[("A", "1")]));
    let page = shop.post(ENVIRONMENT, "change", &[("name", "GONE"), ("env_new_value", "x")]).await.expect(422);
    assert!(page.text("#environment .alert").contains("GONE is not there any more"));
    assert_eq!(page.attribute("#env_name", "value").as_deref(), Some("GONE"));
    shop.post(ENVIRONMENT, "change", &[("name", "no name"), ("env_new_value", "x")]).await.expect(400);
}

#[tokio::test]
async fn a_pasted_text_is_previewed_by_name_and_saved_as_things_are_then() {
    let mut shop = Shop::new().await;
    for (name, value) in [("SAME", "same-value"), ("OTHER", "old-value"), ("LEFT", "left-value")] {
        shop.add(name, value).await.expect(303);
    }
    let before = shop.config().await.run.env;
    let text = "# mine\r\nSAME=same-value\r\nexport OTHER='new-value'\r\nFRESH=\"one\\ntwo\"\r\n";
    let page = shop.post(ENVIRONMENT, "preview", &[("env_text", text)]).await.expect(200);
    assert_eq!(page.texts("#env-preview dd"), ["FRESH", "OTHER", "SAME"]);
    assert_eq!(page.text("#env-preview button"), "Save these 2 changes");
    assert!(page.body.contains("export OTHER=&#x27;new-value&#x27;\nFRESH"), "the text is kept in its field");
    assert!(!page.text("#env-preview dl").contains("value"));
    assert_eq!(shop.config().await.run.env, before, "a preview changes nothing");
    let page = shop.post(ENVIRONMENT, "preview", &[("env_text", text), ("env_alone", "yes")]).await.expect(200);
    assert_eq!(page.texts("#env-preview dt"), ["Added 1", "Changed 1", "Deleted 1", "Unchanged 1"]);
    assert_eq!(page.attribute("#env-preview input[name=env_alone]", "value").as_deref(), Some("yes"));

    // Meanwhile somebody else has changed the variables.
    shop.post(ENVIRONMENT, "removal", &[("name", "OTHER")]).await.expect(303);
    shop.add("LATE", "late-value").await.expect(303);
    let previewed = page.attribute("#env-preview input[name=env_going]", "value").unwrap();
    let page = shop.post(ENVIRONMENT, "import", &[("env_text", text), ("env_alone", "yes"), ("env_going", &previewed)]).await.expect(422);
    assert!(page.text("#env_text-error").contains("have changed since the preview"), "{}", page.text("#env_text-error"));
    import_alone(&mut shop, text).await;
    assert_eq!(shop.deployed_env().await, pairs(&[("FRESH", "one\ntwo"), ("OTHER", "new-value"), ("SAME", "same-value")]));
    let page = shop.post(ENVIRONMENT, "preview", &[("env_text", text), ("env_alone", "yes")]).await.expect(200);
    assert!(page.text("#env-preview").contains("everything is set so already"), "{}", page.text("#env-preview"));
}

/// Previews a text that is to be all there is, and saves it.
async fn import_alone(shop: &mut Shop, text: &str) {
    let page = shop.post(ENVIRONMENT, "preview", &[("env_text", text), ("env_alone", "yes")]).await.expect(200);
    let going = page.attribute("#env-preview input[name=env_going]", "value").unwrap();
    shop.post(ENVIRONMENT, "import", &[("env_text", text), ("env_alone", "yes"), ("env_going", &going)]).await.expect(303);
}

#[tokio::test]
async fn a_value_that_stays_the_same_keeps_its_version_and_one_that_nobody_refers_to_goes() {
    let mut shop = Shop::new().await;
    shop.add("A", "1").await.expect(303);
    shop.add("B", "2").await.expect(303);
    let before = shop.config().await;
    shop.post(ENVIRONMENT, "change", &[("name", "A"), ("env_new_value", "1")]).await.expect(303);
    shop.post(ENVIRONMENT, "import", &[("env_text", "B=2\nA=1"), ("env_alone", "yes")]).await.expect(303);
    assert_eq!(shop.config().await, before, "nothing is pending");
    shop.post(ENVIRONMENT, "change", &[("name", "A"), ("env_new_value", "3")]).await.expect(303);
    let after = shop.config().await;
    assert_ne!(after.run.env[0].value, before.run.env[0].value);
    assert_eq!(after.run.env[1], before.run.env[1]);
    assert_eq!(shop.sealed().await, 2);
    let db = shop.server.db().await;
    assert!(db::secrets::get(db.read(), before.run.env[0].value).await.is_err(), "the old version is gone");
    db.close().await;
}

#[tokio::test]
async fn a_deployment_keeps_the_value_that_it_was_made_with() {
    let mut shop = Shop::new().await;
    shop.add("A", "old").await.expect(303);
    let old = shop.config().await.run.env[0].value;
    shop.deployed().await;
    shop.post(ENVIRONMENT, "change", &[("name", "A"), ("env_new_value", "new")]).await.expect(303);
    let db = shop.server.db().await;
    assert!(db::secrets::get(db.read(), old).await.is_ok(), "the snapshot refers to it");
    db.close().await;
    shop.fake.forget_all();
    shop.server.wait_for_app("shop", "Container removed").await;
    shop.server.browser.post("/apps/shop/start", &[]).await.expect(303);
    assert_eq!(shop.fake.wanted().env[1].1.reveal(), "old", "what is started again is what was deployed");
}

#[tokio::test]
async fn limits_are_said_before_anything_is_stored() {
    let mut shop = Shop::new().await;
    let many: String = (0..500).map(|n| format!("V{n}=x\n")).collect();
    shop.post(ENVIRONMENT, "import", &[("env_text", &many)]).await.expect(303);
    let page = shop.add("ONE_MORE", "x").await.expect(422);
    assert!(page.text("#env_name-error").contains("at most 500 variables"));
    let long = "x".repeat(120_000);
    let large: String = (0..9).map(|n| format!("V{n}={long}\n")).collect();
    let page = shop.post(ENVIRONMENT, "preview", &[("env_text", &large)]).await.expect(422);
    assert!(page.text("#env_text-error").contains("at most 1 MB"));
    assert_eq!(shop.deployed_env().await.len(), 500);
    import_alone(&mut shop, &large[..8 * 120_004]).await;
    assert_eq!(shop.deployed_env().await.len(), 8);
}

#[tokio::test]
async fn a_file_reaches_the_container_exactly_as_typed_and_is_gone_when_deleted() {
    let mut shop = Shop::new().await;
    shop.add_file("/etc//shop/./config.toml", "a = 1\r\n\r\n  b = \"2\"\r\n").await.expect(303);
    shop.add_file("/etc/key", "no line end").await.expect(303);
    let files = |wanted: Wanted| -> Vec<(String, String)> {
        wanted.files.iter().map(|(path, content)| (path.to_string(), content.reveal().to_owned())).collect()
    };
    let expected = pairs(&[("/etc/key", "no line end"), ("/etc/shop/config.toml", "a = 1\n\n  b = \"2\"\n")]);
    assert_eq!(files(shop.deployed().await), expected);
    let page = shop.settings().await;
    assert!(page.text("#file-1").contains("/etc/key 11 B, set"), "{}", page.text("#file-1"));
    assert!(!page.body.contains("no line end"));
    shop.post(FILES, "removal", &[("path", "/etc/key")]).await.expect(303);
    assert_eq!(files(shop.deployed().await), expected[1..]);
}

#[tokio::test]
async fn a_file_is_edited_from_what_it_holds() {
    let mut shop = Shop::new().await;
    shop.add_file("/etc/app.conf", "\nsecret <one>\n").await.expect(303);
    shop.add_file("/etc/other.conf", "other-content").await.expect(303);
    let before = shop.config().await;
    let fields = |page: &Reply| page.texts("#files textarea[name='file_new_content']");
    assert!(fields(&shop.settings().await).is_empty(), "who has not seen a content cannot save another one by a click");
    let page = shop.post(FILES, "reveal", &[("show", "/etc/app.conf")]).await.expect(200);
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(fields(&page), ["secret <one>"], "that of the file that was asked for alone");
    assert!(page.body.contains(">\n\nsecret &lt;one&gt;\n</textarea>") && !page.body.contains("other-content"));
    assert!(!shop.post(FILES, "reveal", &[("show", "")]).await.expect(200).body.contains("&lt;one&gt;"));
    let page = shop.post(FILES, "reveal", &[("show", "*")]).await.expect(200);
    let ids = [1, 2].map(|file| page.texts(&format!("#file_new_content-{file}")).len());
    assert_eq!((fields(&page).len(), ids), (2, [1, 1]), "each has an id of its own");
    shop.post(FILES, "change", &[("path", "/etc/app.conf"), ("file_new_content", "\r\nsecret <one>\r\n")]).await.expect(303);
    assert_eq!(shop.config().await, before, "the same content is no change");
    shop.post(FILES, "change", &[("path", "/etc/app.conf"), ("file_new_content", "two")]).await.expect(303);
    assert_eq!(shop.deployed().await.files[0].1.reveal(), "two");
    let page = shop.post(FILES, "change", &[("path", "/gone"), ("file_new_content", "typed")]).await.expect(422);
    assert!(page.text("#files .alert").contains("/gone is not there any more") && page.body.contains("typed</textarea>"));
}

#[tokio::test]
async fn files_have_their_limits() {
    let mut shop = Shop::new().await;
    let large = "x".repeat(256 * 1024);
    for n in 0..3 {
        shop.add_file(&format!("/large/{n}"), &large).await.expect(303);
    }
    let page = shop.add_file("/large/3", &large).await.expect(422);
    assert!(page.text("#file_path-error").contains("at most 1 MB"));
    for n in 3..50 {
        shop.add_file(&format!("/small/{n}"), "x").await.expect(303);
    }
    assert!(shop.add_file("/small/50", "x").await.expect(422).text("#file_path-error").contains("at most 50 files"));
    assert_eq!(shop.config().await.run.files.len(), 50);
}

fn login<'a>(host: &'a str, username: &'a str, password: &'a str) -> [(&'static str, &'a str); 3] {
    [("registry_host", host), ("registry_username", username), ("registry_password", password)]
}

#[tokio::test]
async fn logins_at_registries_go_to_every_build_and_are_never_shown_again() {
    let mut shop = Shop::new().await;
    let browser = &mut shop.server.browser;
    let location = browser.post("/settings/registries", &login("GHCR.io", "ci", " pass word ")).await.expect(303).location().to_owned();
    let page = browser.get(&location).await.expect(200);
    assert!(page.text("#registry-1").contains("ghcr.io as ci, set"), "{}", page.text("#registry-1"));
    assert!(!page.body.contains("pass word"));
    browser.post("/settings/registries", &login("index.docker.io", "dev", "hub")).await.expect(303);
    shop.deployed().await;
    let logins = |fake: &Fake| -> Vec<(String, String, String)> {
        let logins = fake.logins();
        logins.iter().map(|it| (it.host.to_string(), it.username.clone(), it.password.reveal().to_owned())).collect()
    };
    let of = |host: &str, username: &str, password: &str| (host.to_owned(), username.to_owned(), password.to_owned());
    assert_eq!(logins(&shop.fake), [of("docker.io", "dev", "hub"), of("ghcr.io", "ci", " pass word ")]);

    let browser = &mut shop.server.browser;
    let location = browser.post("/settings/registries", &login("ghcr.io", "robot", "new")).await.expect(303).location().to_owned();
    assert!(browser.get(&location).await.text("#alerts").contains("replaced"));
    browser.post("/settings/registries/removal", &[("host", "docker.io")]).await.expect(303);
    browser.post("/settings/registries/removal", &[("host", "docker.io")]).await.expect(303);
    shop.deployed().await;
    assert_eq!(logins(&shop.fake), [of("ghcr.io", "robot", "new")]);
}

#[tokio::test]
async fn a_login_is_tried_before_it_is_kept() {
    let mut shop = Shop::new().await;
    shop.server.wait_for_the_engine().await;
    shop.fake.try_logins(Tried::Refused("The registry ghcr.io refused the login.".to_owned()));
    let page = shop.server.browser.post("/settings/registries", &login("ghcr.io", "ci", "hush-hush")).await.expect(422);
    assert_eq!(page.text("#registry_password-error"), "The registry ghcr.io refused the login.");
    assert_eq!(page.attribute("#registry_host", "value").as_deref(), Some("ghcr.io"));
    assert_eq!(page.attribute("#registry_username", "value").as_deref(), Some("ci"));
    assert!(page.text("#registries").contains("No logins yet.") && !page.body.contains("hush-hush"));
    let entries = shop.server.browser.get("/api/audit?limit=1").await.json();
    assert_eq!(entries["entries"][0]["result"], "FAILURE", "{entries}");

    shop.fake.try_logins(Tried::Unknown("The registry ghcr.io did not answer the engine in time.".to_owned()));
    let page = shop.server.browser.post("/settings/registries", &login("ghcr.io", "ci", "hush-hush")).await.expect(200);
    let news = page.text("#alerts");
    assert!(news.contains("Saved. It could not be tried: The registry ghcr.io did not answer the engine in time."), "{news}");
    assert!(page.text("#registry-1").contains("ghcr.io as ci") && !page.body.contains("hush-hush"));
}

#[tokio::test]
async fn a_login_is_kept_untried_while_the_engine_is_away() {
    let mut shop = Shop::new().await;
    shop.fake.fail(Step::Hello, FailureKind::EngineLost);
    shop.server.stop().await;
    shop.server.start_fake(&shop.fake).await;
    shop.fake.try_logins(Tried::Refused("nobody is asked".to_owned()));
    let page = shop.server.browser.post("/settings/registries", &login("ghcr.io", "ci", "hush-hush")).await.expect(200);
    assert!(page.text("#alerts").contains("It could not be tried: The engine cannot be reached."), "{}", page.text("#alerts"));
}

#[tokio::test]
async fn a_login_that_is_wrong_comes_back_without_its_password() {
    let mut shop = Shop::new().await;
    let bad = [
        ("https://ghcr.io", "ci", "hush-hush", "registry_host", "Write the host only"),
        ("registry", "ci", "hush-hush", "registry_host", "Docker takes a name without a dot"),
        ("ghcr.io:0", "ci", "hush-hush", "registry_host", "After the colon"),
        ("gh cr.io", "ci", "hush-hush", "registry_host", "not the name of a host"),
        ("", "ci", "hush-hush", "registry_host", "Name the registry"),
        ("ghcr.io", "", "hush-hush", "registry_username", "Name the user"),
        ("ghcr.io", "a:b", "hush-hush", "registry_username", "no colon"),
        ("ghcr.io", "ci\u{202e}", "hush-hush", "registry_username", "cannot be seen"),
        ("ghcr.io", "ci", "", "registry_password", "Write the password"),
        ("ghcr.io", "ci", "hush-hush\0", "registry_password", "no character NUL"),
    ];
    for (host, username, password, field, sentence) in bad {
        let page = shop.server.browser.post("/settings/registries", &login(host, username, password)).await.expect(422);
        assert!(page.text(&format!("#{field}-error")).contains(sentence), "{host} {username}: {}", page.text("#registries"));
        assert_eq!(page.attribute("#registry_host", "value").as_deref(), Some(host));
        assert!(!page.body.contains("hush-hush"));
    }
    assert!(shop.server.browser.get("/settings").await.text("#registries").contains("No logins yet."));
}
