//! The live picture: what the engine shows of our containers, kept true by [`super::watch`]. Pages read it; nothing waits for the
//! engine to show a page.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Mutex,
    time::Duration,
};

use tokio::time::Instant;

use super::Shared;
use crate::{
    domain::{
        container::{Health, Observed},
        moment::Moment,
    },
    events::Changes,
};

/// What is known of our containers.
pub(super) struct Picture {
    /// Held for a look-up.
    seen: Mutex<BTreeMap<String, Seen>>,
    /// What containers have answered that we ask ourselves. Held for a look-up.
    answers: Mutex<HashMap<String, Answered>>,
    changes: Changes,
}

/// What a container has answered to our own health check.
struct Answered {
    /// The start that it is about: after another one it counts no more.
    started: Option<Moment>,
    health: Health,
}

/// A container as last seen.
struct Seen {
    container: Observed,
    /// Since when it is seen not to run.
    still_since: Option<Instant>,
}

impl Picture {
    pub(super) fn new(changes: Changes) -> Self {
        Self { seen: Mutex::default(), answers: Mutex::default(), changes }
    }

    pub(super) fn get(&self, container: &str) -> Option<Observed> {
        self.seen.lock().expect("no panic while held").get(container).map(|seen| seen.container.clone())
    }

    pub(super) fn all(&self) -> Vec<Observed> {
        self.seen.lock().expect("no panic while held").values().map(|seen| seen.container.clone()).collect()
    }

    /// The containers that have not run for this long.
    pub(super) fn still_for(&self, span: Duration) -> HashSet<String> {
        let seen = self.seen.lock().expect("no panic while held");
        let still = seen.values().filter(|seen| seen.still_since.is_some_and(|since| since.elapsed() >= span));
        still.map(|seen| seen.container.id.clone()).collect()
    }

    /// Notes what a container says to our own health check.
    pub(super) fn note_health(&self, of: &Observed, health: Health) {
        let answered = Answered { started: of.started_at, health };
        self.answers.lock().expect("no panic while held").insert(of.id.clone(), answered);
        if let Some(seen) = self.get(&of.id) {
            self.note(seen);
        }
    }

    /// Forgets what containers have said that are not asked any more.
    pub(super) fn forget_answers_but(&self, is_asked: impl Fn(&str) -> bool) {
        self.answers.lock().expect("no panic while held").retain(|container, _| is_asked(container));
    }

    /// The engine knows nothing of our own health checks.
    fn with_health(&self, container: Observed) -> Observed {
        let answers = self.answers.lock().expect("no panic while held");
        match answers.get(&container.id) {
            Some(answered) if container.running && answered.started == container.started_at => {
                Observed { health: answered.health, ..container }
            }
            _ => container,
        }
    }

    pub(super) fn note(&self, container: Observed) {
        let container = self.with_health(container);
        let mut all = self.seen.lock().expect("no panic while held");
        let before = all.get(&container.id);
        let is_news = before.is_none_or(|seen| seen.container != container);
        let still_before = before.and_then(|seen| seen.still_since);
        all.insert(container.id.clone(), Seen::now(container, still_before));
        if is_news {
            self.changes.tell();
        }
    }

    pub(super) fn forget(&self, container: &str) {
        if self.seen.lock().expect("no panic while held").remove(container).is_some() {
            self.changes.tell();
        }
    }

    pub(super) fn replace(&self, all: Vec<Observed>) {
        let all: Vec<Observed> = all.into_iter().map(|it| self.with_health(it)).collect();
        let mut seen = self.seen.lock().expect("no panic while held");
        let before = std::mem::take(&mut *seen);
        let since = |id: &str| before.get(id).and_then(|seen| seen.still_since);
        *seen = all.into_iter().map(|it| (it.id.clone(), Seen::now(it.clone(), since(&it.id)))).collect();
        if !seen.values().map(|seen| &seen.container).eq(before.values().map(|seen| &seen.container)) {
            self.changes.tell();
        }
    }
}

impl Seen {
    fn now(container: Observed, still_before: Option<Instant>) -> Self {
        let still = !container.running && !container.restarting;
        Self { container, still_since: still.then(|| still_before.unwrap_or_else(Instant::now)) }
    }
}

impl Shared {
    /// Takes a container into the picture as it is now, without waiting for the engine's word of it.
    pub(super) async fn look_again(&self, container: &str) {
        match self.platform.runtime.look(container).await {
            Ok(Some(seen)) => self.picture.note(seen),
            Ok(None) => self.picture.forget(container),
            Err(failure) => tracing::debug!(error = failure.chain(), "a container could not be looked at"),
        }
    }
}
