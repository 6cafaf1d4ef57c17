//! One app on the real binary, with its repository; and what a version of it is made of.

use crate::{
    tests::support::{
        engine::{BUSYBOX, Leftovers, dockerfile},
        forge::{Forge, Repository},
        process::Process,
        server::Server,
    },
    usage::Usage,
};

/// So much of the server's log is shown when the bench cannot go on.
const LOG_LINES: usize = 20;

/// Dropped in this order: the server stops before what it made is taken away.
pub(crate) struct World {
    pub(crate) server: Server,
    forge: Forge,
    repository: Repository,
    _left: Leftovers,
}

impl World {
    /// A server with the app `shop`, whose key and host key are in place.
    pub(crate) async fn new() -> Self {
        let mut server = Server::binary(None).await;
        // It listens before it is ready: an answer says that it is.
        server.browser.get("/setup").await.expect(200);
        server.set_up().await;
        let left = Leftovers::of(&server.instance().await);
        let forge = Forge::start().await;
        let repository = forge.repository("shop");
        std::fs::copy(BUSYBOX, repository.work().join("busybox")).unwrap();
        repository.push("main", &[]);
        let fields = [("repo_url", repository.url.as_str()), ("container_port", "80"), ("host_port", "auto")];
        server.create_shop(&fields).await.expect(303);
        let mut world = Self { server, forge, repository, _left: left };
        world.connect().await;
        world
    }

    async fn connect(&mut self) {
        let browser = &mut self.server.browser;
        self.forge.allow(&self.repository, &browser.get("/apps/shop").await.text("#public-key"));
        browser.post("/apps/shop/connection-test", &[]).await.expect(303);
        browser.post("/apps/shop/host-key", &[("fingerprint", &self.forge.fingerprint())]).await.expect(303);
    }

    /// Deploys a version whose build has this instruction; returns the deployment's path.
    pub(crate) async fn deploy(&mut self, instruction: &str) -> String {
        self.repository.push("main", &[("Dockerfile", &version(instruction))]);
        self.server.deploy("shop").await
    }

    /// Of the server's process.
    pub(crate) fn usage(&self) -> Usage {
        Usage::of(self.server.process.as_ref().unwrap().child.id())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(Process::log(&self.server.data())).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("The end of the server's log:\n{}", lines[lines.len().saturating_sub(LOG_LINES)..].join("\n"));
        }
    }
}

/// The Dockerfile of a version whose build has this instruction. Its container does nothing, and stops at once.
pub(crate) fn version(instruction: &str) -> String {
    dockerfile(&format!("{instruction}\nSTOPSIGNAL SIGKILL\nCMD [\"sleep\", \"86400\"]"))
}
