//! The engine, as builder and as runtime.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{StreamExt, stream::BoxStream};

use super::{
    Place, ask,
    config_files::ConfigFiles,
    failures::{build_failure, context_failure, engine_failure, rejoin_failure, start_failure, taken_port},
    here,
    space::Disks,
};
use crate::{
    deploy::platform::{Builder, Failure, FailureKind, Origins, Recipe, RegistryLogin as Login, Runtime, Target, Tried, Wanted},
    docker::{
        self, BuildEvent, BuildRequest, BuildSecret, Engine, RegistryLogin,
        context::Context,
        explain::{self, Explained},
        spec::Owner,
    },
    domain::{
        answer::Answer,
        app_config::{
            env::COMMIT_VARIABLE,
            health_check::HttpProbe,
            network::{NetworkName, NetworkUse},
            restart::RestartPolicy,
            volume::{Danger, Mounted},
        },
        container::{Created, Happening, Listed, Observed, Usage},
        disk::Space,
        engine::{EngineVersion, Network},
        ids::{AppId, InstanceId},
        image::{BuiltImage, CacheUse, Removal},
        port::{Held, Holder, Port, Taken},
    },
    logs::journal::Journal,
};

/// What runs where: the engine, and in its name this installation.
pub struct EngineHost {
    pub(super) engine: Engine,
    instance: InstanceId,
    pub(super) place: Place,
    pub(super) config_files: ConfigFiles,
    pub(super) disks: Disks,
}

impl EngineHost {
    /// The engine; what it makes belongs to this installation.
    pub fn new(engine: Engine, instance: InstanceId, place: Place) -> Self {
        let config_files = ConfigFiles::new(place.files.config_files());
        Self { engine, instance, place, config_files, disks: Disks::default() }
    }

    /// Why a container with these ports could not be started: who holds one of them, when that can be seen.
    async fn taken_port(&self, ports: &[Port], message: &str) -> Option<Failure> {
        let wanted: Vec<Held> = ports.iter().filter_map(Port::held).collect();
        let taken = self.taken_ports(&wanted).await.ok()?;
        taken_port(ports, &taken, message)
    }

    /// Whether the engine's host is this machine.
    pub(super) async fn is_beside(&self) -> bool {
        here::shares_host(self.engine.address()).await
    }

    pub(super) fn owner(&self, target: &Target) -> Owner {
        Owner { instance: self.instance, app: target.app, slug: target.slug.clone(), deployment: target.number }
    }
}

#[async_trait]
impl Builder for EngineHost {
    async fn build(&self, recipe: &Recipe, checkout: &Path, journal: &Journal) -> Result<String, Failure> {
        let build = &recipe.config.build;
        let context = Context::open(checkout, build.context_path.as_str(), build.dockerfile_path.as_str()).map_err(context_failure)?;
        if !recipe.config.source.submodules && checkout.join(".gitmodules").exists() {
            journal.say(
                "The repository has submodules. They are not fetched, as the app's settings say: their folders are empty in this build.",
            );
        }
        let mut args: HashMap<String, String> = build.args.iter().map(|arg| (arg.name.to_string(), arg.value.clone())).collect();
        args.insert(COMMIT_VARIABLE.to_owned(), recipe.commit.to_string());
        let secrets = recipe.secrets.iter().map(|(id, value)| BuildSecret { id: id.to_string(), value: value.clone() });
        let request = BuildRequest {
            args,
            registries: recipe.logins.iter().map(registry_login).collect(),
            target: build.target.as_ref().map(ToString::to_string),
            no_cache: recipe.no_cache,
            pull: build.pull,
            secrets: secrets.collect(),
            context_limit: build.context_limit.bytes(),
            ..BuildRequest::new(self.owner(&recipe.target), context)
        };
        let mut about_space = false;
        let built = self.engine.build(request, |event| match event {
            BuildEvent::Line { text, bytes } => {
                about_space |= explain::is_about_space(text);
                journal.output_beginning(text, bytes);
            }
            BuildEvent::Remark(remark) => journal.say(remark),
        });
        built.await.map_err(|failed| {
            let failure = build_failure(failed);
            let about_space = about_space && failure.kind == FailureKind::Final;
            if about_space { failure.kind(FailureKind::NoSpace) } else { failure }
        })
    }

    async fn discard(&self, target: &Target) -> Result<(), Failure> {
        self.engine.remove_images_of(&self.owner(target)).await.map_err(engine_failure)
    }

    async fn try_login(&self, login: &Login) -> Tried {
        match self.engine.try_registry(&registry_login(login)).await {
            Ok(()) => Tried::Good,
            Err(err) => {
                let Explained { sentence, hint, .. } = explain::login(login.host.as_str(), &err);
                let said = format!("{sentence} {hint}");
                if explain::is_a_refused_login(&err) { Tried::Refused(said) } else { Tried::Unknown(said) }
            }
        }
    }

    async fn images(&self) -> Result<Vec<BuiltImage>, Failure> {
        self.engine.images().await.map_err(engine_failure)
    }

    async fn measured_images(&self) -> Result<Vec<BuiltImage>, Failure> {
        self.engine.measured_images().await.map_err(engine_failure)
    }

    async fn remove_image(&self, image: &BuiltImage) -> Result<Removal, Failure> {
        self.engine.remove_image(image).await.map_err(engine_failure)
    }

    async fn cache(&self) -> Result<CacheUse, Failure> {
        self.engine.cache().await.map_err(engine_failure)
    }

    async fn prune_cache(&self) -> Result<u64, Failure> {
        self.engine.prune_cache().await.map_err(engine_failure)
    }

