//! When is a container that was started there to stay? Its image's own health check decides; without one it has to run for a while.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::platform::{Failure, FailureKind, Runtime};
use crate::{
    domain::{
        container::{Health, Observed},
        deployment::Cause,
    },
    logs::journal::Journal,
};

/// How long a health check may take to say yes.
const HEALTHY_DEADLINE: Duration = Duration::from_secs(180);
/// How often the engine is asked meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How much of what it printed goes into the journal when it did not stay.
const LAST_LINES: usize = 50;

/// Returns what is seen of the container once it is there to stay; one without a health check after `unchecked_time`.
pub(super) async fn settle(
    runtime: &dyn Runtime,
    container: &str,
    unchecked_time: Duration,
    journal: &Journal,
) -> Result<Observed, Failure> {
    let settled = watch(runtime, container, unchecked_time).await;
    if settled.is_err() {
        copy_last_lines(runtime, container, journal).await;
    }
    settled
}

async fn watch(runtime: &dyn Runtime, container: &str, unchecked_time: Duration) -> Result<Observed, Failure> {
    let began = Instant::now();
    loop {
        let seen = match runtime.look(container).await {
            Err(failure) if failure.kind == FailureKind::EngineSlow && began.elapsed() < HEALTHY_DEADLINE => continue,
            seen => seen?,
        };
        let seen = seen.ok_or_else(|| failed("The new container was removed by somebody else while it started."))?;
        if !seen.running || seen.restarts > 0 {
            return Err(did_not_stay(&seen));
        }
        match seen.health {
            Health::Healthy => return Ok(seen),
            Health::Unchecked if began.elapsed() >= unchecked_time => return Ok(seen),
            Health::Unhealthy => {
                return Err(failed("The container runs, but its health check fails.")
                    .hint("The journal has the container's last lines. Check what the image's HEALTHCHECK asks for."));
            }
            Health::Starting if began.elapsed() >= HEALTHY_DEADLINE => {
                return Err(failed(format!("The container's health check had not passed after {} s.", HEALTHY_DEADLINE.as_secs())));
            }
            Health::Unchecked | Health::Starting => sleep(LOOK_EVERY).await,
        }
    }
}

fn failed(sentence: impl Into<String>) -> Failure {
    Failure::new(Cause::User, sentence)
}

fn did_not_stay(seen: &Observed) -> Failure {
    let sentence = match seen.exit_code {
        _ if seen.out_of_memory => "The container was killed because it ran out of memory.".to_owned(),
        Some(0) => "The container ended by itself right after its start, with exit code 0.".to_owned(),
        Some(code) => format!("The container exited right after its start, with code {code}."),
        None => "The container exited right after its start.".to_owned(),
    };
    let hint = match seen.exit_code {
        Some(0) => "An app's main process must stay in the foreground. The journal has its last lines.",
        _ => "The journal has the container's last lines: mend what they say and deploy again.",
    };
    failed(sentence).hint(hint)
}

async fn copy_last_lines(runtime: &dyn Runtime, container: &str, journal: &Journal) {
    match runtime.last_lines(container, LAST_LINES).await {
        Ok(lines) if lines.is_empty() => journal.say("The container printed nothing."),
        Ok(lines) => {
            journal.say("The container's last lines:");
            for line in lines {
                journal.output(&line);
            }
        }
        Err(failure) => journal.say(&format!("The container's last lines could not be read: {}", failure.sentence)),
    }
}
