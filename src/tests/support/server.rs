//! A µPaaS on a free port, with a data directory of its own.

use std::{path::PathBuf, time::Duration};

use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime};
use upaas::{
    App,
    app::on_this_machine,
    config::Config,
    deploy::{Limits, files::Files, platform::Platform},
    domain::{
        app_config::AppConfig,
        ids::{InstanceId, SecretId},
        secret::Secret,
    },
    vault::Vault,
};

use super::{
    browser::{Browser, Reply},
    eventually,
    fake::Fake,
    process::Process,
    shop::app_row,
};

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const REPOSITORY: &str = "git@git.example.org:dev/shop.git";

pub(crate) struct Server {
    app: Option<App>,
    /// Of its own, so that it can be dropped with everything in it.
    runtime: Option<Runtime>,
    /// Instead of both, when it runs as the binary.
    pub(crate) process: Option<Process>,
    data: TempDir,
    pub(crate) browser: Browser,
    limits: Limits,
    docker_host: Option<String>,
    /// More of its environment.
    variables: Vec<(String, String)>,
}

/// Limits for tests: nothing waits for its own sake.
pub(crate) fn quick() -> Limits {
    Limits {
        settle: Duration::from_millis(30),
        drain: Duration::from_millis(30),
        engine_retry: Duration::from_millis(30),
        stop_confirmed: Duration::from_millis(50),
        ..Limits::default()
    }
}

impl Server {
    /// On a stand-in platform.
    pub(crate) async fn fake(fake: &Fake) -> Self {
        Self::fake_with(fake, quick()).await
    }

    /// With more variables in its environment.
    pub(crate) async fn fake_in(fake: &Fake, variables: &[(&str, &str)]) -> Self {
        let mut server = Self::new(quick(), None);
        server.variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        server.start_fake(fake).await;
        server
    }

    pub(crate) async fn fake_with(fake: &Fake, limits: Limits) -> Self {
        let mut server = Self::new(limits, None);
        server.start_fake(fake).await;
        server
    }

    /// On the real engine and the real git; `docker_host` names another engine's socket.
    pub(crate) async fn real(limits: Limits, docker_host: Option<String>) -> Self {
        let mut server = Self::new(limits, docker_host);
        server.start_real().await;
        server
    }

    /// The binary itself, with its own limits.
    pub(crate) async fn binary(docker_host: Option<String>) -> Self {
        let mut server = Self::new(Limits::default(), docker_host);
        server.start_binary().await;
        server
    }

    /// The binary, saying everything that it can.
    pub(crate) async fn binary_that_says_all() -> Self {
        let mut server = Self::new(Limits::default(), None);
        server.variables = vec![("DEBUG".to_owned(), "true".to_owned())];
        server.start_binary().await;
        server
    }

    fn new(limits: Limits, docker_host: Option<String>) -> Self {
        Self {
            app: None,
            runtime: None,
            process: None,
            data: tempfile::tempdir().unwrap(),
            browser: Browser::new(([127, 0, 0, 1], 1).into()),
            limits,
            docker_host,
            variables: Vec::new(),
        }
    }

    pub(crate) async fn start_fake(&mut self, fake: &Fake) {
        let fake = fake.clone();
        self.start(move |config, _, _| {
            fake.settle_down(config);
            fake.platform()
        })
        .await;
    }

    pub(crate) async fn start_real(&mut self) {
        self.start(on_this_machine(env!("CARGO_BIN_EXE_upaas").into())).await;
    }

    /// At the address where it was before, if it was.
    pub(crate) async fn start_binary(&mut self) {
        let before = self.process.take().map(|process| process.address);
        let process = Process::start(&self.data(), self.docker_host.as_deref(), before, &self.variables).await;
        self.browser = self.browser.clone().at(process.address);
        self.process = Some(process);
    }

