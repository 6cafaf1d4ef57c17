//! What the next look at the engine has to put in order, and what was done on purpose. Raised by whoever notices, dealt with in one
//! place ([`super::engine`]).

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::Ordering,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Shared,
    platform::{Failure, FailureKind},
};
use crate::domain::{app_config::process::StopGrace, container::Unshown};

/// A stop that was cut off goes on in the engine: so much longer than its grace it may take effect.
const LATE_STOP_MARGIN: Duration = Duration::from_secs(10);

/// What is known to be out of order.
#[derive(Debug)]
pub(super) struct Disorder {
    /// A deployment was interrupted: workers wait until it is dealt with.
    pub(super) interrupted: bool,
    /// Something was left behind that could not be tidied at once.
    pub(super) untidy: bool,
    /// The engine or µPaaS was away: what should run may have been stopped by that.
    pub(super) absence: Option<Absence>,
    /// Containers that should run and that we stopped or could not start; until when the debt stands although they run, because a stop
    /// of ours may still take effect.
    owed: HashMap<String, Instant>,
    /// Containers that we have stopped, until they are started again: such a stop is nobody's wish.
    stopped_by_us: HashSet<String>,
}

/// An absence of the engine or of µPaaS.
#[derive(Debug, Clone, Default)]
pub(super) struct Absence {
    /// Containers that had exited before, which the absence is not to blame for.
    exited_before: HashSet<String>,
    /// After it: the containers that the engine has not shown since. All others have been dealt with.
    unseen: Option<HashSet<String>>,
}

impl Absence {
    /// Whether it may be to blame that a container has exited.
    pub(super) fn concerns(&self, container: &str) -> bool {
        !self.exited_before.contains(container) && self.unseen.as_ref().is_none_or(|unseen| unseen.contains(container))
    }

    /// Whether it may be to blame for what has become of one of these, which the engine does not show.
    pub(super) fn concerns_any(&self, unshown: &[Unshown]) -> bool {
        unshown.iter().any(|it| self.concerns(&it.id))
    }

    /// What is left of it once all containers but these have been dealt with.
    fn left_for(self, unshown: &HashSet<String>) -> Option<Self> {
        let unseen: HashSet<String> = unshown.iter().filter(|it| self.concerns(it)).cloned().collect();
        (!unseen.is_empty()).then_some(Self { unseen: Some(unseen), ..self })
    }
}

impl Default for Disorder {
    /// As at the start of the process: µPaaS was away.
    fn default() -> Self {
        let absence = Some(Absence::default());
        Self { interrupted: true, untidy: false, absence, owed: HashMap::new(), stopped_by_us: HashSet::new() }
    }
}

impl Disorder {
    pub(super) fn is_any(&self) -> bool {
        self.interrupted || self.untidy || !self.owed.is_empty()
    }
}

impl Shared {
    /// Held for what is done with it.
    pub(super) fn note<T>(&self, note: impl FnOnce(&mut Disorder) -> T) -> T {
        note(&mut self.disorder.lock().expect("no panic while held"))
    }

    /// The engine does not answer: workers pause. One that is lost, not just slow, may end builds and containers as if they had failed
    /// by themselves, so such ends are not believed.
    pub(super) fn engine_is_away(&self, kind: FailureKind) {
        if kind == FailureKind::EngineLost {
            self.absences.fetch_add(1, Ordering::Relaxed);
        }
        // What stopped just before may have been stopped by an engine that goes.
        let exited_before = self.picture.still_for(self.limits.stop_confirmed);
        self.note(|disorder| {
            if disorder.absence.as_ref().is_none_or(|it| it.unseen.is_some()) {
                disorder.absence = Some(Absence { exited_before, unseen: None });
            }
            disorder.interrupted = true;
        });
        self.ready.send_replace(false);
    }

    /// The absence is dealt with, but for containers that the engine does not show.
    pub(super) fn absence_is_over(&self, unshown: &HashSet<String>) {
        self.note(|disorder| disorder.absence = disorder.absence.take().and_then(|it| it.left_for(unshown)));
    }

    /// How often the engine was lost so far.
    pub(super) fn absences(&self) -> u64 {
        self.absences.load(Ordering::Relaxed)
    }

    /// A deployment was interrupted, or the database failed under it: workers pause until order is restored.
    pub(super) fn pause_until_in_order(&self) {
        self.note(|disorder| disorder.interrupted = true);
        self.ready.send_replace(false);
        self.look_at_engine.notify_one();
    }

    /// Something was left behind; it is tidied at the next look.
    pub(super) fn tidy_later(&self) {
        self.note(|disorder| disorder.untidy = true);
    }

    /// A container that should run does not, or will not: it is started until it does.
    pub(super) fn owe_start(&self, container: &str) {
        self.owe_start_after_stop(container, StopGrace::default().into());
    }

    /// As [`Shared::owe_start`], of a container that may still be being stopped, with this grace period.
    pub(super) fn owe_start_after_stop(&self, container: &str, grace: Duration) {
        let until = Instant::now() + grace + LATE_STOP_MARGIN;
        self.note(|disorder| {
            disorder.owed.insert(container.to_owned(), until);
        });
    }

    pub(super) fn is_owed(&self, container: &str) -> bool {
        self.note(|disorder| disorder.owed.contains_key(container))
    }

    pub(super) fn start_is_paid(&self, container: &str) {
        self.note(|disorder| {
            disorder.owed.remove(container);
        });
    }

    /// Keeps the debts that still make sense: `should_run` says so of a container, `stands` that it does not run yet.
    pub(super) fn forget_debts_but(&self, should_run: impl Fn(&str) -> bool, stands: impl Fn(&str) -> bool) {
        let now = Instant::now();
        self.note(|disorder| disorder.owed.retain(|id, until| should_run(id) && (stands(id) || now < *until)));
    }

    /// Stops a container on behalf of µPaaS itself.
    pub(super) async fn stop_container(&self, container: &str, grace: Duration) -> Result<(), Failure> {
        self.expect_stop(container);
        self.platform.runtime.stop(container, grace).await
    }

    /// The container is stopped by us, now or by something that goes on in the engine.
    pub(super) fn expect_stop(&self, container: &str) {
        self.note(|disorder| {
            disorder.stopped_by_us.insert(container.to_owned());
        });
    }

    pub(super) fn is_stopped_by_us(&self, container: &str) -> bool {
        self.note(|disorder| disorder.stopped_by_us.contains(container))
    }

    /// It was started again, or is gone: a stop from now on is somebody's.
    pub(super) fn forget_stop(&self, container: &str) {
        self.note(|disorder| {
            disorder.stopped_by_us.remove(container);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::AppId;

    #[test]
    fn what_was_shown_since_an_absence_or_had_exited_before_it_is_not_waited_for() {
        let unshown = |id: &str| [Unshown { id: id.to_owned(), app: AppId::new() }];
        let absence = Absence { exited_before: HashSet::from(["exited".to_owned()]), unseen: None };
        assert!(absence.concerns_any(&unshown("sick")));
        assert!(!absence.concerns_any(&unshown("exited")));
        assert!(!absence.concerns_any(&[]));
        let left = absence.left_for(&HashSet::from(["sick".to_owned(), "exited".to_owned()])).expect("one is left");
        assert!(left.concerns_any(&unshown("sick")));
        assert!(!left.concerns_any(&unshown("another")), "it has been dealt with, and was hidden only later");
        assert!(left.left_for(&HashSet::from(["another".to_owned()])).is_none());
    }
}
