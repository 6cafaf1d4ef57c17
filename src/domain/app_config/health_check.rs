//! How it is known that an app works.

use std::time::Duration;

use crate::domain::{Invalid, is_hidden};

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

/// A deployment waits no longer for a container to become healthy.
const PATIENCE_MAX: Duration = Duration::from_secs(60 * 60);

impl Timing {
    /// Whether a deployment could wait for it.
    pub fn check(self) -> Result<Self, Invalid> {
        if self.patience() > PATIENCE_MAX {
            let why = "Start period, and retries times interval and timeout: together a deployment would wait more than an hour.";
            return Err(Invalid::because(why));
        }
        Ok(self)
    }

    /// So long after its start a container is still waited for.
    pub fn patience(&self) -> Duration {
        let (period, rounds) = (u64::from(self.start_period), u64::from(self.retries));
        Duration::from_secs(period + rounds * (u64::from(self.interval) + u64::from(self.timeout)))
    }
}

/// Seconds between two checks, or that one may take, may be so many.
pub const SECONDS: std::ops::RangeInclusive<u32> = 1..=3600;
/// Checks in a row that have to fail may be so many.
pub const RETRIES: std::ops::RangeInclusive<u32> = 1..=100;
/// Seconds in which failures do not count may be so many.
pub const START_PERIOD: std::ops::RangeInclusive<u32> = 0..=3600;

const PATH_MAX: usize = 2048;
const COMMAND_MAX: usize = 4096;

/// Reads the path, with its query, of a request to the container.
pub fn parse_path(text: &str) -> Result<String, Invalid> {
    if !text.starts_with('/') {
        return Err(Invalid::because("A path begins with a slash: /healthz."));
    }
    if text.contains('#') {
        return Err(Invalid::because("Leave out the # and what follows: it is never sent to a server."));
    }
    let is_sendable = text.bytes().all(|b| b.is_ascii_graphic()) && text.parse::<http::uri::PathAndQuery>().is_ok();
    if text.len() > PATH_MAX || !is_sendable {
        return Err(Invalid::because(format!(
            "A path has at most {PATH_MAX} characters of ASCII without spaces; write others in percent form: %20."
        )));
    }
    Ok(text.to_owned())
}

/// Reads the status code that means health.
pub fn parse_status(text: &str) -> Result<u16, Invalid> {
    match text.parse() {
        Ok(status @ 100..=599) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(status),
        _ => Err(Invalid::because("A status code is a number from 100 to 599; 200 to 399 are usual.")),
    }
}

/// Reads a command for the container's shell.
pub fn parse_command(text: &str) -> Result<String, Invalid> {
    if text.is_empty() {
        return Err(Invalid::because("Write the command that is to succeed, such as: wget -qO- http://127.0.0.1:8080/healthz"));
    }
    if text.len() > COMMAND_MAX || text.contains(is_hidden) {
        return Err(Invalid::because(format!("A command is one line of at most {COMMAND_MAX} characters, all of which can be seen.")));
    }
    Ok(text.to_owned())
}

/// Reads a number of seconds or times within its limits.
pub fn parse_count(text: &str, range: std::ops::RangeInclusive<u32>) -> Result<u32, Invalid> {
    match text.parse() {
        Ok(count) if range.contains(&count) && text.bytes().all(|b| b.is_ascii_digit()) => Ok(count),
        _ => Err(Invalid::because(format!("Write a number from {} to {}.", range.start(), range.end()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_be_sent_as_it_is() {
        for good in ["/", "/healthz", "/a/b.c?x=1&y=%20", "//x", "/a;b=c/~d/!$'()*+,@", &format!("/{}", "a".repeat(PATH_MAX - 1))] {
            assert_eq!(parse_path(good).as_deref(), Ok(good));
        }
        let too_long = format!("/{}", "a".repeat(PATH_MAX));
        for bad in ["", "healthz", "http://x/", "/a b", "/a#b", "/a\r\nHost: x", "/\u{0}", "/ü", "/\u{202e}", "/\t", "\\", &too_long] {
            assert!(parse_path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_status_is_one_of_http() {
        assert_eq!((parse_status("100"), parse_status("204"), parse_status("599")), (Ok(100), Ok(204), Ok(599)));
        for bad in ["", "99", "600", "-200", "+200", "2xx", "200.0", "٢٠٠", "70000"] {
            assert!(parse_status(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_command_is_a_line_that_can_be_seen() {
        assert_eq!(parse_command("pg_isready || exit 1").as_deref(), Ok("pg_isready || exit 1"));
        for bad in ["", "a\nb", "a\u{0}", "a\u{202e}b", "a\u{ad}", "\u{1b}[31m", &"x".repeat(COMMAND_MAX + 1)] {
            assert!(parse_command(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn nobody_waits_longer_than_an_hour() {
        let timing = |start_period, retries| Timing { interval: 50, timeout: 10, retries, start_period };
        assert_eq!(timing(3000, 10).check(), Ok(timing(3000, 10)));
        assert!(timing(3001, 10).check().is_err() && timing(0, 61).check().is_err());
        assert_eq!(Timing::default().check(), Ok(Timing::default()));
    }

    #[test]
    fn counts_keep_within_their_limits() {
        assert_eq!((parse_count("1", SECONDS), parse_count("3600", SECONDS), parse_count("0", START_PERIOD)), (Ok(1), Ok(3600), Ok(0)));
        for bad in ["", "0", "3601", "-1", "+1", "1.5", "1s", "4294967296"] {
            assert_eq!(parse_count(bad, SECONDS).expect_err(bad).0, "Write a number from 1 to 3600.");
        }
    }
}
