//! One app on the real binary, with its repository, live on a fixed host port.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use upaas::domain::{
    app_config::{env::EnvVar, label::parse_labels},
    port::HostPort,
};

use crate::tests::support::{
    balancer::LABEL,
    engine::{BUSYBOX, GRACEFUL, Leftovers, dockerfile},
    forge::{Forge, Repository},
    server::Server,
};

/// Dropped in this order: the server stops before what it made is taken away.
pub(crate) struct World {
    server: Server,
    _forge: Forge,
    _repository: Repository,
    left: Leftovers,
    pub(crate) instance: String,
    port: u16,
}

impl World {
    pub(crate) async fn new() -> Self {
        let mut server = Server::binary(None).await;
        // It listens before it is ready: an answer says that it is.
        server.browser.get("/setup").await.expect(200);
        server.set_up().await;
        let instance = server.instance().await;
        let left = Leftovers::of(&instance);
        let forge = Forge::start().await;
        let repository = forge.repository("shop");
        std::fs::copy(BUSYBOX, repository.work().join("busybox")).unwrap();
        repository.push("main", &[("Dockerfile", &dockerfile(GRACEFUL))]);
        let port = free_port();
        let fields = [("repo_url", repository.url.as_str()), ("container_port", "80"), ("host_port", &port.to_string())];
        server.create_shop(&fields).await.expect(303);
        forge.allow(&repository, &server.browser.get("/apps/shop").await.text("#public-key"));
        server.browser.post("/apps/shop/connection-test", &[]).await.expect(303);
        server.browser.post("/apps/shop/host-key", &[("fingerprint", &forge.fingerprint())]).await.expect(303);
        let label = parse_labels(&format!("{LABEL}={instance}")).unwrap();
        server.configure("shop", |config| config.run.labels = label).await;
        let path = server.deploy("shop").await;
        server.wait_for(&path, &["Success"]).await;
        Self { server, _forge: forge, _repository: repository, left, instance, port }
    }

    /// Where the app answers.
    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub(crate) async fn image(&self) -> String {
        self.left.images().await.remove(0)
    }

    /// From the next switch on the app has no port on the host.
    pub(crate) async fn publish_nothing(&self) {
        self.server.configure("shop", |config| config.run.ports[0].host_port = HostPort::None).await;
    }

    /// Makes a version live that answers with this text; returns the gap, as µPaaS says it.
    pub(crate) async fn switch(&mut self, version: &str) -> Option<Duration> {
        let env = vec![EnvVar { name: "VERSION".parse().unwrap(), value: self.server.seal(version).await }];
        self.server.configure("shop", |config| config.run.env = env).await;
        let path = self.server.browser.post("/apps/shop/apply", &[]).await.expect(303).location().to_owned();
        self.server.wait_for(&path, &["Success"]).await;
        let db = self.server.db().await;
        let app = upaas::db::apps::by_slug(db.read(), &"shop".parse().unwrap()).await.unwrap().unwrap();
        let live = upaas::db::deployments::get(db.read(), app.live_deployment.unwrap()).await.unwrap();
        db.close().await;
        live.gap_ms.map(Duration::from_millis)
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
