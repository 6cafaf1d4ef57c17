//! How things stand at one moment. Whoever asks for the text brings this along; what is not known is left out of the text.

use std::{collections::BTreeMap, time::Duration};

use super::{
    families,
    registry::{Registry, label},
};
use crate::domain::{
    disk::{Part, Space},
    ids::AppId,
    slug::Slug,
};

/// How this program was built, as the pages' foot says it.
const BUILD: &str = if cfg!(debug_assertions) { "debug" } else { "release" };

/// How things stand.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// What the database says; none when it does not answer. Series of apps are shown only when it does.
    pub stored: Option<Stored>,
    /// Whether the engine answered last time.
    pub engine_up: bool,
    /// Whether everything that deployments need is there.
    pub ready: bool,
    /// The file system of the data directory.
    pub space: Option<Space>,
    /// What each part takes, in bytes, as far as it is measured.
    pub used: BTreeMap<Part, u64>,
    /// How many event streams are open.
    pub sse_clients: usize,
}

/// What the database says.
#[derive(Debug, Default)]
pub struct Stored {
    /// Every app.
    pub apps: Vec<AppNow>,
    /// How many deployments wait.
    pub queue_length: usize,
    /// How long the oldest of them has waited; zero when none waits.
    pub queue_oldest: Duration,
    /// How many audit entries are not copied to the files.
    pub audit_backlog: u64,
    /// How long the oldest of them has waited; zero when there is none.
    pub audit_oldest: Duration,
    /// How many messages wait to be sent.
    pub outbox_backlog: u64,
}

/// How an app stands.
#[derive(Debug)]
pub struct AppNow {
    /// The app.
    pub id: AppId,
    /// Its name.
    pub slug: Slug,
    /// How many of its deployments run.
    pub in_flight: usize,
    /// How long the one that runs has taken so far; zero when none runs.
    pub running: Duration,
    /// Whether its container does its work; none when it need not, or when that is not known.
    pub healthy: Option<bool>,
    /// Processor time that its container has used.
    pub cpu: Option<Duration>,
    /// Memory that its container uses.
    pub memory_bytes: Option<u64>,
}

impl Snapshot {
    /// As a recorder renders it: a fresh one, so that nothing of before is in it.
    pub(super) fn render(&self) -> String {
        let now = Registry::new();
        now.set(families::ENGINE_UP, vec![], one_or_zero(self.engine_up));
        now.set(families::READY, vec![], one_or_zero(self.ready));
        now.set(families::SSE_CLIENTS, vec![], self.sse_clients as f64);
        let build = vec![label("version", env!("CARGO_PKG_VERSION")), label("build", BUILD)];
        now.set(families::BUILD_INFO, build, 1.0);
        if let Some(space) = self.space {
            now.set(families::DISK_FREE, vec![], space.free as f64);
            now.set(families::DISK_TOTAL, vec![], space.total as f64);
        }
        for (part, bytes) in &self.used {
            now.set(families::DISK_USED, vec![label("part", part.as_str())], *bytes as f64);
        }
        if let Some(stored) = &self.stored {
            stored.set(&now);
        }
        set_process(&now);
        now.render()
    }
}

impl Stored {
    fn set(&self, now: &Registry) {
        now.set(families::QUEUE_LENGTH, vec![], self.queue_length as f64);
        now.set(families::QUEUE_OLDEST, vec![], self.queue_oldest.as_secs_f64());
        now.set(families::AUDIT_COPY_BACKLOG, vec![], self.audit_backlog as f64);
        now.set(families::AUDIT_COPY_OLDEST, vec![], self.audit_oldest.as_secs_f64());
        now.set(families::OUTBOX_BACKLOG, vec![], self.outbox_backlog as f64);
        for app in &self.apps {
            app.set(now);
        }
    }
}

impl AppNow {
    fn set(&self, now: &Registry) {
        let set = |name, value| now.set(name, vec![label("app", self.slug.to_string())], value);
        set(families::DEPLOYMENTS_IN_FLIGHT, self.in_flight as f64);
        set(families::DEPLOYMENTS_RUNNING, self.running.as_secs_f64());
        if let Some(healthy) = self.healthy {
            set(families::CONTAINER_HEALTHY, one_or_zero(healthy));
        }
        if let Some(cpu) = self.cpu {
            set(families::CONTAINER_CPU, cpu.as_secs_f64());
        }
        if let Some(bytes) = self.memory_bytes {
            set(families::CONTAINER_MEMORY, bytes as f64);
        }
    }
}

/// What the kernel says of this process.
fn set_process(now: &Registry) {
    let process = metrics_process::collector::collect();
    let values = [
        (families::PROCESS_CPU, process.cpu_seconds_total),
        (families::PROCESS_RESIDENT_MEMORY, process.resident_memory_bytes.map(|it| it as f64)),
        (families::PROCESS_VIRTUAL_MEMORY, process.virtual_memory_bytes.map(|it| it as f64)),
        (families::PROCESS_OPEN_FDS, process.open_fds.map(|it| it as f64)),
        (families::PROCESS_MAX_FDS, process.max_fds.map(|it| it as f64)),
        (families::PROCESS_THREADS, process.threads.map(|it| it as f64)),
        (families::PROCESS_START_TIME, process.start_time_seconds.map(|it| it as f64)),
    ];
    for (name, value) in values {
        if let Some(value) = value {
            now.set(name, vec![], value);
        }
    }
}

fn one_or_zero(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}
