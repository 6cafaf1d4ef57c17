//! One app in a real world: its repository, its server, what it answers.

use std::time::Duration;

use bollard::models::ContainerSummaryStateEnum;
use upaas::deploy::Limits;

use crate::support::{
    browser::Reply,
    engine::{BUSYBOX, Leftovers, dockerfile},
    eventually,
    forge::{Forge, Repository},
    gitea::Hook,
    ports::free_port,
    server::Server,
};

/// What the app's container runs: a web server on port 80 that stops at once.
pub(crate) const SERVE: &str =
    "COPY index.html /www/index.html\nSTOPSIGNAL SIGKILL\nCMD [\"httpd\", \"-f\", \"-p\", \"80\", \"-h\", \"/www\"]";

/// Nothing waits for its own sake: enough for containers that run. One that dies at once is surely seen dead [`until_settled`].
pub(crate) fn limits() -> Limits {
    Limits { settle: Duration::from_millis(700), drain: Duration::from_millis(100), ..Limits::default() }
}

/// With the product's own time for a container that dies at once to be seen dead, also on a slow machine.
pub(crate) fn until_settled() -> Limits {
    Limits { settle: Limits::default().settle, ..limits() }
}

/// Dropped in this order: the server stops before what it made is taken away.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) forge: Forge,
    pub(crate) repository: Repository,
    pub(crate) left: Leftovers,
    pub(crate) port: u16,
}

impl World {
    /// A server with the app `shop`, whose first commit is pushed and whose key and host key are in place.
    pub(crate) async fn with_shop(host_port: Option<&str>) -> Self {
        Self::with_shop_and(host_port, limits()).await
    }

    pub(crate) async fn with_shop_and(host_port: Option<&str>, limits: Limits) -> Self {
        Self::with_shop_on(host_port, limits, None).await
    }

    /// On the engine at `docker_host`.
    pub(crate) async fn with_shop_on(host_port: Option<&str>, limits: Limits, docker_host: Option<String>) -> Self {
        let mut world = Self::with_unconnected_shop_on(host_port, limits, docker_host).await;
        world.connect("shop").await;
        world
    }

    pub(crate) async fn with_unconnected_shop(host_port: Option<&str>) -> Self {
        Self::with_unconnected_shop_on(host_port, limits(), None).await
    }

    /// Against the binary, with pushes told to it and the first version live.
    pub(crate) async fn serving_binary(host_port: Option<&str>, docker_host: Option<String>) -> Self {
        let mut world = Self::with_unconnected_shop_of(Server::binary(docker_host).await, host_port).await;
        world.connect("shop").await;
        world.connect_webhook().await;
        world.deploy("Success").await;
        world
    }

    /// On this server, connected.
    pub(crate) async fn on(server: Server, host_port: Option<&str>) -> Self {
        let mut world = Self::with_unconnected_shop_of(server, host_port).await;
        world.connect("shop").await;
        world
    }

    async fn with_unconnected_shop_on(host_port: Option<&str>, limits: Limits, docker_host: Option<String>) -> Self {
        Self::with_unconnected_shop_of(Server::real(limits, docker_host).await, host_port).await
    }

    async fn with_unconnected_shop_of(mut server: Server, host_port: Option<&str>) -> Self {
        let forge = Forge::start().await;
        let repository = forge.repository("shop");
        std::fs::copy(BUSYBOX, repository.work().join("busybox")).unwrap();
        repository.push("main", &[("Dockerfile", &dockerfile(SERVE)), ("index.html", "first")]);
        server.set_up().await;
        let left = Leftovers::of(&server.instance().await);
        let port = free_port();
        let fixed = port.to_string();
        let fields = [("repo_url", repository.url.as_str()), ("container_port", "80"), ("host_port", host_port.unwrap_or(&fixed))];
        server.create_shop(&fields).await.expect(303);
        Self { server, forge, repository, left, port }
    }

    /// Adds the app's key to the forge and confirms the forge's host key.
    pub(crate) async fn connect(&mut self, slug: &str) {
        let key = self.server.browser.get(&format!("/apps/{slug}")).await.text("#public-key");
        self.forge.allow(&self.repository, &key);
        self.confirm_host_key(slug).await;
    }

    /// From now on the forge tells of pushes.
    pub(crate) async fn connect_webhook(&mut self) {
        let hook = Hook::of(&mut self.server, "shop").await;
        self.repository.connect_webhook(&hook.url, &hook.secret);
    }

