//! One component, asked within a deadline and by one at a time.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::component::{Component, Facts};

/// How long a component may take to say how it is.
pub const DEADLINE: Duration = Duration::from_secs(1);

/// How a component is asked.
pub type Check = Box<dyn Fn() -> BoxFuture<'static, Component> + Send + Sync>;

/// A check by this function.
pub fn check_by<A>(ask: impl Fn() -> A + Send + Sync + 'static) -> Check
where
    A: Future<Output = Component> + Send + 'static,
{
    Box::new(move || ask().boxed())
}

type Asking = BoxFuture<'static, Component>;

/// A component that can be asked.
pub(super) struct Probe {
    check: Check,
    /// The question under way. Held for a look-up; nothing awaits under it.
    under_way: Mutex<Option<WeakShared<Asking>>>,
}

impl Probe {
    pub(super) fn new(check: Check) -> Self {
        Self { check, under_way: Mutex::default() }
    }

    /// Asks, or hears the answer to the question that is under way.
    pub(super) async fn ask(&self) -> Component {
        self.question().await
    }

    fn question(&self) -> Shared<Asking> {
        let mut under_way = self.under_way.lock().expect("no panic while held");
        if let Some(asking) = under_way.as_ref().and_then(WeakShared::upgrade).filter(|asking| asking.peek().is_none()) {
            return asking;
        }
        let answer = timeout(DEADLINE, (self.check)());
        let asking = answer.map(|answer| answer.unwrap_or_else(|_| silence())).boxed().shared();
        *under_way = asking.downgrade();
        asking
    }
}

fn silence() -> Component {
    Component::failing(format!("no answer within {} s", DEADLINE.as_secs()), Facts::None {})
}

/// Where work is done that may hang in the kernel: off the async threads, one piece at a time, so that whatever hangs holds one thread and
/// the others wait in vain for as long as they want to.
#[derive(Debug, Clone)]
pub struct Lane(Arc<Semaphore>);

impl Default for Lane {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Lane {
    /// Does a piece of work when the one before has ended.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
        let place = self.0.clone().acquire_owned().await?;
        let done = spawn_blocking(move || {
            let _place = place;
            work()
        });
        Ok(done.await?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::{join_all, pending};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn what_does_not_answer_is_said_to_be_silent_at_the_deadline() {
        let probe = Probe::new(check_by(pending));
        let began = Instant::now();
        let said = probe.ask().await;
        assert_eq!((said.ok, said.problem.as_deref()), (false, Some("no answer within 1 s")));
        assert!(began.elapsed() >= DEADLINE && began.elapsed() < 5 * DEADLINE, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_hundred_who_ask_at_once_are_one_question_and_the_next_is_another() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let probe = Probe::new(check_by(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Component::well(Facts::None {})
            }
        }));
        assert!(join_all((0..100).map(|_| probe.ask())).await.iter().all(|said| said.ok));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        probe.ask().await;
        assert_eq!(asked.load(Ordering::Relaxed), 2, "an answer is never an old one");
    }

    #[tokio::test]
    async fn work_that_hangs_holds_one_thread_however_often_it_is_asked_for() {
        let lane = Lane::default();
        let (release, hang) = std::sync::mpsc::channel::<()>();
        let begun = Arc::new(AtomicUsize::new(0));
        let hang = Arc::new(Mutex::new(hang));
        let work = || {
            let (begun, hang) = (begun.clone(), hang.clone());
            move || {
                begun.fetch_add(1, Ordering::Relaxed);
                let _ = hang.lock().expect("no panic while held").recv();
            }
        };
        // However long it takes until a thread has begun with the first one.
        let mut asked = 0;
        while asked < 5 || begun.load(Ordering::Relaxed) == 0 {
            assert!(timeout(Duration::from_millis(20), lane.run(work())).await.is_err());
            asked += 1;
        }
        assert_eq!(begun.load(Ordering::Relaxed), 1);
        drop(release);
        lane.run(work()).await.expect("goes on");
    }
}
