//! The seam: what a deployment needs of the world, as three small traits.
//!
//! They exist because the failure paths of a deployment must be tested in milliseconds, without an engine. [`crate::host`] implements
//! them with git and Docker; the tests bring a stand-in. Nothing else in µPaaS has an interface of its own.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::{
    domain::{
        answer::Answer,
        app_config::{
            AppConfig, RunConfig,
            build::BuildSecretId,
            config_file::ContainerPath,
            health_check::HttpProbe,
            network::{NetworkName, NetworkUse},
            restart::RestartPolicy,
            volume::{Danger, Mounted},
        },
        branch::Branch,
        commit::{Between, CommitFacts, CommitId},
        connection::{HostKey, KnownHost},
        container::{Created, Happening, Listed, Observed, Usage},
        deployment::Cause,
        disk::Space,
        engine::{EngineVersion, Network},
        ids::AppId,
        image::{BuiltImage, CacheUse, Removal},
        port::{Held, Port, Taken},
        registry::RegistryHost,
        repo_url::RepoUrl,
        secret::Secret,
        slug::Slug,
    },
    logs::journal::Journal,
};

/// Why something the world should do did not happen: one text for people, one chain for the operator's log.
#[derive(Debug)]
pub struct Failure {
    /// Who has to act.
    pub cause: Cause,
    /// What happened.
    pub sentence: String,
    /// What to do next.
    pub hint: Option<String>,
    /// What kind of trouble it is, where that changes what happens next.
    pub kind: FailureKind,
    /// For the log.
    pub source: Option<anyhow::Error>,
}

/// Trouble that is not just an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The deployment ends with it.
    Final,
    /// The engine went away: the attempt is interrupted, not failed.
    EngineLost,
    /// The engine is slow: a look may be tried again.
    EngineSlow,
    /// The engine, or a program of the build, has said that it has no space left.
    NoSpace,
    /// The server's key is not confirmed.
    HostKeyUnconfirmed,
    /// The server's key is not the confirmed one.
    HostKeyChanged,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(cause: Cause, sentence: impl Into<String>) -> Self {
        Self { cause, sentence: sentence.into(), hint: None, kind: FailureKind::Final, source: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says what kind of trouble it is.
    #[must_use]
    pub fn kind(mut self, kind: FailureKind) -> Self {
        self.kind = kind;
        self
    }

    /// Adds the chain for the log.
    #[must_use]
    pub fn source(mut self, source: impl Into<anyhow::Error>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The chain, as the log shows it.
    pub fn chain(&self) -> Option<String> {
        self.source.as_ref().map(|source| format!("{source:#}"))
    }

    /// The engine went away.
    pub fn engine_lost() -> Self {
        Self::new(Cause::Engine, "The connection to the engine was lost.")
            .hint("Is the Docker daemon running?")
            .kind(FailureKind::EngineLost)
    }

    /// Trouble that is µPaaS's own: the log has the details.
    pub fn internal(source: impl Into<anyhow::Error>) -> Self {
        Self::new(Cause::Internal, "µPaaS itself failed at this; its log has the details.").source(source)
    }
}

/// Where an app's files come from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The app, which keys its mirror.
    pub app: AppId,
    /// The repository.
    pub url: RepoUrl,
    /// The branch.
    pub branch: Branch,
    /// The private deploy key.
    pub key: Secret,
    /// The server's confirmed key.
    pub host_key: Option<HostKey>,
}

/// Which deployment of which app something is made for.
#[derive(Debug, Clone)]
pub struct Target {
    /// The app.
    pub app: AppId,
    /// Its name.
    pub slug: Slug,
    /// The deployment's number.
    pub number: i64,
}

/// An image as it is to be built.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// For whom.
    pub target: Target,
    /// The commit, for the image to know.
    pub commit: CommitId,
    /// How.
    pub config: AppConfig,
    /// Whether nothing of earlier builds is used.
    pub no_cache: bool,
    /// What its steps may ask for, opened.
    pub secrets: Vec<(BuildSecretId, Secret)>,
    /// Logins at registries, for base images.
    pub logins: Vec<RegistryLogin>,
}

/// A container as it is to be made.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// For whom.
    pub target: Target,
    /// Its image, by id.
    pub image: String,
    /// Its environment, in order, opened.
    pub env: Vec<(String, Secret)>,
    /// Its text files, opened.
    pub files: Vec<(ContainerPath, Secret)>,
    /// Everything else about it.
    pub run: RunConfig,
}

/// Where a container comes from, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins {
    /// Its image, by id.
    pub image: String,
    /// The name that its app had.
    pub slug: Option<Slug>,
    /// The commit that its image was built from.
    pub commit: Option<CommitId>,
}

