//! Who is at an app's mirrors: one at a time, and a fetch never waits for housekeeping.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::{OwnedMutexGuard, watch};

use crate::{domain::ids::AppId, git};

/// The mirrors of all apps.
#[derive(Default)]
pub(super) struct Mirrors {
    /// Held for a look-up.
    apps: Mutex<HashMap<AppId, Arc<Turn>>>,
}

/// The right to write to an app's mirrors.
struct Turn {
    /// Says whether the app is there: nobody writes to the mirrors of one that is deleted.
    lock: Arc<tokio::sync::Mutex<bool>>,
    /// How many want to fetch.
    wanted: watch::Sender<usize>,
}

impl Mirrors {
    /// Waits until nobody else writes to the app's mirrors; housekeeping makes way. None when the app is deleted.
    pub(super) async fn fetch(&self, app: AppId) -> Option<git::Turn> {
        let guard = self.take(app).await;
        guard.then(|| Arc::new(guard) as git::Turn)
    }

    /// Waits until nobody writes to the app's mirrors, and nobody does any more.
    pub(super) async fn close(&self, app: AppId) {
        *self.take(app).await = false;
    }

    async fn take(&self, app: AppId) -> OwnedMutexGuard<bool> {
        let turn = self.of(app);
        let _wanted = Wanted::of(&turn);
        turn.lock.clone().lock_owned().await
    }

    /// Does housekeeping unless somebody is at the app's mirrors or comes meanwhile: then it is dropped, and there is no result.
    pub(super) async fn tidy<T>(&self, app: AppId, work: impl Future<Output = T>) -> Option<T> {
        let turn = self.of(app);
        let _guard = turn.lock.try_lock().ok().filter(|is_there| **is_there)?;
        let mut wanted = turn.wanted.subscribe();
        tokio::select! {
            biased;
            _ = wanted.wait_for(|count| *count > 0) => None,
            done = work => Some(done),
        }
    }

    fn of(&self, app: AppId) -> Arc<Turn> {
        let mut apps = self.apps.lock().expect("no panic while held");
        let turn = || Arc::new(Turn { lock: Arc::new(tokio::sync::Mutex::new(true)), wanted: watch::Sender::new(0) });
        apps.entry(app).or_insert_with(turn).clone()
    }
}

/// The wish to fetch, until it is dropped.
struct Wanted<'a>(&'a Turn);

impl<'a> Wanted<'a> {
    fn of(turn: &'a Turn) -> Self {
        turn.wanted.send_modify(|count| *count += 1);
        Self(turn)
    }
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.wanted.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn housekeeping_makes_way_for_a_fetch_and_is_not_begun_beside_one() {
        let (mirrors, app) = (Arc::new(Mirrors::default()), AppId::new());
        let begun = Arc::new(tokio::sync::Notify::new());
        let (tidying, telling) = (mirrors.clone(), begun.clone());
        let endless = tokio::spawn(async move {
            let endless = async {
                telling.notify_one();
                pending::<()>().await;
            };
            tidying.tidy(app, endless).await
        });
        begun.notified().await;
        let fetching = mirrors.fetch(app).await;
        assert_eq!(endless.await.expect("no panic"), None, "it was dropped for the fetch");
        assert_eq!(mirrors.tidy(app, ready(1)).await, None);
        assert_eq!(mirrors.tidy(AppId::new(), ready(1)).await, Some(1), "another app's are free");
        drop(fetching);
        assert_eq!(mirrors.tidy(app, ready(1)).await, Some(1));
    }

    #[tokio::test]
    async fn whoever_waits_for_the_mirrors_of_an_app_that_is_deleted_meanwhile_does_not_get_to_them() {
        let (mirrors, app) = (Mirrors::default(), AppId::new());
        let first = mirrors.fetch(app).await.expect("it is there");
        let closing = mirrors.close(app);
        let waiting = mirrors.fetch(app);
        let ((), waited, ()) = tokio::join!(biased; closing, waiting, async { drop(first) });
        assert!(waited.is_none());
        assert_eq!(mirrors.tidy(app, ready(1)).await, None);
        mirrors.close(app).await;
        assert!(mirrors.fetch(AppId::new()).await.is_some(), "another app's are free");
    }

    #[tokio::test]
    async fn a_turn_lasts_for_as_long_as_anybody_has_it() {
        let (mirrors, app) = (Mirrors::default(), AppId::new());
        let turn = mirrors.fetch(app).await.expect("it is there");
        let of_a_thread = turn.clone();
        drop(turn);
        assert_eq!(mirrors.tidy(app, ready(1)).await, None);
        drop(of_a_thread);
        assert_eq!(mirrors.tidy(app, ready(1)).await, Some(1));
    }
}
