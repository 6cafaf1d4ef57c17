//! When is a container that was started there to stay? Its health check decides, if it has one; without one it has to run for a while.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::platform::{Failure, FailureKind, Runtime};
use crate::{
    domain::{
        answer::{Answer, Said},
        app_config::health_check::{HealthCheck, HttpProbe, Probe, Timing},
        container::{Health, Observed},
        deployment::Cause,
        moment::duration,
    },
    logs::journal::Journal,
};

/// How long the image's own health check may take to say yes.
const IMAGE_PATIENCE: Duration = Duration::from_secs(180);
/// What the engine may take to tell of the result of a check beyond the check's own time.
const SLACK: Duration = Duration::from_secs(30);
/// How often the engine is asked meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// An HTTP check is made again after this at first, and after twice as long each time, …
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// … at most after this.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// So long a container may be paused.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// The exit code of what SIGKILL has ended.
const KILLED: i64 = 137;
/// How much of what it printed goes into the journal when it did not stay.
const LAST_LINES: usize = 50;

const LISTENS: &str = "Does the app listen on this port, and on all addresses (0.0.0.0) instead of localhost only?";
const ANSWERS: &str = "Are the path and the expected status of the health check right? The journal has the container's last lines.";

/// How long settling may take with this check.
pub(super) fn patience(check: &HealthCheck) -> Duration {
    match check.probe {
        Probe::Image | Probe::Off => IMAGE_PATIENCE,
        Probe::Http(_) | Probe::Command(_) => check.timing.patience() + SLACK,
    }
}

/// Returns what is seen of the container once it is there to stay; one without a health check after `unchecked_time`.
pub(super) async fn settle(
    runtime: &dyn Runtime,
    container: &str,
    check: &HealthCheck,
    unchecked_time: Duration,
    journal: &Journal,
) -> Result<Observed, Failure> {
    let settling = Settling { runtime, container, began: Instant::now() };
    let settled = match &check.probe {
        Probe::Image | Probe::Off | Probe::Command(_) => settling.by_engine(check, unchecked_time).await,
        Probe::Http(probe) => settling.by_http(probe, check.timing, journal).await,
    };
    match &settled {
        Ok(_) if matches!(check.probe, Probe::Command(_)) => journal.say("The health check passes."),
        Ok(_) => {}
        Err(_) => copy_last_lines(runtime, container, journal).await,
    }
    settled
}

/// Returns what is seen of a container that was started again, when it still runs after this long. Its health check is not waited for.
pub(super) async fn stay(runtime: &dyn Runtime, container: &str, span: Duration) -> Result<Observed, Failure> {
    let staying = Settling { runtime, container, began: Instant::now() };
    loop {
        let seen = staying.look(SLACK).await?;
        if staying.began.elapsed() >= span {
            return Ok(seen);
        }
        sleep(LOOK_EVERY.min(span)).await;
    }
}

/// A container that was started.
struct Settling<'a> {
    runtime: &'a dyn Runtime,
    container: &'a str,
    began: Instant,
}