/// A login at a registry that wants one before it gives a base image.
#[derive(Debug, Clone)]
pub struct RegistryLogin {
    /// The registry.
    pub host: RegistryHost,
    /// The user's name there.
    pub username: String,
    /// The password or token, opened.
    pub password: Secret,
}

/// What came of trying a login at a registry, with a sentence where it was not good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// The registry takes it.
    Good,
    /// The registry does not take it.
    Refused(String),
    /// Nobody knows: the engine or the registry could not be reached, or did not understand.
    Unknown(String),
}

/// Which commit the beginning of an id means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// This one.
    One(CommitId),
    /// Several begin so.
    Several,
    /// None that was fetched begins so.
    None,
}

/// git, seen from a deployment.
#[async_trait]
pub trait Source: Send + Sync {
    /// Brings what is new into the app's mirror. With a commit exactly that one, otherwise the branch's tip.
    async fn fetch(&self, origin: &Origin, commit: Option<&CommitId>, journal: &Journal) -> Result<CommitFacts, Failure>;
    /// Writes the commit's files into a new folder.
    async fn export(&self, app: AppId, commit: &CommitId, into: &Path) -> Result<(), Failure>;
    /// The paths whose files differ between two commits of the app's mirror. None when that cannot be told: the mirror does not have the
    /// first commit, or not all of it, or too much differs.
    async fn changed(&self, app: AppId, from: &CommitId, to: &CommitId) -> Result<Option<Vec<String>>, Failure>;
    /// Puts the commit's submodules, and theirs, into its checkout, with the app's own deploy key. Only servers that are known are asked.
    async fn fill_submodules(
        &self,
        origin: &Origin,
        known: &[KnownHost],
        commit: &CommitId,
        checkout: &Path,
        journal: &Journal,
    ) -> Result<(), Failure>;
    /// The branch's tip on the server; none when there is no such branch.
    async fn look(&self, origin: &Origin) -> Result<Option<CommitId>, Failure>;
    /// Its version: `2.47.3`. What was found a minute ago is true enough.
    async fn version(&self) -> Result<String, Failure>;
    /// The key that the server shows now.
    async fn host_key(&self, url: &RepoUrl) -> Result<HostKey, Failure>;
    /// Lets git tidy up an app's mirrors where that is worth its while. Never beside a fetch, which goes first: false when one was going on
    /// or came meanwhile.
    async fn compact(&self, app: AppId) -> Result<bool, Failure>;
    /// Waits for whoever is at an app's mirrors, and lets nobody get to them any more: the app is deleted.
    async fn close(&self, app: AppId);
    /// The commits that lie between two of the app's mirror, at most `limit` on either side. The server is not asked. None when that cannot
    /// be told: the mirror does not have both.
    async fn between(&self, app: AppId, from: &CommitId, to: &CommitId, limit: usize) -> Result<Option<Between>, Failure>;
    /// The newest commits of the branch as it was when last fetched, newest first; none when it never was. Nothing is asked of the server.
    async fn recent(&self, app: AppId, url: &RepoUrl, branch: &Branch, limit: usize) -> Result<Vec<CommitFacts>, Failure>;
    /// Brings what is new on the branch into the app's mirror.
    async fn refresh(&self, origin: &Origin) -> Result<(), Failure>;
    /// Which commit that was fetched from the repository has an id that begins with these hexadecimal digits.
    async fn meant(&self, app: AppId, url: &RepoUrl, beginning: &str) -> Result<Meant, Failure>;
}

/// The engine's builder, seen from a deployment. Dropping a call's future cancels the build.
#[async_trait]
pub trait Builder: Send + Sync {
    /// Builds the checkout; returns the image's id.
    async fn build(&self, recipe: &Recipe, checkout: &Path, journal: &Journal) -> Result<String, Failure>;
    /// Removes what a deployment that did not succeed has built, as far as nobody else uses it.
    async fn discard(&self, target: &Target) -> Result<(), Failure>;
    /// Lets the engine log in to a registry, to see whether the login is right. Nothing is kept by it.
    async fn try_login(&self, login: &RegistryLogin) -> Tried;
    /// The images of this installation, and nobody else's.
    async fn images(&self) -> Result<Vec<BuiltImage>, Failure>;
    /// As [`Builder::images`], with how much of each is shared with others: that takes the engine time.
    async fn measured_images(&self) -> Result<Vec<BuiltImage>, Failure>;
    /// Removes one of them, unless somebody else uses it or has given it a name: that is no failure.
    async fn remove_image(&self, image: &BuiltImage) -> Result<Removal, Failure>;
    /// What the builder keeps, of everybody's builds.
    async fn cache(&self) -> Result<CacheUse, Failure>;
    /// Removes what the builder keeps and does not need now, of everybody's builds; returns how many bytes that were.
    async fn prune_cache(&self) -> Result<u64, Failure>;
    /// Whether the engine has an image, by id.
    async fn has_image(&self, image: &str) -> Result<bool, Failure>;
}