    /// `kill -9`, and another start. What it made meanwhile stays as it is.
    pub(crate) async fn kill_and_start_again(&mut self) {
        self.kill();
        self.start_binary().await;
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.process.as_mut().unwrap().kill();
    }

    async fn start(&mut self, platform: impl FnOnce(&Config, InstanceId, &Files) -> Platform + Send + 'static) {
        let runtime = Runtime::new().unwrap();
        let (config, limits) = (self.config(), self.limits.clone());
        let starting = runtime.spawn(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            App::start_on(listener, config, limits, platform).await.unwrap()
        });
        let app = starting.await.unwrap();
        self.runtime = Some(runtime);
        let headers = std::mem::take(&mut self.browser.headers);
        let mut browser = self.browser.clone().at(app.address);
        browser.headers = headers;
        self.browser = browser;
        self.app = Some(app);
    }

    fn config(&self) -> Config {
        let mut variables = self.variables.clone();
        variables.push(("UPAAS_DATA_DIR".to_owned(), self.data().display().to_string()));
        variables.extend(self.docker_host.clone().map(|host| ("UPAAS_DOCKER_HOST".to_owned(), host)));
        Config::from_variables(variables.into_iter().collect(), false).unwrap()
    }

    /// Stops it in an orderly way; its data stays.
    pub(crate) async fn stop(&mut self) {
        self.app.take().unwrap().stop().await;
        self.abandon();
    }

    /// Starts a deployment and, as `kill -9` does, drops everything while its new container runs but is not live yet.
    pub(crate) async fn kill_while_the_new_container_settles(&mut self, fake: &Fake) -> String {
        let path = self.deploy("shop").await;
        eventually("the new container to run", async || if fake.running().0 == [2] { Ok(()) } else { Err(format!("{:?}", fake.acts())) })
            .await;
        self.abandon();
        path
    }

    /// Drops everything at once, as `kill -9` does; its data stays.
    pub(crate) fn abandon(&mut self) {
        self.app = None;
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// The identity on the labels of what it makes.
    pub(crate) async fn instance(&self) -> String {
        let db = upaas::db::Db::open(&self.data().join("upaas.db")).await.unwrap();
        upaas::db::settings::instance_id(db.write()).await.unwrap().to_string()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.process.as_ref().map_or_else(|| self.app.as_ref().unwrap().address, |process| process.address)
    }

    /// Another browser, signed in nowhere.
    pub(crate) fn new_browser(&self) -> Browser {
        Browser::new(self.address())
    }

    pub(crate) fn setup_code(&self) -> String {
        std::fs::read_to_string(self.data().join("setup-code")).unwrap().trim().to_owned()
    }

    /// Does the setup; the browser is signed in afterwards.
    pub(crate) async fn set_up(&mut self) {
        let code = self.setup_code();
        let fields = [("setup_code", code.as_str()), ("username", "ada"), ("password", PASSWORD), ("password_confirmation", PASSWORD)];
        self.browser.post("/setup", &fields).await.expect(303);
    }

    /// Creates an app `shop` whose other fields are as given.
    pub(crate) async fn create_shop(&mut self, fields: &[(&str, &str)]) -> Reply {
        let mut all = vec![("slug", "shop"), ("repo_url", REPOSITORY), ("branch", "main")];
        all.retain(|(name, _)| fields.iter().all(|(given, _)| given != name));
        all.extend(fields);
        self.browser.post("/apps", &all).await
    }

    /// Makes a token in the settings; returns its text.
    pub(crate) async fn make_token(&mut self, name: &str, scope: &str) -> String {
        let fields = [("token_name", name), ("token_scope", scope), ("token_expiry", "30")];
        self.browser.post("/settings/tokens", &fields).await.expect(200).text("#new-token")
    }

    /// A program that sends this token.
    pub(crate) fn program(&self, token: &str) -> Browser {
        let mut program = self.new_browser();
        program.headers = vec![("authorization", format!("Bearer {token}"))];
        program
    }

    /// The database, opened beside the server.
    pub(crate) async fn db(&self) -> upaas::db::Db {
        upaas::db::Db::open(&self.data().join("upaas.db")).await.unwrap()
    }

    /// Changes an app's configuration beside the server: the next deployment uses it.
    pub(crate) async fn configure(&self, slug: &str, change: impl FnOnce(&mut AppConfig)) {
        let db = self.db().await;
        let mut app = upaas::db::apps::by_slug(db.read(), &slug.parse().unwrap()).await.unwrap().unwrap();
        change(&mut app.config);
        let mut tx = db.begin().await.unwrap();
        upaas::db::apps::set_config(&mut tx, app.id, &app.config).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
    }

    /// Seals a value, for a configuration.
    pub(crate) async fn seal(&self, text: &str) -> SecretId {
        let (db, id) = (self.db().await, SecretId::new());
        let vault = Vault::open(&self.data().join("secret.key"), false).unwrap();
        upaas::db::secrets::insert(db.write(), id, &vault.seal(id, &Secret::new(text))).await.unwrap();
        db.close().await;
        id
    }

    /// What `upaas healthcheck` exits with.
    pub(crate) async fn healthcheck(&self) -> Option<i32> {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_upaas"));
        command.arg("healthcheck").env_clear().env("UPAAS_LISTEN_ADDR", "127.0.0.1").env("PORT", self.address().port().to_string());
        command.status().await.unwrap().code()
    }

    /// Presses “Deploy now”; returns the deployment's path.
    pub(crate) async fn deploy(&mut self, slug: &str) -> String {
        self.browser.post(&format!("/apps/{slug}/deployments"), &[]).await.expect(303).location().to_owned()
    }

    /// Waits until the deployment at a path shows one of these states; returns its page.
    pub(crate) async fn wait_for(&mut self, path: &str, states: &[&str]) -> Reply {
        let browser = &mut self.browser;
        eventually(&format!("{path} to be one of {states:?}"), async || {
            let page = browser.get(path).await;
            let state = page.text(".summary .badge");
            if states.contains(&state.as_str()) { Ok(page) } else { Err(format!("{state}: {}", page.text("#journal"))) }
        })
        .await
    }

    /// Waits until an app's page shows this state; returns it.
    pub(crate) async fn wait_for_app(&mut self, slug: &str, state: &str) -> Reply {
        let browser = &mut self.browser;
        eventually(&format!("{slug} to be {state}"), async || {
            let page = browser.get(&format!("/apps/{slug}")).await;
            let seen = page.text("#app-state .badge");
            if seen == state { Ok(page) } else { Err(format!("{seen}: {}", page.text("#app-state"))) }
        })
        .await
    }

    /// Waits until the engine was seen to answer: what it has stands on the settings page of `shop`.
    pub(crate) async fn wait_for_the_engine(&mut self) {
        let browser = &mut self.browser;
        eventually("the engine", async || {
            let networks = browser.get("/apps/shop/settings").await.text("#networks");
            if networks.contains("does not show its networks now") { Err(networks) } else { Ok(()) }
        })
        .await;
    }

    /// The configuration of `shop`, as it is stored.
    pub(crate) async fn config_of_shop(&self) -> upaas::domain::app_config::AppConfig {
        app_row(self, "shop").await.config
    }

    /// Waits until the pages say that the engine is away.
    pub(crate) async fn wait_for_the_banner(&mut self) {
        let browser = &mut self.browser;
        eventually("the banner", async || {
            let alerts = browser.get("/").await.text("#alerts");
            if alerts.contains("The engine cannot be reached") { Ok(()) } else { Err(alerts) }
        })
        .await;
    }

    /// Presses “Deploy now” and waits for the end.
    pub(crate) async fn deploy_to_the_end(&mut self, slug: &str) -> Reply {
        let path = self.deploy(slug).await;
        self.wait_for(&path, &["Success", "Failed", "Cancelled"]).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.status)
    }
}
