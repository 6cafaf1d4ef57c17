//! The configuration of an app: what is fetched, how it is built, how it runs. Each deployment keeps a snapshot of it, so fields are only
//! ever added, with a default.

pub mod build;
pub mod config_file;
pub mod difference;
pub mod env;
pub mod env_file;
pub mod health_check;
pub mod label;
pub mod network;
pub mod process;
pub mod public_url;
pub mod resources;
pub mod restart;
pub mod volume;

use super::{branch::Branch, ids::SecretId, port::Port, repo_url::RepoUrl, watch_paths::WatchPaths};
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

impl RunConfig {
    /// This configuration with what another one confirms, too: a confirmation is about what is mounted, since whenever it was given. One of
    /// a read-only volume does not allow writing.
    pub fn with_confirmations_of(mut self, other: &Self) -> Self {
        for volume in &mut self.volumes {
            volume.confirmed |=
                other.volumes.iter().any(|it| it.confirmed && it.source == volume.source && (!it.read_only || volume.read_only));
        }
        self
    }
}

/// When a push deploys. It is valid at once: no container depends on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Policy {
    /// The files whose change deploys.
    pub watch_paths: WatchPaths,
    /// Whether a newer push cancels the build that runs for an older one.
    pub newer_push_cancels: bool,
}

impl AppConfig {
    /// An app with everything at its default.
    pub fn new(source: Source, build: BuildConfig) -> Self {
        Self { source, build, run: RunConfig::default(), policy: Policy::default(), public_url: None }
    }

    /// This configuration as far as a container depends on it, with the image of another one: what a container is made with whose image
    /// was built before.
    pub fn with_image_of(&self, built: &Self) -> Self {
        Self { source: built.source.clone(), build: built.build.clone(), ..self.clone() }
    }

    /// This configuration with the sealed values of another one, wherever that has one under the same key.
    pub fn with_values_of(&self, other: &Self) -> Self {
        let mut config = self.clone();
        for var in &mut config.run.env {
            var.value = other.run.env.iter().find(|it| it.name == var.name).map_or(var.value, |it| it.value);
        }
        for file in &mut config.run.files {
            file.content = other.run.files.iter().find(|it| it.path == file.path).map_or(file.content, |it| it.content);
        }
        for secret in &mut config.build.secrets {
            secret.value = other.build.secrets.iter().find(|it| it.id == secret.id).map_or(secret.value, |it| it.value);
        }
        config
    }

    /// The sealed values it refers to, each with a name that is unique in it.
    pub fn secrets(&self) -> Vec<(String, SecretId)> {
        let env = self.run.env.iter().map(|var| (format!("env {}", var.name), var.value));
        let files = self.run.files.iter().map(|file| (format!("file {}", file.path), file.content));
        let build = self.build.secrets.iter().map(|secret| (format!("build secret {}", secret.id), secret.value));
        env.chain(files).chain(build).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().expect("valid")
    }

