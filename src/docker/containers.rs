//! Containers: create, start, stop, remove, look at.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use bollard::{
    container::LogOutput,
    errors::Error as Bollard,
    models::{ContainerInspectResponse, EndpointSettings, HealthStatusEnum, HostConfig, NetworkSettings, PortBinding},
    query_parameters::{
        CreateContainerOptionsBuilder, ListContainersOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
        StartContainerOptions, StopContainerOptionsBuilder,
    },
};
use futures_util::{StreamExt, stream};
use tokio::time::timeout;

use super::{
    Engine, Error,
    spec::{self, ContainerSpec, LABEL_APP, LABEL_CONTAINER, LABEL_DEPLOYMENT, LABEL_FILES, LABEL_INSTANCE, LABEL_SLUG},
};
use crate::domain::{
    app_config::restart::RestartPolicy,
    container::{Bound, Created, Health, Joined, Listed, Observed, Unshown},
    drift::Shape,
    moment::Moment,
    port::Protocol,
};

/// How long the engine may take to answer a look at a container.
const LOOK_DEADLINE: Duration = Duration::from_secs(5);
/// So many are looked at at once.
const LOOKS_AT_ONCE: usize = 8;
/// How long it may take to create, start, change, list or remove containers.
const ACT_DEADLINE: Duration = Duration::from_secs(45);
/// What stopping may take beyond the container's own grace period.
const STOP_MARGIN: Duration = Duration::from_secs(20);
/// How long the last lines of a container's log may take.
const TAIL_DEADLINE: Duration = Duration::from_secs(5);

/// What a container says of itself.
#[derive(Debug)]
pub struct Said {
    /// Its image, by id.
    pub image: String,
    /// The name of its app.
    pub slug: Option<String>,
    /// The value of the variable that was asked for.
    pub variable: Option<String>,
}

impl Engine {
    /// Creates a container in its networks. A name that is taken is no obstacle: names are for people.
    pub async fn create_container(&self, wanted: &ContainerSpec) -> Result<Created, Error> {
        let created = self.create(wanted).await?;
        for network in wanted.run.networks.iter().skip(1) {
            if let Err(err) = self.connect(&created.id, network.name.as_str(), spec::endpoint(network)).await {
                if let Err(left) = self.remove_container(&created.id).await {
                    tracing::warn!(container = created.id, error = %left, "a container that could not join its networks could not be removed yet");
                }
                return Err(err);
            }
        }
        Ok(created)
    }

    async fn create(&self, wanted: &ContainerSpec) -> Result<Created, Error> {
        let client = self.client()?;
        let name = wanted.owner.container_name();
        let options = |name: &str| Some(CreateContainerOptionsBuilder::new().name(name).build());
        let create = async |name: &str| {
            let creating = client.create_container(options(name), spec::container(wanted));
            within(ACT_DEADLINE, "create", creating).await
        };
        let created = match create(&name).await {
            Err(Error::Refused { status: 409, .. }) => {
                let unique = uuid::Uuid::new_v4().simple().to_string();
                create(&format!("{name}-{}", &unique[..8])).await?
            }
            result => result?,
        };
        Ok(Created { id: created.id, warnings: created.warnings })
    }

    /// Starts a container.
    pub async fn start_container(&self, id: &str) -> Result<(), Error> {
        within(ACT_DEADLINE, "start", self.client()?.start_container(id, None::<StartContainerOptions>)).await
    }

    /// From now on the engine restarts it as the policy says.
    pub async fn keep_running(&self, id: &str, policy: RestartPolicy) -> Result<(), Error> {
        within(ACT_DEADLINE, "update", self.client()?.update_container(id, spec::kept_running(policy))).await
    }

    /// Stops a container, killing it after the grace period. One that is stopped or gone is fine.
    pub async fn stop_container(&self, id: &str, grace: Duration) -> Result<(), Error> {
        let deadline = grace + STOP_MARGIN;
        // Its own limit is for answers that begin sooner.
        let client = self.client()?.with_timeout(deadline * 2);
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let stopping = client.stop_container(id, Some(StopContainerOptionsBuilder::new().t(seconds).build()));
        gone_is_fine(within(deadline, "stop", stopping).await)
    }

