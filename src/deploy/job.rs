//! Work that takes its time and is never done twice at once: whoever starts it waits a moment and looks again later.

use std::{sync::Mutex, time::Duration};

use tokio::{sync::watch, time::timeout};

use crate::domain::moment::Moment;

/// Whoever starts it waits so long for its end.
const A_MOMENT: Duration = Duration::from_secs(1);

/// What came of some work that was done.
#[derive(Debug, Clone)]
pub struct Came {
    /// When it ended.
    pub at: Moment,
    /// What came of it, in words; the failure's sentence where it failed.
    pub said: Result<String, String>,
}

/// Since when it goes on, if it does, and what came of it the last time.
pub(super) struct Job {
    since: watch::Sender<Option<Moment>>,
    /// Held for a look-up.
    last: Mutex<Option<Came>>,
}

impl Default for Job {
    fn default() -> Self {
        Self { since: watch::Sender::new(None), last: Mutex::default() }
    }
}

impl Job {
    /// Marks its beginning; false when it goes on already.
    pub(super) fn begin(&self) -> bool {
        self.since.send_if_modified(|since| match since {
            Some(_) => false,
            None => since.replace(Moment::now()).is_none(),
        })
    }

    /// Marks its end.
    pub(super) fn end(&self) {
        self.since.send_replace(None);
    }

    /// Marks its end, and what came of it.
    pub(super) fn end_with(&self, said: Result<String, String>) {
        *self.last.lock().expect("no panic while held") = Some(Came { at: Moment::now(), said });
        self.end();
    }

    pub(super) fn since(&self) -> Option<Moment> {
        *self.since.borrow()
    }

    pub(super) fn last(&self) -> Option<Came> {
        self.last.lock().expect("no panic while held").clone()
    }

    /// Waits a moment for its end.
    pub(super) async fn end_soon(&self) {
        let _ = timeout(A_MOMENT, self.since.subscribe().wait_for(Option::is_none)).await;
    }
}
