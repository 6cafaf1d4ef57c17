//! What is sent to the engine, as pure functions: names, labels and the whole body of a container.

mod health;
mod mounts;
mod networks;
mod ports;
mod resources;

pub use mounts::{MountSource, MountSpec};
pub(super) use networks::endpoint;

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, ContainerUpdateBody, HostConfig, HostConfigLogConfig, RestartPolicy as EnginePolicy, RestartPolicyNameEnum,
};

use crate::domain::{
    app_config::{RunConfig, process::CommandLine, restart::RestartPolicy},
    container,
    ids::{AppId, InstanceId},
    secret::Secret,
    slug::Slug,
};

pub use crate::domain::app_config::label::{
    APP as LABEL_APP, CONTAINER as LABEL_CONTAINER, DEPLOYMENT as LABEL_DEPLOYMENT, FILES as LABEL_FILES, INSTANCE as LABEL_INSTANCE,
    MADE_HERE, SLUG as LABEL_SLUG,
};

/// The engine's own rotation loses lines under a fast writer, so it gets room.
const LOG_MAX_SIZE: &str = "50m";
const LOG_MAX_FILES: &str = "3";

/// What a thing made by us is labelled with. Things are found by these, never by name.
#[derive(Debug, Clone)]
pub struct Owner {
    /// This installation.
    pub instance: InstanceId,
    /// The app.
    pub app: AppId,
    /// The app's name, for people.
    pub slug: Slug,
    /// The deployment's number.
    pub deployment: i64,
}

impl Owner {
    /// The labels.
    pub fn labels(&self) -> HashMap<String, String> {
        HashMap::from([
            (LABEL_INSTANCE.to_owned(), self.instance.to_string()),
            (LABEL_APP.to_owned(), self.app.to_string()),
            (LABEL_SLUG.to_owned(), self.slug.to_string()),
            (LABEL_DEPLOYMENT.to_owned(), self.deployment.to_string()),
        ])
    }

    /// The labels of what outlives deployments, such as a volume.
    pub fn lasting_labels(&self) -> HashMap<String, String> {
        let mut labels = self.labels();
        labels.remove(LABEL_DEPLOYMENT);
        labels
    }

    /// `upaas-shop-api-12`.
    pub fn container_name(&self) -> String {
        container::name(&self.slug, self.deployment)
    }

    /// `upaas/shop-api:12`.
    pub fn image_name(&self) -> String {
        format!("{}:{}", repository(&self.slug), self.deployment)
    }

    /// The names that an image of ours may have: the second one when another installation on the engine has taken the first.
    pub fn image_names(&self) -> [String; 2] {
        let (name, instance) = (self.image_name(), self.instance.to_string());
        let unique = format!("{name}-{}", &instance[..8]);
        [name, unique]
    }
}

/// `upaas/shop-api`. A part of an image's name must not end with a hyphen; a slug may.
fn repository(slug: &Slug) -> String {
    format!("upaas/{slug}{}", if slug.as_str().ends_with('-') { "x" } else { "" })
}

/// What runs in a container.
#[derive(Debug, Clone)]
pub struct ContainerSpec {
    /// Whose it is.
    pub owner: Owner,
    /// The image, by id.
    pub image: String,
    /// Environment variables, in order, opened.
    pub env: Vec<(String, Secret)>,
    /// What is mounted: the volumes and the text files of `run`, as the engine's host knows them.
    pub mounts: Vec<MountSpec>,
    /// The folder that has its text files, if it has any.
    pub files: Option<String>,
    /// Everything else.
    pub run: RunConfig,
}

/// The whole body of a create request. Nothing restarts it until it has proved itself ([`kept_running`]): a container that dies at
/// once has to be found dead, with its exit code.
pub fn container(spec: &ContainerSpec) -> ContainerCreateBody {
    let (run, process) = (&spec.run, &spec.run.process);
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        env: Some(spec.env.iter().map(|(name, value)| format!("{name}={}", value.reveal())).collect()),
        labels: Some(labels(spec)),
        exposed_ports: Some(run.ports.iter().map(ports::inside).collect()),
        entrypoint: process.entrypoint.as_ref().map(words),
        cmd: process.command.as_ref().map(words),
        user: process.user.as_ref().map(ToString::to_string),
        stop_signal: process.stop_signal.map(|signal| signal.to_string()),
        stop_timeout: Some(process.stop_grace.seconds().into()),
        healthcheck: health::check(&run.health),
        networking_config: networks::at_create(&run.networks),
        host_config: Some(host_config(spec)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(spec: &ContainerSpec) -> HostConfig {
    let (run, process) = (&spec.run, &spec.run.process);
    HostConfig {
        port_bindings: Some(ports::bindings(&run.ports)),
        mounts: some(spec.mounts.iter().map(|mount| mounts::mount(mount, &spec.owner)).collect()),
        network_mode: run.networks.first().map(|network| network.name.to_string()),
        init: process.init.then_some(true),
        extra_hosts: some(process.extra_hosts.iter().map(ToString::to_string).collect()),
        readonly_rootfs: process.read_only_root.then_some(true),
        cap_drop: some(process.dropped.iter().map(|capability| capability.as_str().to_owned()).collect()),
        restart_policy: Some(EnginePolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), LOG_MAX_SIZE.to_owned()),
                ("max-file".to_owned(), LOG_MAX_FILES.to_owned()),
            ])),
        }),
        ..resources::limits(&run.resources)
    }
}

/// The operator's labels, and over them µPaaS's own: by those it finds what it has made.
fn labels(spec: &ContainerSpec) -> HashMap<String, String> {
    let mut labels: HashMap<String, String> = spec.run.labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect();
    labels.extend(spec.owner.labels());
    labels.insert(LABEL_CONTAINER.to_owned(), MADE_HERE.to_owned());
    labels.remove(LABEL_FILES);
    labels.extend(spec.files.clone().map(|folder| (LABEL_FILES.to_owned(), folder)));
    labels
}

fn words(command: &CommandLine) -> Vec<String> {
    command.words().to_vec()
}

/// What is not asked for is not sent: then the engine's default holds.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// When a container with this policy is restarted; none when that is nothing that is asked for here.
pub fn restart_policy(policy: &EnginePolicy) -> Option<RestartPolicy> {
    match (policy.name, policy.maximum_retry_count.unwrap_or(0)) {
        (Some(RestartPolicyNameEnum::UNLESS_STOPPED), _) => Some(RestartPolicy::Always),
        (Some(RestartPolicyNameEnum::ON_FAILURE), 0) => Some(RestartPolicy::OnFailure),
        (Some(RestartPolicyNameEnum::NO | RestartPolicyNameEnum::EMPTY) | None, _) => Some(RestartPolicy::Never),
        _ => None,
    }
}

/// The body of the update that makes a container one that the engine restarts.
pub fn kept_running(policy: RestartPolicy) -> ContainerUpdateBody {
    let name = match policy {
        RestartPolicy::Always => RestartPolicyNameEnum::UNLESS_STOPPED,
        RestartPolicy::OnFailure => RestartPolicyNameEnum::ON_FAILURE,
        RestartPolicy::Never => RestartPolicyNameEnum::NO,
    };
    ContainerUpdateBody {
        restart_policy: Some(EnginePolicy { name: Some(name), maximum_retry_count: None }),
        ..ContainerUpdateBody::default()
    }
}

#[cfg(test)]
mod tests;