/// The engine's containers, seen from a deployment. Removing or stopping what is gone already succeeds.
#[async_trait]
pub trait Runtime: Send + Sync {
    /// Whether the engine is there, and its version.
    async fn hello(&self) -> Result<EngineVersion, Failure>;
    /// Creates a container, with its text files and the folders of its relative volumes.
    async fn create(&self, wanted: &Wanted) -> Result<Created, Failure>;
    /// Starts it. Its ports are for the sentence when one is taken.
    async fn start(&self, container: &str, ports: &[Port]) -> Result<(), Failure>;
    /// From now on the engine restarts it as the policy says: until then a container that exits is found exited.
    async fn keep_running(&self, container: &str, policy: RestartPolicy) -> Result<(), Failure>;
    /// Stops it, killing it after the grace period.
    async fn stop(&self, container: &str, grace: Duration) -> Result<(), Failure>;
    /// Removes it, with its text files.
    async fn remove(&self, container: &str) -> Result<(), Failure>;
    /// Removes the text files of containers that are gone.
    async fn sweep(&self) -> Result<(), Failure>;
    /// Looks at it; none when it is gone.
    async fn look(&self, container: &str) -> Result<Option<Observed>, Failure>;
    /// Every container of this installation.
    async fn ours(&self) -> Result<Listed, Failure>;
    /// What happens to the containers of this installation from now on. Its end means that the engine went away.
    fn events(&self) -> BoxStream<'static, Result<Happening, Failure>>;
    /// The last lines it printed.
    async fn last_lines(&self, container: &str, count: usize) -> Result<Vec<Vec<u8>>, Failure>;
    /// Whether containers can be asked over HTTP at all: the failure says why not, and what to do.
    fn can_ask(&self) -> Result<(), Failure>;
    /// Asks it once over HTTP whether it works. That it does not answer is an answer; a failure says that it could not be asked.
    async fn probe(&self, container: &Observed, probe: &HttpProbe, deadline: Duration) -> Result<Answer, Failure>;
    /// What it uses; none when it does not run or is gone.
    async fn usage(&self, container: &str) -> Result<Option<Usage>, Failure>;
    /// Who holds ports of the engine's host now: every container, and of these ports any other program that can be seen.
    async fn taken_ports(&self, wanted: &[Held]) -> Result<Vec<Taken>, Failure>;
    /// Whether the engine's host is the machine that µPaaS sees around itself: neither is µPaaS in a container, nor the engine elsewhere.
    async fn shares_host(&self) -> bool;
    /// Where an app's relative volumes lie, as the engine's host sees it; none when that is not known.
    async fn volumes_folder(&self, app: AppId) -> Option<PathBuf>;
    /// Why mounting each of these into an app's container needs a person's confirmation, in their order; none where it does not. A volume
    /// of which the engine says nothing now is judged when a container is made.
    async fn dangers(&self, app: AppId, mounted: &[Mounted]) -> Vec<Option<Danger>>;
    /// The networks that containers can join, by name; without those that the engine brings.
    async fn networks(&self) -> Result<Vec<Network>, Failure>;
    /// Makes a network with this installation's label. Its name must be free.
    async fn create_network(&self, name: &NetworkName) -> Result<(), Failure>;
    /// What is left where the data directory is; none when that does not answer.
    async fn data_space(&self) -> Option<Space>;
    /// What is left where the engine keeps images, containers and its builder's cache; none when that cannot be seen from here.
    async fn engine_space(&self) -> Option<Space>;
    /// Where a container of this installation comes from; none when it is gone.
    async fn origins(&self, container: &str) -> Result<Option<Origins>, Failure>;
    /// Gives a container that runs its alias in one of its networks. It leaves the network for a moment: afterwards it may have another
    /// address there, and other automatic ports. After a failure it may be without the network.
    async fn give_alias(&self, container: &str, network: &NetworkUse) -> Result<(), Failure>;
}

/// The world, as the parts of a deployment see it.
#[derive(Clone)]
pub struct Platform {
    /// git.
    pub source: std::sync::Arc<dyn Source>,
    /// The builder.
    pub builder: std::sync::Arc<dyn Builder>,
    /// The containers.
    pub runtime: std::sync::Arc<dyn Runtime>,
}
