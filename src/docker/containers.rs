//! Containers: create, start, stop, remove, look at.

use std::{collections::HashMap, time::Duration};

use bollard::{
    container::LogOutput,
    models::{ContainerInspectResponse, HealthStatusEnum},
    query_parameters::{
        CreateContainerOptionsBuilder, ListContainersOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
        StartContainerOptions, StopContainerOptionsBuilder,
    },
};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{
    Engine, Error,
    spec::{self, ContainerSpec, LABEL_APP, LABEL_DEPLOYMENT, LABEL_INSTANCE},
};
use crate::domain::{
    container::{Health, Observed},
    moment::Moment,
};

/// How long the engine may take to answer a look at a container.
const LOOK_DEADLINE: Duration = Duration::from_secs(5);
/// What stopping may take beyond the container's own grace period.
const STOP_MARGIN: Duration = Duration::from_secs(20);
/// How long the last lines of a container's log may take.
const TAIL_DEADLINE: Duration = Duration::from_secs(5);

impl Engine {
    /// Creates a container. A name that is taken is no obstacle: names are for people.
    pub async fn create_container(&self, wanted: &ContainerSpec) -> Result<String, Error> {
        let client = self.client()?;
        let name = wanted.owner.container_name();
        let options = |name: &str| Some(CreateContainerOptionsBuilder::new().name(name).build());
        let created = match client.create_container(options(&name), spec::container(wanted)).await.map_err(Error::from) {
            Err(Error::Refused { status: 409, .. }) => {
                let unique = uuid::Uuid::new_v4().simple().to_string();
                client.create_container(options(&format!("{name}-{}", &unique[..8])), spec::container(wanted)).await?
            }
            result => result?,
        };
        Ok(created.id)
    }

    /// Starts a container.
    pub async fn start_container(&self, id: &str) -> Result<(), Error> {
        Ok(self.client()?.start_container(id, None::<StartContainerOptions>).await?)
    }

    /// From now on the engine keeps it running, through its own restarts too.
    pub async fn keep_running(&self, id: &str) -> Result<(), Error> {
        Ok(self.client()?.update_container(id, spec::kept_running()).await?)
    }

    /// Stops a container, killing it after the grace period. One that is stopped or gone is fine.
    pub async fn stop_container(&self, id: &str, grace: Duration) -> Result<(), Error> {
        let client = self.client()?.with_timeout(grace + STOP_MARGIN);
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let stopping = client.stop_container(id, Some(StopContainerOptionsBuilder::new().t(seconds).build()));
        gone_is_fine(timeout(grace + STOP_MARGIN, stopping).await.map_err(|_| Error::TimedOut("stop"))?.map_err(Error::from))
    }

    /// Removes a container, running or not, with its anonymous volumes. One that is gone is fine.
    pub async fn remove_container(&self, id: &str) -> Result<(), Error> {
        let client = self.client()?;
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match client.remove_container(id, Some(options)).await.map_err(Error::from) {
            // 409: a removal is under way already.
            Err(Error::Refused { status: 409, .. }) => Ok(()),
            result => gone_is_fine(result),
        }
    }

    /// Looks at a container; none when it is gone or not ours.
    pub async fn look(&self, id: &str) -> Result<Option<Observed>, Error> {
        let client = self.client()?;
        match timeout(LOOK_DEADLINE, client.inspect_container(id, None)).await.map_err(|_| Error::TimedOut("inspect"))?.map_err(Error::from)
        {
            Ok(seen) => Ok(observed(seen, &self.instance.to_string())),
            Err(err) if err.is_not_found() => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// Every container that carries this installation's label, running or not.
    pub async fn ours(&self) -> Result<Vec<Observed>, Error> {
        let client = self.client()?;
        let filters = HashMap::from([("label", vec![format!("{LABEL_INSTANCE}={}", self.instance)])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let mut ours = Vec::new();
        for summary in client.list_containers(Some(options)).await? {
            if let Some(id) = summary.id
                && let Some(seen) = self.look(&id).await?
            {
                ours.push(seen);
            }
        }
        Ok(ours)
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

fn gone_is_fine(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(err) if err.is_not_found() => Ok(()),
        result => result,
    }
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
    Some(Observed {
        id: seen.id?,
        app: labels.get(LABEL_APP)?.parse().ok()?,
        deployment: labels.get(LABEL_DEPLOYMENT)?.parse().ok()?,
        running,
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
        // The year 1 stands for never.
        started_at: state.started_at.as_deref().filter(|at| !at.starts_with("0001-")).and_then(Moment::parse_rfc3339),
        host_port: seen
            .network_settings
            .and_then(|settings| settings.ports)
            .and_then(|ports| ports.into_values().flatten().flatten().find_map(|binding| binding.host_port?.parse().ok())),
    })
}
