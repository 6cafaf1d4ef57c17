//! What containers use.

use std::{pin::pin, time::Duration};

use bollard::{
    models::{ContainerMemoryStats, ContainerStatsResponse},
    query_parameters::StatsOptionsBuilder,
};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{Engine, Error};
use crate::domain::container::Usage;

/// How long the engine may take to measure a container: Docker 20.10 does so once a second.
const STATS_DEADLINE: Duration = Duration::from_secs(5);

impl Engine {
    /// What a container uses; none when it does not run or is gone.
    pub async fn usage(&self, id: &str) -> Result<Option<Usage>, Error> {
        let client = self.client()?;
        let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
        let mut stats = pin!(client.stats(id, Some(options)));
        match timeout(STATS_DEADLINE, stats.next()).await.map_err(|_| Error::TimedOut("stats"))? {
            Some(Ok(measured)) => Ok(usage(measured)),
            Some(Err(err)) => Err(Error::from(err)).or_else(|err| if err.is_not_found() { Ok(None) } else { Err(err) }),
            None => Ok(None),
        }
    }
}

fn usage(measured: ContainerStatsResponse) -> Option<Usage> {
    // Of a container that does not run the engine says zero, or nothing.
    let cpu = measured.cpu_stats?.cpu_usage?.total_usage.filter(|nanoseconds| *nanoseconds > 0)?;
    Some(Usage { cpu: Duration::from_nanos(cpu), memory_bytes: memory(&measured.memory_stats?)? })
}

/// As `docker stats` counts: without files that were read and not looked at since. The kernel's two kinds of control groups call those
/// differently.
fn memory(stats: &ContainerMemoryStats) -> Option<u64> {
    let usage = stats.usage?;
    let named = |name: &str| stats.stats.as_ref()?.get(name).copied();
    let inactive = named("total_inactive_file").or_else(|| named("inactive_file")).unwrap_or(0);
    Some(usage.checked_sub(inactive).unwrap_or(usage))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn seen(usage: u64, stats: &[(&str, u64)]) -> Option<u64> {
        let stats: HashMap<String, u64> = stats.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        memory(&ContainerMemoryStats { usage: Some(usage), stats: Some(stats), ..ContainerMemoryStats::default() })
    }

    #[test]
    fn inactive_files_do_not_count_as_memory() {
        assert_eq!(seen(1000, &[("total_inactive_file", 300), ("inactive_file", 7)]), Some(700), "cgroup v1");
        assert_eq!(seen(1000, &[("inactive_file", 400), ("anon", 1)]), Some(600), "cgroup v2");
        assert_eq!(seen(1000, &[("inactive_file", 2000)]), Some(1000), "measured at different moments");
        assert_eq!(seen(1000, &[]), Some(1000));
    }

    #[test]
    fn a_container_that_does_not_run_uses_nothing_that_could_be_told() {
        let stopped = r#"{"cpu_stats":{"cpu_usage":{"total_usage":0}},"memory_stats":{}}"#;
        assert_eq!(usage(serde_json::from_str(stopped).expect("valid")), None);
        assert_eq!(usage(ContainerStatsResponse::default()), None);
    }
}
