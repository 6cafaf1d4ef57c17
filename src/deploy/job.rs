//! Work that takes its time and is never done twice at once: whoever starts it waits a moment and looks again later.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

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
#[derive(Default)]
pub(super) struct Job(Arc<Inner>);

struct Inner {
    since: watch::Sender<Option<Moment>>,
    /// Held for a look-up.
    last: Mutex<Option<Came>>,
}

impl Default for Inner {
    fn default() -> Self {
        Self { since: watch::Sender::new(None), last: Mutex::default() }
    }
}

impl Job {
    /// Marks its beginning; none when it goes on already.
    pub(super) fn begin(&self) -> Option<Begun> {
        let begins = self.0.since.send_if_modified(|since| match since {
            Some(_) => false,
            None => since.replace(Moment::now()).is_none(),
        });
        begins.then(|| Begun(self.0.clone()))
    }

    pub(super) fn since(&self) -> Option<Moment> {
        *self.0.since.borrow()
    }

    pub(super) fn last(&self) -> Option<Came> {
        self.0.last.lock().expect("no panic while held").clone()
    }

    /// Waits a moment for its end.
    pub(super) async fn end_soon(&self) {
        let _ = timeout(A_MOMENT, self.0.since.subscribe().wait_for(Option::is_none)).await;
    }
}

/// Work that goes on: it ends when this is dropped, however that comes.
pub(super) struct Begun(Arc<Inner>);

impl Begun {
    /// Marks its end, and what came of it.
    pub(super) fn end_with(self, said: Result<String, String>) {
        self.note(said);
    }

    fn note(&self, said: Result<String, String>) {
        *self.0.last.lock().expect("no panic while held") = Some(Came { at: Moment::now(), said });
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if thread::panicking() {
            self.note(Err("µPaaS itself failed at this; its log has the details.".to_owned()));
        }
        self.0.since.send_replace(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_panics_is_over_and_can_begin_again() {
        let job = Job::default();
        let begun = job.begin().expect("nobody is at it");
        assert!(job.begin().is_none() && job.since().is_some());
        let panicked = tokio::spawn(async move {
            let _begun = begun;
            panic!("on purpose");
        });
        assert!(panicked.await.is_err());
        assert!(job.since().is_none());
        assert!(job.last().is_some_and(|came| came.said.is_err()));
        job.begin().expect("it is over").end_with(Ok("done".to_owned()));
        assert!(job.since().is_none());
        assert_eq!(job.last().expect("it came to its end").said, Ok("done".to_owned()));
    }
}
