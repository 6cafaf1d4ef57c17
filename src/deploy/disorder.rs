//! What the next look at the engine has to put in order. Raised by whoever notices, dealt with in one place ([`super::engine`]).

use std::{collections::HashSet, sync::atomic::Ordering};

use super::Shared;

/// What is known to be out of order.
#[derive(Debug)]
pub(super) struct Disorder {
    /// A deployment was interrupted: workers wait until it is dealt with.
    pub(super) interrupted: bool,
    /// Something was left behind that could not be tidied at once.
    pub(super) untidy: bool,
    /// The engine or µPaaS was away: what should run may have been stopped by that.
    pub(super) after_absence: bool,
    /// Containers that should run and that we stopped or could not start.
    pub(super) owed: HashSet<String>,
}

impl Default for Disorder {
    /// As at the start of the process: µPaaS was away.
    fn default() -> Self {
        Self { interrupted: true, untidy: false, after_absence: true, owed: HashSet::new() }
    }
}

impl Disorder {
    pub(super) fn is_any(&self) -> bool {
        self.interrupted || self.untidy || !self.owed.is_empty()
    }
}

impl Shared {
    /// The engine was seen to go away: workers pause, and whatever ends meanwhile is not believed.
    pub(super) fn engine_is_away(&self) {
        self.absences.fetch_add(1, Ordering::Relaxed);
        self.pause_until_in_order();
    }

    /// How often the engine was seen to go away so far.
    pub(super) fn absences(&self) -> u64 {
        self.absences.load(Ordering::Relaxed)
    }

    /// The engine (or the database) failed under a deployment: workers pause until order is restored.
    pub(super) fn pause_until_in_order(&self) {
        {
            let mut disorder = self.disorder.lock().expect("no panic while held");
            disorder.interrupted = true;
            disorder.after_absence = true;
        }
        self.ready.send_replace(false);
        self.look_at_engine.notify_one();
    }

    /// Something was left behind; it is tidied at the next look.
    pub(super) fn tidy_later(&self) {
        self.disorder.lock().expect("no panic while held").untidy = true;
    }

    /// A container that should run does not, by our doing: it is started until it does.
    pub(super) fn owe_start(&self, container: &str) {
        self.disorder.lock().expect("no panic while held").owed.insert(container.to_owned());
    }
}