    /// A configuration in which every setting has another value than its default.
    pub(crate) fn everything_set() -> AppConfig {
        let source = Source { repo_url: parsed("git@git.example.org:dev/all.git"), branch: parsed("dev"), submodules: true };
        let mut config = AppConfig::new(source, BuildConfig::new(parsed("docker/Dockerfile"), parsed("app")));
        config.build.target = Some(parsed("prod"));
        config.build.args = build::parse_args("A=1").expect("valid");
        config.build.secrets = vec![build::BuildSecret { id: parsed("npm"), value: SecretId::new() }];
        config.build.pull = true;
        config.build.time_limit = parsed("5");
        config.build.context_limit = parsed("10");
        config.run.env = vec![EnvVar { name: parsed("TOKEN"), value: SecretId::new() }];
        config.run.files = vec![ConfigFile { path: parsed("/etc/app.toml"), content: SecretId::new() }];
        config.run.labels = label::parse_labels("traefik.enable=true").expect("valid");
        config.run.volumes = vec![Volume { source: parsed("/srv/data"), path: parsed("/data"), read_only: true, confirmed: true }];
        config.run.ports = vec![Port {
            container_port: 53,
            protocol: crate::domain::port::Protocol::Udp,
            host_address: [0, 0, 0, 0].into(),
            host_port: crate::domain::port::HostPort::Fixed(5353),
        }];
        config.run.networks = vec![NetworkUse { name: parsed("web"), alias: Some(parsed("shop")) }];
        config.run.resources =
            Resources { cpus: Some(parsed("1.5")), memory: Some(parsed("512m")), pids: Some(parsed("100")), shm: Some(parsed("128m")) };
        config.run.restart = Restart { policy: parsed("on-failure"), cap: parsed("3") };
        config.run.process = Process {
            entrypoint: Some(parsed("/bin/app --quiet")),
            command: Some(parsed("serve 'a b'")),
            user: Some(parsed("1000:1000")),
            init: true,
            extra_hosts: process::parse_extra_hosts("db:192.0.2.4").expect("valid"),
            read_only_root: true,
            dropped: process::parse_capabilities("NET_RAW").expect("valid"),
            stop_signal: Some(parsed("SIGINT")),
            stop_grace: parsed("20"),
        };
        let http = health_check::HttpProbe { path: "/healthz".to_owned(), port: 8080, status: 204 };
        let timing = health_check::Timing { interval: 7, timeout: 3, retries: 2, start_period: 9 };
        config.run.health = HealthCheck { probe: health_check::Probe::Http(http), timing };
        config.policy = Policy { watch_paths: parsed("src\n!docs"), newer_push_cancels: true };
        config.public_url = Some(parsed("https://all.example.org"));
        config
    }

    #[test]
    fn values_are_taken_from_another_configuration_by_key_and_nothing_else_is() {
        let then = everything_set();
        let mut now = everything_set();
        now.run.resources.memory = None;
        now.run.env.push(EnvVar { name: parsed("NEW"), value: SecretId::new() });
        let both = then.with_values_of(&now);
        let values = |config: &AppConfig| (config.run.env[0].value, config.run.files[0].content, config.build.secrets[0].value);
        assert_eq!(values(&both), values(&now));
        assert_eq!(both.with_values_of(&then), then);
        now.run.env.clear();
        now.run.files.clear();
        now.build.secrets.clear();
        assert_eq!(then.with_values_of(&now), then, "what the other one has not stays");
    }

    #[test]
    fn a_confirmation_holds_for_what_is_mounted_wherever_it_was_given() {
        let volume = |source, path, confirmed| Volume { source: parsed(source), path: parsed(path), read_only: false, confirmed };
        let with = |volumes| RunConfig { volumes, ..RunConfig::default() };
        let then = with(vec![volume("/srv", "/a", false), volume("/etc", "/b", false), volume("/opt", "/c", true)]);
        let now = with(vec![volume("/srv", "/elsewhere", true), volume("/etc", "/b", false), volume("/opt", "/c", false)]);
        let confirmed: Vec<bool> = then.with_confirmations_of(&now).volumes.iter().map(|it| it.confirmed).collect();
        assert_eq!(confirmed, [true, false, true]);
        let only_read = |volume: Volume| Volume { read_only: true, ..volume };
        let holds = |then, now| with(vec![then]).with_confirmations_of(&with(vec![now])).volumes[0].confirmed;
        let (then, now) = (volume("/srv", "/a", false), volume("/srv", "/a", true));
        assert!(holds(only_read(then.clone()), now.clone()), "who may write may read");
        assert!(holds(only_read(then.clone()), only_read(now.clone())));
        assert!(!holds(then, only_read(now)), "who may read may not write");
    }

    #[test]
    fn a_kept_configuration_is_read_as_it_was_and_what_it_does_not_say_is_at_its_default() {
        let config = everything_set();
        let kept = serde_json::to_string(&config).expect("serialisable");
        assert_eq!(serde_json::from_str::<AppConfig>(&kept).expect("readable"), config);
        let least = r#"{"source":{"repo_url":"git@git.example.org:dev/all.git","branch":"dev"},"build":{"dockerfile_path":"docker/Dockerfile","context_path":"app"}}"#;
        let least: AppConfig = serde_json::from_str(least).expect("readable");
        assert_eq!(least.run, RunConfig::default());
    }
}
