//! Keeps asking the live containers whose app has an HTTP check, as the engine does with its own checks, and notes in the picture how
//! they are. Without such an app nothing is asked.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::sync::DropGuard;

use super::Shared;
use crate::{
    db::{self, patients::Patient},
    domain::{
        app_config::health_check::Timing,
        container::{Health, Observed},
        moment::Moment,
    },
};

/// So many containers are asked at once.
const ASKED_AT_ONCE: usize = 16;
/// Changes that follow each other this closely are looked at together.
const SETTLE: Duration = Duration::from_millis(500);
/// No container is asked more often.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// What could not be read is read again after this long, change or not.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Asks until µPaaS stops. Whom to ask is read anew whenever something may have changed.
pub(super) async fn keep(shared: Arc<Shared>) {
    let mut changes = shared.changes.listen();
    let mut round = Round::default();
    let stop = shared.stop.clone();
    let keeping = async {
        loop {
            changes.mark_unchanged();
            let read = db::patients::all(shared.db.read()).await;
            let retry = if read.is_ok() { Duration::MAX } else { RETRY_AFTER };
            match read {
                Ok(patients) => round.look_after(&shared, patients),
                Err(err) => tracing::error!(error = ?err, "which containers have an HTTP check cannot be read"),
            }
            let _ = timeout(retry, changes.changed()).await;
            sleep(SETTLE).await;
        }
    };
    let _: Option<()> = stop.run_until_cancelled(keeping).await;
}

/// Who is asked now.
struct Round {
    /// By container; each is asked until its guard is dropped.
    asked: HashMap<String, (Patient, DropGuard)>,
    turns: Arc<Semaphore>,
}

impl Default for Round {
    fn default() -> Self {
        Self { asked: HashMap::new(), turns: Arc::new(Semaphore::new(ASKED_AT_ONCE)) }
    }
}

impl Round {
    /// From now on these are asked, and no others.
    fn look_after(&mut self, shared: &Arc<Shared>, patients: Vec<Patient>) {
        self.asked.retain(|_, (patient, _)| patients.contains(patient));
        for patient in patients {
            let attended = || (patient.clone(), attend(shared, patient.clone(), &self.turns));
            self.asked.entry(patient.container.clone()).or_insert_with(attended);
        }
        shared.picture.forget_answers_but(|container| self.asked.contains_key(container));
    }
}

/// Asks one container, until the guard is dropped.
fn attend(shared: &Arc<Shared>, patient: Patient, turns: &Arc<Semaphore>) -> DropGuard {
    let stop = shared.stop.child_token();
    let (task_shared, turns, until) = (shared.clone(), turns.clone(), stop.clone());
    shared.tasks.spawn(async move { until.run_until_cancelled(ask(&task_shared, &patient, &turns)).await });
    stop.drop_guard()
}

async fn ask(shared: &Shared, patient: &Patient, turns: &Semaphore) {
    let interval = Duration::from_secs(patient.timing.interval.into()).max(SHORTEST_INTERVAL);
    let mut failures = Failures::default();
    loop {
        // What does not run, is frozen or not seen has its own word on the pages.
        let seen = shown(shared, patient, |seen| seen.running && !seen.paused).await;
        let turn = turns.acquire().await;
        ask_once(shared, patient, &seen, &mut failures).await;
        drop(turn);
        // After another start it is not known any more how it is.
        let _ = timeout(interval, shown(shared, patient, |it| it.running && it.started_at != seen.started_at)).await;
    }
}

/// The container, once the picture shows it so.
async fn shown(shared: &Shared, patient: &Patient, so: impl Fn(&Observed) -> bool) -> Observed {
    let mut changes = shared.changes.listen();
    loop {
        changes.mark_unchanged();
        if let Some(seen) = shared.picture.get(&patient.container).filter(&so) {
            return seen;
        }
        changes.changed().await.expect("the sender lives in `shared`");
    }
}

