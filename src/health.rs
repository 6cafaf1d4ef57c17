//! How µPaaS is: what each of its parts says when it is asked now.
//!
//! A part is asked by a [`Check`], which the wiring brings. Each has [`DEADLINE`] to answer, all are asked at once, and however many ask
//! at the same time, a part is asked once: a flood of probes is no flood of connections.

mod component;
mod integrity;
mod probe;

pub use component::{Component, Facts, Name, Report, Status};
pub use integrity::{IntegrityWatch, Pace, Seen};
pub use probe::{Check, DEADLINE, Lane, check_by};

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::time::Instant;

use crate::domain::disk::Space;
use probe::Probe;

/// The path that answers 200 while the process serves.
pub const LIVE_PATH: &str = "/health/live";
/// How long `upaas healthcheck` waits for an answer.
const LIVE_DEADLINE: Duration = Duration::from_secs(3);

/// Asks the µPaaS that listens on this address of this machine whether it is there, the way a probe does: a container image needs no curl.
pub async fn check(listen: SocketAddr) -> anyhow::Result<()> {
    let mut address = listen;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    let uri: http::Uri = format!("http://{address}{LIVE_PATH}").parse()?;
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let response = tokio::time::timeout(LIVE_DEADLINE, client.get(uri)).await.context("no answer in time")?.context("no answer")?;
    ensure!(response.status().is_success(), "answered {}", response.status());
    Ok(())
}

/// How each component is asked.
pub struct Checks {
    /// The database answers, to readers and to the writer, and is sound as far as it was checked.
    pub database: Check,
    /// The data directory can be written to.
    pub data_directory: Check,
    /// The engine answers.
    pub docker: Check,
    /// There is space left where the data directory is.
    pub disk: Check,
    /// What is queued moves on.
    pub queue: Check,
    /// git can be run.
    pub git: Check,
    /// The audit log's entries reach the files.
    pub audit: Check,
    /// Notifications can be sent.
    pub notifications: Check,
    /// The forge's API answers.
    pub forge: Check,
}

/// Everything that can be asked about this µPaaS's health. Cheap to clone.
#[derive(Clone)]
pub struct Health(Arc<Parts>);

struct Parts {
    started: Instant,
    probes: Vec<(Name, Probe)>,
    integrity: IntegrityWatch,
}

impl Health {
    /// From now on up.
    pub fn new(checks: Checks, integrity: IntegrityWatch) -> Self {
        let probes = [
            (Name::Database, checks.database),
            (Name::DataDirectory, checks.data_directory),
            (Name::Docker, checks.docker),
            (Name::Disk, checks.disk),
            (Name::Queue, checks.queue),
            (Name::Git, checks.git),
            (Name::Audit, checks.audit),
            (Name::Notifications, checks.notifications),
            (Name::Forge, checks.forge),
        ];
        let probes = probes.into_iter().map(|(name, check)| (name, Probe::new(check))).collect();
        Self(Arc::new(Parts { started: Instant::now(), probes, integrity }))
    }

    /// What keeps µPaaS from doing its work right now, each with its sentence; nothing when it is ready.
    pub async fn failing(&self) -> Vec<(Name, String)> {
        let asked = self.ask(Name::is_needed).await;
        asked.into_iter().filter_map(|(name, component)| Some((name, component.problem?))).collect()
    }

    /// Whether it can do its work right now.
    pub async fn ready(&self) -> bool {
        self.failing().await.is_empty()
    }

    /// The file system of the data directory, when it says how it is.
    pub async fn space(&self) -> Option<Space> {
        self.ask(|name| name == Name::Disk).await.iter().find_map(|(_, component)| component.facts.space())
    }

    /// What every component says right now.
    pub async fn report(&self) -> Report {
        let components = self.ask(|_| true).await;
        Report::new(self.0.started.elapsed(), components)
    }

    /// The checks of the database's integrity.
    pub fn integrity(&self) -> &IntegrityWatch {
        &self.0.integrity
    }

    async fn ask(&self, whom: impl Fn(Name) -> bool) -> Vec<(Name, Component)> {
        let asked = self.0.probes.iter().filter(|(name, _)| whom(*name));
        join_all(asked.map(|(name, probe)| async move { (*name, probe.ask().await) })).await
    }
}