    /// Removes a container, running or not, with its anonymous volumes. One that is gone is fine.
    pub async fn remove_container(&self, id: &str) -> Result<(), Error> {
        let client = self.client()?;
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match within(ACT_DEADLINE, "remove", client.remove_container(id, Some(options))).await {
            // 409: a removal is under way already.
            Err(Error::Refused { status: 409, .. }) => Ok(()),
            result => gone_is_fine(result),
        }
    }

    /// Looks at a container; none when it is gone or not ours.
    pub async fn look(&self, id: &str) -> Result<Option<Observed>, Error> {
        let client = self.client()?;
        match within(LOOK_DEADLINE, "inspect", client.inspect_container(id, None)).await {
            Ok(seen) => Ok(observed(seen, &self.instance.to_string())),
            Err(err) if err.is_not_found() => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// What a container says of itself: its image, its app's name, and the value of one of its variables; none when it is gone.
    pub async fn says_of_itself(&self, id: &str, variable: &str) -> Result<Option<Said>, Error> {
        let client = self.client()?;
        let seen = match within(LOOK_DEADLINE, "inspect", client.inspect_container(id, None)).await {
            Err(err) if err.is_not_found() => return Ok(None),
            seen => seen?,
        };
        let config = seen.config.unwrap_or_default();
        let of_variable = |it: String| it.strip_prefix(variable)?.strip_prefix('=').map(str::to_owned);
        Ok(Some(Said {
            image: seen.image.unwrap_or_default(),
            slug: config.labels.and_then(|mut labels| labels.remove(LABEL_SLUG)),
            variable: config.env.unwrap_or_default().into_iter().find_map(of_variable),
        }))
    }

    /// Every container that carries this installation's label, running or not.
    pub async fn ours(&self) -> Result<Listed, Error> {
        let client = self.client()?;
        let filters = HashMap::from([("label", vec![format!("{LABEL_INSTANCE}={}", self.instance)])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let summaries = within(ACT_DEADLINE, "list", client.list_containers(Some(options))).await?;
        let listed = summaries.into_iter().filter_map(|it| Some((it.id?, it.labels.unwrap_or_default())));
        let looks = listed.map(|(id, labels)| async move { (self.look(&id).await, id, labels) });
        let mut looks = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
        let mut ours = Listed::default();
        while let Some((looked, id, labels)) = looks.next().await {
            match looked {
                Ok(seen) => ours.shown.extend(seen),
                Err(err @ Error::Unreachable(_)) => return Err(err),
                // One sick container must not hide the others.
                Err(err) => {
                    tracing::warn!(container = id, error = %err, "the engine does not show this container");
                    // Without an app it would be nobody's, also if it were shown.
                    let app = labels.get(LABEL_APP).and_then(|app| app.parse().ok());
                    ours.unshown.extend(app.map(|app| Unshown { id, app }));
                }
            }
        }
        Ok(ours)
    }

    /// Of every container of this installation that has text files, the folder that they are in.
    pub async fn files_in_use(&self) -> Result<HashSet<String>, Error> {
        let filters = HashMap::from([("label", vec![format!("{LABEL_INSTANCE}={}", self.instance), LABEL_FILES.to_owned()])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let summaries = within(ACT_DEADLINE, "list", self.client()?.list_containers(Some(options))).await?;
        Ok(summaries.into_iter().filter_map(|it| it.labels?.remove(LABEL_FILES)).collect())
    }

    /// The last lines a container printed.
    pub async fn last_lines(&self, id: &str, count: usize) -> Result<Vec<Vec<u8>>, Error> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(&count.to_string()).build();
        let client = self.client()?;
        let reading = async {
            let mut bytes = Vec::new();
            let mut stream = client.logs(id, Some(options));
            while let Some(piece) = stream.next().await {
                match piece? {
                    LogOutput::StdOut { message } | LogOutput::StdErr { message } | LogOutput::Console { message } => {
                        bytes.extend_from_slice(&message)
                    }
                    LogOutput::StdIn { .. } => {}
                }
            }
            Ok::<_, Error>(bytes)
        };
        let bytes = timeout(TAIL_DEADLINE, reading).await.map_err(|_| Error::TimedOut("logs"))??;
        Ok(bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect())
    }
}

/// Waits for the engine's whole answer, not only its beginning.
pub(super) async fn within<T>(
    deadline: Duration,
    what: &'static str,
    answer: impl Future<Output = Result<T, Bollard>>,
) -> Result<T, Error> {
    Ok(timeout(deadline, answer).await.map_err(|_| Error::TimedOut(what))??)
}

fn gone_is_fine(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(err) if err.is_not_found() => Ok(()),
        result => result,
    }
}

/// `80/tcp` and its bindings, as the engine shows them.
fn bound(ports: HashMap<String, Option<Vec<PortBinding>>>) -> Vec<Bound> {
    let of_one = |(port, bindings): (String, Option<Vec<PortBinding>>)| {
        let (number, protocol) = port.split_once('/')?;
        let container_port = number.parse().ok()?;
        let protocol = Protocol::ALL.iter().copied().find(|it| it.as_str() == protocol)?;
        let one = move |binding: PortBinding| {
            // An empty address is none.
            let host_address = binding.host_ip.and_then(|ip| ip.parse().ok());
            Some(Bound { container_port, protocol, host_address, host_port: binding.host_port?.parse().ok()? })
        };
        Some(bindings?.into_iter().filter_map(one).collect::<Vec<_>>())
    };
    let mut bound: Vec<Bound> = ports.into_iter().filter_map(of_one).flatten().collect();
    bound.sort_unstable_by_key(|it| (it.container_port, it.protocol, it.host_address, it.host_port));
    bound
}

/// The networks in which it has an address.
fn joined(networks: HashMap<String, EndpointSettings>) -> Vec<Joined> {
    let one = |(network, at): (String, EndpointSettings)| {
        let address = at.ip_address.filter(|it| !it.is_empty()).or(at.global_ipv6_address)?;
        Some(Joined { network, address: address.parse().ok()? })
    };
    let mut joined: Vec<Joined> = networks.into_iter().filter_map(one).collect();
    joined.sort_unstable_by(|a, b| a.network.cmp(&b.network));
    joined
}

fn observed(seen: ContainerInspectResponse, instance: &str) -> Option<Observed> {
    let labels = seen.config.and_then(|config| config.labels)?;
    if labels.get(LABEL_INSTANCE).map(String::as_str) != Some(instance) {
        return None;
    }
    let state = seen.state.unwrap_or_default();
    let restarting = state.restarting.unwrap_or(false);
    let running = state.running.unwrap_or(false) && !restarting;
    let health = state.health.and_then(|health| health.status);
    let shape = shape(seen.name.as_deref().unwrap_or_default(), seen.host_config.unwrap_or_default(), seen.network_settings.as_ref());
    let network = seen.network_settings.unwrap_or_default();
    Some(Observed {
        id: seen.id?,
        app: labels.get(LABEL_APP)?.parse().ok()?,
        deployment: labels.get(LABEL_DEPLOYMENT)?.parse().ok()?,
        made_by_upaas: labels.get(LABEL_CONTAINER).map(String::as_str) == Some(spec::MADE_HERE),
        running,
        paused: state.paused.unwrap_or(false),
        restarting,
        restarts: seen.restart_count.unwrap_or(0),
        exit_code: state.exit_code.filter(|_| !running),
        out_of_memory: state.oom_killed.unwrap_or(false),
        health: match health {
            Some(HealthStatusEnum::HEALTHY) => Health::Healthy,
            Some(HealthStatusEnum::UNHEALTHY) => Health::Unhealthy,
            Some(HealthStatusEnum::STARTING) => Health::Starting,
            _ => Health::Unchecked,
        },
        created_at: seen.created.map(Moment::from),
        // The year 1 stands for never.
        started_at: state.started_at.as_deref().filter(|at| !at.starts_with("0001-")).and_then(Moment::parse_rfc3339),
        ports: network.ports.map(bound).unwrap_or_default(),
        networks: network.networks.map(joined).unwrap_or_default(),
        shape,
    })
}

/// What was asked for of it, or has been changed since.
fn shape(name: &str, host: HostConfig, network: Option<&NetworkSettings>) -> Shape {
    let networks = network.and_then(|it| it.networks.as_ref()).map(|it| it.keys().cloned().collect());
    Shape {
        name: name.trim_start_matches('/').to_owned(),
        nano_cpus: host.nano_cpus.unwrap_or(0),
        memory: host.memory.unwrap_or(0),
        // A limit that was taken away is 0 or -1.
        pids: host.pids_limit.map(|pids| pids.max(0)),
        restart: host.restart_policy.as_ref().map_or(Some(RestartPolicy::Never), spec::restart_policy),
        networks: networks.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
