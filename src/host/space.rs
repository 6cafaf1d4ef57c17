//! How much space is left: where the data directory is, and where the engine keeps everything, if that can be seen from here.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::{EngineHost, here};
use crate::{domain::disk::Space, machine};

/// How long a file system may take to say how full it is.
const DEADLINE: Duration = Duration::from_secs(1);
/// So long the engine is believed to keep its things where it did.
const ROOT_KEPT: Duration = Duration::from_secs(60);

/// What is known of the file systems.
pub(super) struct Disks {
    /// The engine's folder, as this machine sees it, and when it was asked for; none when it could not be measured. Held for a look-up.
    root: Mutex<Option<(Instant, Option<PathBuf>)>>,
    /// Whoever asks a file system has one of these: one that does not answer keeps no other thread.
    asking: Arc<Semaphore>,
}

/// So many may be asked at once.
const ASKING_AT_ONCE: usize = 4;

impl Default for Disks {
    fn default() -> Self {
        Self { root: Mutex::default(), asking: Arc::new(Semaphore::new(ASKING_AT_ONCE)) }
    }
}

impl Disks {
    async fn space(&self, path: PathBuf) -> Option<Space> {
        self.ask(move || machine::space(&path).ok()).await?
    }

    /// Asks a file system, which may hang; none when it does.
    async fn ask<T: Send + 'static>(&self, question: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let asking = self.asking.clone().try_acquire_owned().ok()?;
        let asked = spawn_blocking(move || {
            let said = question();
            drop(asking);
            said
        });
        timeout(DEADLINE, asked).await.ok()?.ok()
    }

    /// What is left at the engine's folder, which `find` asks for. That it cannot be seen is believed as long as where it is.
    async fn space_at_root<F>(&self, find: impl Fn() -> F) -> Option<Space>
    where
        F: Future<Output = Option<PathBuf>>,
    {
        let known = self.root.lock().expect("no panic while held").clone();
        if let Some((_, root)) = known.filter(|(asked, _)| asked.elapsed() < ROOT_KEPT) {
            let space = self.space(root?).await;
            if space.is_some() {
                return space;
            }
        }
        // Unknown so far, or an engine that was started again: that is another process.
        let (root, space) = match find().await {
            Some(root) => (Some(root.clone()), self.space(root).await),
            None => (None, None),
        };
        let root = root.filter(|_| space.is_some());
        *self.root.lock().expect("no panic while held") = Some((Instant::now(), root));
        space
    }
}

impl EngineHost {
    /// What is left where the data directory is; none when that does not answer.
    pub(super) async fn space_of_data(&self) -> Option<Space> {
        self.disks.space(self.place.files.root().to_owned()).await
    }

    /// What is left where the engine keeps its things; none when that cannot be seen from here.
    pub(super) async fn space_of_engine(&self) -> Option<Space> {
        self.disks.space_at_root(|| self.engine_root()).await
    }

    async fn engine_root(&self) -> Option<PathBuf> {
        if !self.is_beside().await {
            return None;
        }
        let root = self.engine.root().await.ok()??;
        match here::seen_by(self.engine.address(), &root).await {
            // The kernel shows it to root, and to whoever the engine runs as.
            Some(theirs) => self.disks.ask(move || if theirs.exists() { theirs } else { root }).await,
            None => Some(root),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_root_that_cannot_be_measured_is_not_asked_for_each_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let (here, gone) = (folder.path().to_owned(), folder.path().join("gone"));
        for (root, is_seen) in [(Some(here), true), (Some(gone), false), (None, false)] {
            let (disks, asked) = (Disks::default(), Cell::new(0));
            for _ in 0..3 {
                let find = || {
                    asked.set(asked.get() + 1);
                    std::future::ready(root.clone())
                };
                assert_eq!(disks.space_at_root(find).await.is_some(), is_seen, "{root:?}");
            }
            assert_eq!(asked.get(), 1, "{root:?}");
        }
    }

    #[tokio::test]
    async fn an_engine_that_was_started_again_is_asked_again() {
        let (before, after) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let disks = Disks::default();
        assert!(disks.space_at_root(|| std::future::ready(Some(before.path().to_owned()))).await.is_some());
        drop(before);
        assert!(disks.space_at_root(|| std::future::ready(Some(after.path().to_owned()))).await.is_some());
    }
}
