//! How it is known that an app works.

use std::time::Duration;

use crate::domain::Invalid;

/// How it is known that an app works.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct HealthCheck {
    /// What is asked.
    pub probe: Probe,
    /// How often, how long, how many times: of an HTTP check or a command. The image's own check has its own.
    pub timing: Timing,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self { probe: Probe::Image, timing: Timing::default() }
    }
}

/// What is asked to know whether an app works.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Probe {
    /// The image's own HEALTHCHECK, if it has one.
    Image,
    /// Nothing: the image's own is switched off, too.
    Off,
    /// A request that µPaaS makes to the container.
    Http(HttpProbe),
    /// A command that the engine runs in the container, by its shell.
    Command(String),
}

/// A request to the container.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HttpProbe {
    /// Path and query: `/healthz`.
    pub path: String,
    /// The port inside the container.
    pub port: u16,
    /// The status code that means health.
    pub status: u16,
}

/// When a check is made, and when it has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Timing {
    /// Seconds between two.
    pub interval: u32,
    /// Seconds that one may take.
    pub timeout: u32,
    /// So many in a row have to fail.
    pub retries: u32,
    /// Seconds after the start in which failures do not count.
    pub start_period: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self { interval: 10, timeout: 5, retries: 3, start_period: 30 }
    }
}

impl Timing {
    /// So long after its start a container is still waited for.
    pub fn patience(&self) -> Duration {
        let (period, rounds) = (u64::from(self.start_period), u64::from(self.retries));
        Duration::from_secs(period + rounds * (u64::from(self.interval) + u64::from(self.timeout)))
    }
}

/// Reads a number of seconds or times within its limits.
pub fn parse_count(text: &str, range: std::ops::RangeInclusive<u32>) -> Result<u32, Invalid> {
    match text.parse() {
        Ok(count) if range.contains(&count) && text.bytes().all(|b| b.is_ascii_digit()) => Ok(count),
        _ => Err(Invalid::because(format!("Write a number from {} to {}.", range.start(), range.end()))),
    }
}