    /// Pushes a page; the answer to its delivery says which deployment that is. Returns its path.
    pub(crate) fn push_page(&self, text: &str) -> String {
        self.repository.push("main", &[("index.html", text)]);
        self.delivered()
    }

    /// The path of the deployment that the last delivery led to.
    pub(crate) fn delivered(&self) -> String {
        let last = self.repository.deliveries().pop().unwrap();
        assert_eq!(last["status"], 202, "{last}");
        let answer = last["answer"].as_str().unwrap().trim();
        format!("/apps/{}", answer.split_once("/apps/").unwrap().1)
    }

    /// Nothing of this installation is there but one running container that answers with this text.
    pub(crate) async fn only_this_serves(&self, text: &str) {
        assert_eq!(self.answers_with(text).await, text);
        eventually("nothing but the live container to be left", async || {
            let containers = self.left.containers().await;
            let states: Vec<_> = containers.iter().map(|it| it.state).collect();
            let one_runs = matches!(&containers[..], [it] if it.state == Some(ContainerSummaryStateEnum::RUNNING));
            if one_runs { Ok(()) } else { Err(format!("{states:?}")) }
        })
        .await;
        assert_eq!(std::fs::read_dir(self.server.data().join("builds")).unwrap().count(), 0, "no build folder is left");
    }

    /// Tests the connection and confirms the key that is offered, if it is the forge's.
    pub(crate) async fn confirm_host_key(&mut self, slug: &str) {
        let browser = &mut self.server.browser;
        browser.post(&format!("/apps/{slug}/connection-test"), &[]).await.expect(303);
        let page = browser.get(&format!("/apps/{slug}")).await;
        if let Some(offered) = page.attribute("input[name=fingerprint]", "value") {
            assert_eq!(offered, self.forge.fingerprint());
            browser.post(&format!("/apps/{slug}/host-key"), &[("fingerprint", &offered)]).await.expect(303);
        }
    }

    /// What the last connection test of `shop` found.
    pub(crate) async fn test_connection(&mut self) -> String {
        self.server.browser.post("/apps/shop/connection-test", &[]).await.expect(303);
        self.server.browser.get("/apps/shop").await.text("#connection")
    }

    pub(crate) async fn deploy(&mut self, expected: &str) -> Reply {
        let page = self.server.deploy_to_the_end("shop").await;
        assert_eq!(page.text(".summary .badge"), expected, "{}\n{}", page.text(".failure"), page.text("#journal"));
        page
    }

    /// What the app answers on a port; a container that has just started may need a moment.
    pub(crate) async fn answer_on(&self, port: u16) -> String {
        let address = ([127, 0, 0, 1], port).into();
        eventually("the app to answer", async || get(address).await).await
    }

    /// Waits until it answers with this text.
    pub(crate) async fn answers_with(&self, text: &str) -> String {
        let address = ([127, 0, 0, 1], self.port).into();
        eventually("the app's new answer", async || get(address).await.and_then(|said| if said == text { Ok(said) } else { Err(said) }))
            .await
    }

    pub(crate) async fn answer(&self) -> String {
        self.answer_on(self.port).await
    }

    /// A failed deployment has this sentence in it, and the first version answers as before, with nothing else left.
    pub(crate) async fn fails_and_the_first_version_serves(&mut self, sentence: &str) {
        let page = self.deploy("Failed").await;
        let failure = page.text(".failure");
        assert!(failure.contains(sentence), "{failure}\n{}", page.text("#journal"));
        assert!(failure.contains("What to try:"), "it says what to do: {failure}");
        assert!(failure.contains("#1 still serves."), "{failure}");
        assert_eq!(self.answer().await, "first");
        assert_eq!(self.left.containers().await.len(), 1, "nothing is left of the failed one");
        assert_eq!(self.left.images().await.len(), 1, "nothing is left of the failed one");
    }
}

async fn get(address: std::net::SocketAddr) -> Result<String, String> {
    use http_body_util::{BodyExt, Empty};
    use hyper_util::{client::legacy::Client, rt::TokioExecutor};
    let client: Client<_, Empty<bytes::Bytes>> = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
    let response = client.get(format!("http://{address}/").parse().unwrap()).await.map_err(|err| format!("{err:?}"))?;
    let body = response.into_body().collect().await.map_err(|err| format!("{err:?}"))?.to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}
