//! How much space is left: where the data directory is, and where the engine keeps everything, if that can be seen from here.

use std::{
    path::{Path, PathBuf},
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
    /// The engine's folder, as this machine sees it, and when it was asked for. Held for a look-up.
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
    async fn space(&self, path: &Path) -> Option<Space> {
        let asking = self.asking.clone().try_acquire_owned().ok()?;
        let path = path.to_owned();
        let asked = spawn_blocking(move || {
            let space = machine::space(&path);
            drop(asking);
            space
        });
        timeout(DEADLINE, asked).await.ok()?.ok()?.ok()
    }
}

impl EngineHost {
    /// What is left where the data directory is; none when that does not answer.
    pub(super) async fn space_of_data(&self) -> Option<Space> {
        self.disks.space(self.place.files.root()).await
    }

    /// What is left where the engine keeps its things; none when that cannot be seen from here.
    pub(super) async fn space_of_engine(&self) -> Option<Space> {
        let root = self.engine_root().await?;
        let space = self.disks.space(&root).await;
        if space.is_none() {
            // An engine that was started again is another process.
            *self.disks.root.lock().expect("no panic while held") = None;
        }
        space
    }

    async fn engine_root(&self) -> Option<PathBuf> {
        let known = self.disks.root.lock().expect("no panic while held").clone();
        if let Some((_, root)) = known.filter(|(asked, _)| asked.elapsed() < ROOT_KEPT) {
            return root;
        }
        let root = match self.is_beside().await {
            true => match self.engine.root().await.ok()? {
                Some(root) => Some(here::seen_by(self.engine.address(), &root).await),
                None => None,
            },
            false => None,
        };
        *self.disks.root.lock().expect("no panic while held") = Some((Instant::now(), root.clone()));
        root
    }
}
