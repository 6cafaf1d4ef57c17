//! The regular check of the database's integrity, and the one that somebody asks for.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::domain::{
    integrity::{Integrity, Thoroughness},
    moment::Moment,
};

/// Whoever asks for a check waits so long for its end, and looks again later.
const MOMENT: Duration = Duration::from_secs(1);

/// When the checks come that nobody has asked for.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The first one, so long after the start.
    pub first_after: Duration,
    /// Each further one, so long after the one before.
    pub every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { first_after: Duration::from_secs(30), every: Duration::from_secs(24 * 60 * 60) }
    }
}

/// What is known of the database's integrity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// What the last check found, and when.
    pub last: Option<(Integrity, Moment)>,
    /// What was broken, until a check that ends says that nothing is.
    pub damage: Option<String>,
    /// Whether a check is under way.
    pub checking: bool,
    /// Whether a full check is under way, or wanted.
    full: bool,
}

impl Seen {
    /// After a check. One that did not end takes nothing back.
    fn after(self, how: Thoroughness, found: Integrity, at: Moment) -> Self {
        // Somebody may want a full check while a quick one runs.
        let goes_on = self.full && how == Thoroughness::Quick;
        let damage = match &found {
            Integrity::Sound => None,
            Integrity::Damaged(said) => Some(said.clone()),
            Integrity::Unfinished(_) => self.damage,
        };
        Self { last: Some((found, at)), damage, checking: goes_on, full: goes_on }
    }
}

/// Keeps watch over the database's integrity. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct IntegrityWatch {
    seen: Arc<watch::Sender<Seen>>,
    wanted: Arc<Notify>,
}

impl IntegrityWatch {
    /// What is known.
    pub fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Wants a full check, after the one that may be under way, and waits a moment for its end.
    pub async fn check_now(&self) {
        let begins = self.seen.send_if_modified(|seen| {
            seen.checking = true;
            !std::mem::replace(&mut seen.full, true)
        });
        if begins {
            self.wanted.notify_one();
        }
        let _ = timeout(MOMENT, self.seen.subscribe().wait_for(|seen| !seen.checking)).await;
    }

    /// Checks quickly at this pace, and fully whenever somebody wants it, until `stop` is cancelled. `tell` is called at each news.
    pub async fn keep<A>(self, pace: Pace, check: impl Fn(Thoroughness) -> A, tell: impl Fn(), stop: CancellationToken)
    where
        A: Future<Output = Integrity>,
    {
        let mut next = Instant::now() + pace.first_after;
        loop {
            let how = tokio::select! {
                () = stop.cancelled() => return,
                () = self.wanted.notified() => Thoroughness::Full,
                () = sleep_until(next) => Thoroughness::Quick,
            };
            self.seen.send_modify(|seen| seen.checking = true);
            tell();
            let Some(found) = stop.run_until_cancelled(check(how)).await else { return };
            match &found {
                Integrity::Sound => tracing::debug!(?how, "the database is sound"),
                Integrity::Damaged(said) => tracing::error!(said, "the database is damaged"),
                Integrity::Unfinished(why) => tracing::warn!(why, "the database could not be checked"),
            }
            self.seen.send_modify(|seen| *seen = std::mem::take(seen).after(how, found, Moment::now()));
            tell();
            next = Instant::now() + pace.every;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn checks_come_after_the_start_at_their_pace_and_when_wanted() {
        let watch = IntegrityWatch::default();
        assert_eq!(watch.seen(), Seen::default());
        let (made, mut checks) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let check = move |how| {
            made.send(how).expect("somebody listens");
            async { Integrity::Sound }
        };
        let pace = Pace { first_after: Duration::from_millis(10), every: Duration::from_millis(10) };
        let keeping = tokio::spawn(watch.clone().keep(pace, check, || {}, stop.clone()));
        for _ in 0..3 {
            assert_eq!(checks.recv().await, Some(Thoroughness::Quick));
        }
        watch.check_now().await;
        while checks.recv().await != Some(Thoroughness::Full) {}
        assert!(matches!(watch.seen().last, Some((Integrity::Sound, _))));
        stop.cancel();
        keeping.await.expect("ended");
    }

    #[test]
    fn damage_is_believed_until_a_check_that_ends_finds_none() {
        let now = Moment::now();
        let damaged = Seen::default().after(Thoroughness::Quick, Integrity::Damaged("page 7".to_owned()), now);
        let unfinished = damaged.after(Thoroughness::Full, Integrity::Unfinished("too long".to_owned()), now);
        assert_eq!(unfinished.damage.as_deref(), Some("page 7"));
        assert_eq!(unfinished.after(Thoroughness::Full, Integrity::Sound, now).damage, None);
    }

    #[test]
    fn a_full_check_that_is_wanted_during_a_quick_one_comes_after_it() {
        let wanted = Seen { checking: true, full: true, ..Seen::default() };
        let still = wanted.after(Thoroughness::Quick, Integrity::Sound, Moment::now());
        assert!(still.checking);
        assert!(!still.after(Thoroughness::Full, Integrity::Sound, Moment::now()).checking);
    }

    #[tokio::test]
    async fn a_check_that_takes_its_time_is_waited_for_only_a_moment_and_not_begun_twice() {
        let watch = IntegrityWatch::default();
        let stop = CancellationToken::new();
        let (found, mut finds) = mpsc::unbounded_channel::<()>();
        let begun = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = begun.clone();
        let finds = Arc::new(tokio::sync::Mutex::new(&mut finds));
        let check = |_| {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let finds = finds.clone();
            async move {
                finds.lock().await.recv().await;
                Integrity::Damaged("page 7".to_owned())
            }
        };
        let asking = async {
            let began = Instant::now();
            watch.check_now().await;
            watch.check_now().await;
            assert!(watch.seen().checking && began.elapsed() >= MOMENT * 2);
            found.send(()).expect("somebody waits");
            watch.check_now().await;
            stop.cancel();
        };
        tokio::join!(watch.clone().keep(Pace::default(), check, || {}, stop.clone()), asking);
        assert_eq!((watch.seen().damage.as_deref(), watch.seen().checking), (Some("page 7"), false));
        assert_eq!(begun.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}
