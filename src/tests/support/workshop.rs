//! Builds on the real engine without a server around them.

use std::{fs, path::Path};

use bollard::models::ImageInspect;
use tempfile::TempDir;
use upaas::{
    docker::{BuildError, BuildEvent, BuildRequest, Engine, context::Context, spec::Owner},
    domain::{
        engine::Address,
        ids::{AppId, InstanceId},
    },
};

use super::{
    engine::{BUSYBOX, Leftovers, client, dockerfile},
    proxy::Proxy,
};

/// Where the engine listens.
const SOCKET: &str = "/var/run/docker.sock";

pub(crate) struct Workshop {
    pub(crate) engine: Engine,
    owner: Owner,
    folder: TempDir,
    classic: bool,
    _left: Leftovers,
}

/// What a build came to.
pub(crate) struct Built {
    pub(crate) result: Result<String, BuildError>,
    /// What it said, line by line.
    pub(crate) said: String,
}

impl Workshop {
    pub(crate) async fn open() -> Self {
        Self::open_at(&format!("unix://{SOCKET}"), false).await
    }

    /// Behind a proxy that makes the engine look as if it had the classic builder only.
    pub(crate) async fn classic(proxy: &Proxy) -> Self {
        Self::open_at(&proxy.address(), true).await
    }

    async fn open_at(docker_host: &str, classic: bool) -> Self {
        let instance = InstanceId::new();
        let engine = Engine::new(Address::Unix(docker_host.trim_start_matches("unix://").to_owned()), instance);
        engine.hello().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::copy(BUSYBOX, folder.path().join("busybox")).unwrap();
        let owner = Owner { instance, app: AppId::new(), slug: format!("w{}", &instance.to_string()[..8]).parse().unwrap(), deployment: 1 };
        let left = Leftovers::of(&instance.to_string());
        Self { engine, owner, folder, classic, _left: left }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A request for a Dockerfile as it stands. The classic builder goes without its cache: it fails when an image that it looks at
    /// there is being removed, by another test as a rule.
    pub(crate) fn request(&self, dockerfile: &str) -> BuildRequest {
        fs::write(self.folder().join("Dockerfile"), dockerfile).unwrap();
        let context = Context::open(self.folder(), ".", "Dockerfile").unwrap();
        BuildRequest { no_cache: self.classic, ..BuildRequest::new(self.owner.clone(), context) }
    }

    /// A request for an image with busybox and what `more` does.
    pub(crate) fn busybox(&self, more: &str) -> BuildRequest {
        self.request(&dockerfile(more))
    }

    pub(crate) async fn build(&self, request: BuildRequest) -> Built {
        let mut said = String::new();
        let building = self.engine.build(request, |event| {
            let line = match event {
                BuildEvent::Line { text, .. } => String::from_utf8_lossy(text).into_owned(),
                BuildEvent::Remark(remark) => remark.to_owned(),
            };
            said.push_str(&line);
            said.push('\n');
        });
        let result = building.await;
        Built { result, said }
    }
}

impl Built {
    /// The image, by id.
    #[track_caller]
    pub(crate) fn image(&self) -> &str {
        self.result.as_ref().unwrap_or_else(|err| panic!("{err:?}\n{}", self.said))
    }

    /// What went wrong, in the words that people read.
    #[track_caller]
    pub(crate) fn explained(&self) -> upaas::docker::explain::Explained {
        let err = self.result.as_ref().expect_err("the build fails");
        let message = match &err.error {
            upaas::docker::Error::Build(message) | upaas::docker::Error::Refused { message, .. } => message.clone(),
            other => other.to_string(),
        };
        upaas::docker::explain::build(err.step.as_deref(), &message)
    }

    pub(crate) async fn inspect(&self) -> ImageInspect {
        client().inspect_image(self.image()).await.unwrap()
    }

    /// The layers, by digest.
    pub(crate) async fn layers(&self) -> Vec<String> {
        self.inspect().await.root_fs.unwrap().layers.unwrap()
    }
}