impl Settling<'_> {
    /// Waits for what the engine says of it.
    async fn by_engine(&self, check: &HealthCheck, unchecked_time: Duration) -> Result<Observed, Failure> {
        let patience = patience(check);
        loop {
            let seen = self.look(patience).await?;
            match seen.health {
                Health::Healthy => return Ok(seen),
                Health::Unchecked if self.began.elapsed() >= unchecked_time => return Ok(seen),
                Health::Unhealthy => return Err(unhealthy(&check.probe)),
                Health::Starting if self.began.elapsed() >= patience => {
                    return Err(failed(format!("The container's health check had not passed after {}.", in_words(patience))));
                }
                Health::Unchecked | Health::Starting => sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Asks it until it answers as it should. A failure after the start period counts, once an interval: as the engine counts those of
    /// its own checks, though it is asked more often.
    async fn by_http(&self, probe: &HttpProbe, timing: Timing, journal: &Journal) -> Result<Observed, Failure> {
        let (start_period, interval) = (seconds(timing.start_period), seconds(timing.interval));
        let mut pause = FIRST_PAUSE;
        let (mut failures, mut counted_at) = (0, None::<Instant>);
        loop {
            let seen = self.look(timing.patience() + SLACK).await?;
            let answer = self.runtime.probe(&seen, probe, seconds(timing.timeout)).await?;
            if answer.is_expected(probe) {
                journal.say(&format!("The health check passes: {}", answer.sentence(probe)));
                return Ok(Observed { health: Health::Healthy, ..seen });
            }
            if pause == FIRST_PAUSE {
                journal.say(&format!("Waiting for the health check: {}", answer.sentence(probe)));
            }
            if self.began.elapsed() >= start_period && counted_at.is_none_or(|at| at.elapsed() >= interval) {
                failures += 1;
                counted_at = Some(Instant::now());
            }
            if failures >= timing.retries {
                // It may have exited since it was looked at, which says more.
                self.look(SLACK).await?;
                return Err(unwell(&answer, probe));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The container, if it runs. One that is paused is waited for, for a moment: who makes a copy of it pauses it, too. An engine that is
    /// slow is asked again for this long.
    async fn look(&self, patience: Duration) -> Result<Observed, Failure> {
        let mut paused_since = None;
        loop {
            let seen = match self.runtime.look(self.container).await {
                Err(failure) if failure.kind == FailureKind::EngineSlow && self.began.elapsed() < patience => continue,
                seen => seen?,
            };
            let seen = seen.ok_or_else(|| failed("The container was removed by somebody else while it started."))?;
            if seen.paused {
                if paused_since.get_or_insert_with(Instant::now).elapsed() >= PAUSE_MAX {
                    return Err(failed("The container was paused by somebody else while it started.").hint("Try again, and let it run."));
                }
                sleep(LOOK_EVERY).await;
                continue;
            }
            return if seen.running && seen.restarts == 0 { Ok(seen) } else { Err(did_not_stay(&seen)) };
        }
    }
}

fn failed(sentence: impl Into<String>) -> Failure {
    Failure::new(Cause::User, sentence)
}

fn unhealthy(probe: &Probe) -> Failure {
    let hint = match probe {
        Probe::Command(_) => {
            "The journal has the container's last lines. Check what the health check's command asks for, and that the image has a shell."
        }
        Probe::Image | Probe::Off | Probe::Http(_) => {
            "The journal has the container's last lines. Check what the image's HEALTHCHECK asks for."
        }
    };
    failed("The container runs, but its health check fails.").hint(hint)
}

fn unwell(answer: &Answer, probe: &HttpProbe) -> Failure {
    let hint = match answer.said {
        Said::Refused | Said::Unreachable => LISTENS,
        Said::Status(_) | Said::TimedOut | Said::Closed | Said::NotHttp => ANSWERS,
    };
    failed(format!("The health check {}", answer.sentence(probe))).hint(hint)
}

fn did_not_stay(seen: &Observed) -> Failure {
    let sentence = match seen.exit_code {
        _ if seen.out_of_memory => "The container was killed because it ran out of memory.".to_owned(),
        Some(0) => "The container ended by itself right after its start, with exit code 0.".to_owned(),
        Some(code) => format!("The container exited right after its start, with code {code}."),
        None => "The container exited right after its start.".to_owned(),
    };
    let hint = match seen.exit_code {
        _ if seen.out_of_memory => "Give it more memory under Resources in its settings, or make it use less.",
        Some(0) => "An app's main process must stay in the foreground. The journal has its last lines.",
        Some(KILLED) => "Something has killed it: a person, or a machine without enough memory. The journal has its last lines.",
        _ => "The journal has the container's last lines: mend what they say and deploy again.",
    };
    failed(sentence).hint(hint)
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}

fn in_words(span: Duration) -> String {
    duration(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
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