async fn ask_once(shared: &Shared, patient: &Patient, seen: &Observed, failures: &mut Failures) {
    let deadline = Duration::from_secs(patient.timing.timeout.into());
    let answer = match shared.platform.runtime.probe(seen, &patient.probe, deadline).await {
        Ok(answer) => answer,
        Err(failure) => {
            tracing::debug!(app = %patient.app, reason = %failure.sentence, error = failure.chain(), "a container could not be asked");
            return;
        }
    };
    let before = failures.health;
    failures.note(answer.is_expected(&patient.probe), seen, &patient.timing);
    if failures.health == Health::Unhealthy && before != Health::Unhealthy {
        tracing::warn!(app = %patient.app, reason = answer.sentence(&patient.probe), "an app's health check fails");
    } else if failures.health == Health::Healthy && before == Health::Unhealthy {
        tracing::info!(app = %patient.app, "an app's health check passes again");
    }
    shared.picture.note_health(seen, failures.health);
}

/// How a container has answered since its start.
struct Failures {
    in_a_row: u32,
    health: Health,
    /// The start that this is about.
    started: Option<Moment>,
}

impl Default for Failures {
    fn default() -> Self {
        Self { in_a_row: 0, health: Health::Starting, started: None }
    }
}

impl Failures {
    /// As the engine judges: one success is health, and some failures in a row after the start period are not.
    fn note(&mut self, expected: bool, seen: &Observed, timing: &Timing) {
        let age = Duration::from_millis(seen.started_at.map_or(u64::MAX, |at| Moment::now().since(at)));
        if self.started != seen.started_at {
            // It may have proved itself when it was deployed. One that runs longer than a verdict takes is not starting: it was judged
            // before µPaaS was started.
            let health = match seen.health {
                Health::Unchecked if age < timing.patience() => Health::Starting,
                known => known,
            };
            *self = Self { in_a_row: 0, health, started: seen.started_at };
        }
        if expected {
            (self.in_a_row, self.health) = (0, Health::Healthy);
            return;
        }
        if self.health == Health::Starting && age < Duration::from_secs(timing.start_period.into()) {
            return;
        }
        self.in_a_row += 1;
        if self.in_a_row >= timing.retries {
            self.health = Health::Unhealthy;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A container that has run for so many seconds.
    fn seen(age: u64, health: Health) -> Observed {
        let started_at = Moment::from_unix_ms(Moment::now().unix_ms() - i64::try_from(age).expect("small") * 1000);
        Observed { health, started_at: Some(started_at), ..Observed::bare("c1") }
    }

    /// What is said after these answers.
    fn after(seen: &Observed, answers: &[bool]) -> Health {
        let timing = Timing { interval: 1, timeout: 1, retries: 2, start_period: 60 };
        let mut failures = Failures::default();
        answers.iter().for_each(|expected| failures.note(*expected, seen, &timing));
        failures.health
    }

    #[test]
    fn some_failures_in_a_row_are_ill_health_and_one_success_is_health() {
        let old = seen(62, Health::Unchecked);
        assert_eq!(after(&old, &[false]), Health::Starting);
        assert_eq!(after(&old, &[true, false]), Health::Healthy);
        assert_eq!(after(&old, &[true, false, true, false]), Health::Healthy);
        assert_eq!(after(&old, &[true, false, false]), Health::Unhealthy);
        assert_eq!(after(&old, &[false, false, true]), Health::Healthy);
    }

    #[test]
    fn one_that_runs_for_long_is_not_starting_because_upaas_is() {
        let old = seen(3600, Health::Unchecked);
        assert_eq!(after(&old, &[false]), Health::Unchecked, "nothing is known of it yet");
        assert_eq!(after(&old, &[false, false]), Health::Unhealthy);
        assert_eq!(after(&old, &[false, true]), Health::Healthy);
    }

    #[test]
    fn the_start_period_ends_with_the_first_success() {
        let young = |health| seen(1, health);
        assert_eq!(after(&young(Health::Unchecked), &[false, false, false]), Health::Starting);
        assert_eq!(after(&young(Health::Unchecked), &[true, false, false]), Health::Unhealthy);
        assert_eq!(after(&young(Health::Healthy), &[false]), Health::Healthy, "it has proved itself when it was deployed");
    }
}
