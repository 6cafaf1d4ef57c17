//! What the process says about itself: one line an event on stderr, as JSON or for people. A panic is such a line, too, and what is ours
//! and wrong is reported to Sentry when there is a DSN.
//!
//! The fields of a span, the `request_id` of a request above all, stand in every line that is written inside it. What came from outside
//! can neither end a line nor steer a terminal.

mod escape;
mod fields;
mod json;
mod panics;
mod reports;
mod scrub;
mod text;

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use self::{fields::KeepSpanFields, reports::Reports};
use crate::config::{BadValue, Config, LogFormat};

/// Keeps reports going. Dropped at the end of the process, it sends what waits, for 2 s at most.
#[must_use = "reports end when it is dropped"]
pub struct Guard(Option<Reports>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(reports) = self.0.take() {
            reports.flush();
        }
    }
}

/// Starts logging, for the whole process and once in its life. The value of `SENTRY_DSN` can turn out to be unusable.
pub fn start(config: &Config) -> Result<Guard, BadValue> {
    let reports = config.sentry_dsn.as_ref().map(Reports::start).transpose()?;
    let lines = match config.log_format {
        LogFormat::Text => text::layer(std::io::stderr, std::io::stderr().is_terminal()),
        LogFormat::Json => json::layer(std::io::stderr),
    };
    tracing_subscriber::registry().with(filter(config.debug)).with(KeepSpanFields).with(lines).with(reports.clone()).init();
    panics::log();
    Ok(Guard(reports))
}

/// A library that checks certificates would write a line for every report that cannot be sent.
fn filter(debug: bool) -> EnvFilter {
    EnvFilter::builder().parse_lossy(match debug {
        true => "info,upaas=debug,tower_sessions=warn",
        false => "info,tower_sessions=warn,rustls_platform_verifier=off",
    })
}
