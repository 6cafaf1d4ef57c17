//! What a container may use.

use bollard::models::HostConfig;

use crate::domain::app_config::resources::{Bytes, Resources};

/// The limits. Memory and swap together are as much as memory alone: so nothing is swapped.
pub(super) fn limits(resources: &Resources) -> HostConfig {
    let memory = resources.memory.map(bytes);
    HostConfig {
        nano_cpus: resources.cpus.map(|cpus| cpus.nano()),
        memory,
        memory_swap: memory,
        pids_limit: resources.pids.map(|pids| pids.get().into()),
        shm_size: resources.shm.map(bytes),
        ..HostConfig::default()
    }
}

fn bytes(amount: Bytes) -> i64 {
    i64::try_from(amount.get()).unwrap_or(i64::MAX)
}
