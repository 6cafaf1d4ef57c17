//! The configuration of an app: what is fetched, how it is built, how it runs. Each deployment keeps a snapshot of it, so fields are only
//! ever added, with a default.

pub mod build;
pub mod config_file;
pub mod env;
pub mod health_check;
pub mod label;
pub mod network;
pub mod process;
pub mod public_url;
pub mod resources;
pub mod restart;
pub mod volume;

use super::{branch::Branch, ids::SecretId, port::Port, repo_url::RepoUrl};
use build::BuildConfig;
use config_file::ConfigFile;
use env::EnvVar;
use health_check::HealthCheck;
use label::Label;
use network::NetworkUse;
use process::Process;
use public_url::PublicUrl;
use resources::Resources;
use restart::Restart;
use volume::Volume;

/// The configuration of an app.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AppConfig {
    /// What is fetched.
    pub source: Source,
    /// How the image is built from it.
    pub build: BuildConfig,
    /// How the container is made from that.
    #[serde(default)]
    pub run: RunConfig,
    /// When a push deploys.
    #[serde(default)]
    pub policy: Policy,
    /// Where people reach the app, when that is not a published port: the address of a reverse proxy.
    #[serde(default)]
    pub public_url: Option<PublicUrl>,
}

/// What is fetched.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Source {
    /// The repository.
    pub repo_url: RepoUrl,
    /// The branch whose tip is deployed.
    pub branch: Branch,
    /// Whether the repository's submodules are fetched, too.
    #[serde(default)]
    pub submodules: bool,
}

/// How the container is made: all that a change of which needs another container, but no other image.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct RunConfig {
    /// Environment variables, by name.
    pub env: Vec<EnvVar>,
    /// Text files that the container finds, by path.
    pub files: Vec<ConfigFile>,
    /// Labels beside µPaaS's own.
    pub labels: Vec<Label>,
    /// What is mounted.
    pub volumes: Vec<Volume>,
    /// Which of its ports reach the host.
    pub ports: Vec<Port>,
    /// The networks it joins; none: the engine's default one.
    pub networks: Vec<NetworkUse>,
    /// What it may use.
    pub resources: Resources,
    /// What happens when it exits.
    pub restart: Restart,
    /// What runs in it and how it is stopped.
    pub process: Process,
    /// How it is known that it works.
    pub health: HealthCheck,
}

/// When a push deploys. It is valid at once: no container depends on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Whether a newer push cancels the build that runs for an older one.
    pub newer_push_cancels: bool,
}

impl AppConfig {
    /// An app with everything at its default.
    pub fn new(source: Source, build: BuildConfig) -> Self {
        Self { source, build, run: RunConfig::default(), policy: Policy::default(), public_url: None }
    }

    /// The sealed values it refers to, each with a name that is unique in it.
    pub fn secrets(&self) -> Vec<(String, SecretId)> {
        let env = self.run.env.iter().map(|var| (format!("env {}", var.name), var.value));
        let files = self.run.files.iter().map(|file| (format!("file {}", file.path), file.content));
        env.chain(files).collect()
    }
}