    async fn has_image(&self, image: &str) -> Result<bool, Failure> {
        self.engine.has_image(image).await.map_err(engine_failure)
    }
}

fn registry_login(login: &Login) -> RegistryLogin {
    RegistryLogin { host: login.host.to_string(), username: login.username.clone(), password: login.password.clone() }
}

#[async_trait]
impl Runtime for EngineHost {
    async fn hello(&self) -> Result<EngineVersion, Failure> {
        self.engine.hello().await.map_err(engine_failure)
    }

    async fn create(&self, wanted: &Wanted) -> Result<Created, Failure> {
        self.make(wanted).await
    }

    async fn start(&self, container: &str, ports: &[Port]) -> Result<(), Failure> {
        match self.engine.start_container(container).await {
            Ok(()) => Ok(()),
            Err(docker::Error::Refused { status, message }) if explain::is_about_a_taken_port(&message) => {
                let taken = self.taken_port(ports, &message).await;
                Err(taken.unwrap_or_else(|| start_failure(docker::Error::Refused { status, message }, ports)))
            }
            Err(err) => Err(start_failure(err, ports)),
        }
    }

    async fn keep_running(&self, container: &str, policy: RestartPolicy) -> Result<(), Failure> {
        self.engine.keep_running(container, policy).await.map_err(engine_failure)
    }

    async fn stop(&self, container: &str, grace: Duration) -> Result<(), Failure> {
        self.engine.stop_container(container, grace).await.map_err(engine_failure)
    }

    async fn remove(&self, container: &str) -> Result<(), Failure> {
        self.engine.remove_container(container).await.map_err(engine_failure)?;
        self.sweep_up().await;
        Ok(())
    }

    async fn sweep(&self) -> Result<(), Failure> {
        self.sweep_files().await
    }

    fn can_ask(&self) -> Result<(), Failure> {
        self.reach()
    }

    async fn probe(&self, container: &Observed, probe: &HttpProbe, deadline: Duration) -> Result<Answer, Failure> {
        let address = SocketAddr::new(self.address_of(container).await?, probe.port);
        Ok(Answer { address, said: ask::ask(address, probe, deadline).await })
    }

    async fn look(&self, container: &str) -> Result<Option<Observed>, Failure> {
        self.engine.look(container).await.map_err(engine_failure)
    }

    async fn ours(&self) -> Result<Listed, Failure> {
        self.engine.ours().await.map_err(engine_failure)
    }

    fn events(&self) -> BoxStream<'static, Result<Happening, Failure>> {
        self.engine.events().map(|event| event.map_err(engine_failure)).boxed()
    }

    async fn last_lines(&self, container: &str, count: usize) -> Result<Vec<Vec<u8>>, Failure> {
        self.engine.last_lines(container, count).await.map_err(engine_failure)
    }

    async fn usage(&self, container: &str) -> Result<Option<Usage>, Failure> {
        self.engine.usage(container).await.map_err(engine_failure)
    }

    async fn taken_ports(&self, wanted: &[Held]) -> Result<Vec<Taken>, Failure> {
        let mut taken = self.engine.published(self.place.container.as_deref()).await.map_err(engine_failure)?;
        if self.shares_host().await {
            let of_containers = |held: &Held| taken.iter().any(|it| it.held.clashes(held));
            let others = wanted.iter().filter(|held| !of_containers(held));
            let others: Vec<Taken> = others.filter_map(|held| Some(Taken { held: *held, by: here::holder(held)? })).collect();
            // In a container µPaaS has other addresses than the engine's host.
            taken.extend(others.into_iter().filter(|it| it.by != Holder::NoAddress || self.place.container.is_none()));
        }
        Ok(taken)
    }

    async fn shares_host(&self) -> bool {
        self.is_beside().await
    }

    async fn volumes_folder(&self, app: AppId) -> Option<PathBuf> {
        self.folder_of(app).await
    }

    async fn dangers(&self, app: AppId, mounted: &[Mounted]) -> Vec<Option<Danger>> {
        if mounted.is_empty() {
            return Vec::new();
        }
        let or_later = |judged: Result<Option<Danger>, Failure>| {
            judged.unwrap_or_else(|failure| {
                tracing::debug!(reason = %failure.sentence, error = failure.chain(), "the engine does not show a volume");
                None
            })
        };
        self.judge(app, mounted, self.sensitive_soon().await).await.into_iter().map(or_later).collect()
    }

    async fn networks(&self) -> Result<Vec<Network>, Failure> {
        self.engine.networks().await.map_err(engine_failure)
    }

    async fn create_network(&self, name: &NetworkName) -> Result<(), Failure> {
        self.engine.create_network(name).await.map_err(engine_failure)
    }

    async fn data_space(&self) -> Option<Space> {
        self.space_of_data().await
    }

    async fn engine_space(&self) -> Option<Space> {
        self.space_of_engine().await
    }

    async fn origins(&self, container: &str) -> Result<Option<Origins>, Failure> {
        let said = self.engine.says_of_itself(container, COMMIT_VARIABLE).await.map_err(engine_failure)?;
        Ok(said.map(|it| Origins {
            image: it.image,
            slug: it.slug.and_then(|slug| slug.parse().ok()),
            commit: it.variable.and_then(|commit| commit.parse().ok()),
        }))
    }

    async fn give_alias(&self, container: &str, network: &NetworkUse) -> Result<(), Failure> {
        self.engine.rejoin(container, network).await.map_err(|err| rejoin_failure(err, network))
    }
}
