//! The health check that the engine makes.

use bollard::models::HealthConfig;

use crate::domain::app_config::health_check::{HealthCheck, Probe};

const NANOS: i64 = 1_000_000_000;
/// The engine takes no time at all for a wish to have the image's, and refuses what is shorter than this.
const SHORTEST_NANOS: i64 = 1_000_000;

/// What the engine is told of a health check; none: the image's own holds. An HTTP check is µPaaS's, not the engine's.
pub(super) fn check(check: &HealthCheck) -> Option<HealthConfig> {
    match &check.probe {
        Probe::Image => None,
        Probe::Off | Probe::Http(_) => Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        Probe::Command(command) => Some(HealthConfig {
            test: Some(vec!["CMD-SHELL".to_owned(), command.clone()]),
            interval: Some(nanos(check.timing.interval)),
            timeout: Some(nanos(check.timing.timeout)),
            retries: Some(check.timing.retries.into()),
            start_period: Some(nanos(check.timing.start_period).max(SHORTEST_NANOS)),
            start_interval: None,
        }),
    }
}

fn nanos(seconds: u32) -> i64 {
    i64::from(seconds) * NANOS
}
