//! What µPaaS uses space for. Walking the data directory takes time, so it is done when somebody asks, every five minutes at most and never
//! twice at once; meanwhile the last measurement is told.

mod walk;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Semaphore, watch},
    task::spawn_blocking,
    time::{Instant, timeout},
};

use super::{
    Error, Shared,
    cleanup::{self, Fate, Going},
    platform::Failure,
};
use crate::domain::{
    disk::{Part, Used, UsedByApp},
    image::{BuiltImage, CacheUse},
    moment::Moment,
};

/// A measurement is told for so long.
const KEPT_FOR: Duration = Duration::from_secs(5 * 60);
/// What could not be measured is tried again after this long.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// How long whoever asks first waits for the first measurement.
const DEADLINE: Duration = Duration::from_secs(1);

/// What was measured last.
#[derive(Default)]
pub(super) struct Disk {
    /// The data directory.
    folder: Measured<Folder>,
    /// The images, at the engine.
    images: Measured<Vec<BuiltImage>>,
    /// The builder's cache, at the engine.
    cache: Measured<CacheUse>,
}

impl Disk {
    /// What was measured is old: something has been removed.
    pub(super) fn look_again(&self) {
        self.folder.grow_old();
        self.images.grow_old();
        self.cache.grow_old();
    }
}

/// What lies in the data directory.
#[derive(Debug, Clone, Default)]
struct Folder {
    parts: BTreeMap<Part, u64>,
    apps: UsedByApp,
}

/// What each app takes, and what a clean-up would do about it. What is not known is left out.
#[derive(Debug, Clone)]
pub struct Costs {
    /// When the oldest of it was measured.
    pub at: Option<Moment>,
    /// In the data directory.
    pub apps: Option<UsedByApp>,
    /// The images, and what would become of them.
    pub images: Option<Vec<(BuiltImage, Fate)>>,
    /// What the engine's builder keeps, of everybody's builds.
    pub cache: Option<CacheUse>,
    /// A person's clean-up.
    pub cleaning: Going,
    /// A person's pruning of the builder's cache.
    pub pruning: Going,
}

/// Something that takes time to measure.
struct Measured<T> {
    last: watch::Sender<Option<Last<T>>>,
    /// Held by whoever measures.
    turn: Arc<Semaphore>,
    /// Whether something has changed since.
    is_stale: AtomicBool,
}

/// What was found, if it could be, and when.
#[derive(Clone)]
struct Last<T> {
    found: Option<T>,
    ended: Instant,
    at: Moment,
}

impl<T> Default for Measured<T> {
    fn default() -> Self {
        Self { last: watch::Sender::new(None), turn: Arc::new(Semaphore::new(1)), is_stale: AtomicBool::new(false) }
    }
}

impl<T: Clone> Measured<T> {
    fn is_old(&self) -> bool {
        self.is_stale.load(Ordering::Relaxed)
            || self.last.borrow().as_ref().is_none_or(|last| {
                let kept_for = if last.found.is_some() { KEPT_FOR } else { RETRY_AFTER };
                last.ended.elapsed() >= kept_for
            })
    }

    /// The next who asks measures.
    fn grow_old(&self) {
        self.is_stale.store(true, Ordering::Relaxed);
    }

    fn note(&self, found: Option<T>) {
        self.last.send_replace(Some(Last { found, ended: Instant::now(), at: Moment::now() }));
    }

    /// What is told, once there is something to tell or it takes too long.
    async fn told(&self) -> Option<(T, Moment)> {
        let mut last = self.last.subscribe();
        let last = timeout(DEADLINE, last.wait_for(Option::is_some)).await.ok()?.ok()?.clone()?;
        Some((last.found?, last.at))
    }
}

/// What each part takes, as measured last; what has not been measured yet, and takes too long, is left out.
pub(super) async fn used(shared: &Arc<Shared>) -> Used {
    measure(shared, |disk| &disk.folder, |shared| async move { walk(&shared).await });
    measure(shared, |disk| &disk.images, |shared| async move { images(&shared).await });
    let (folder, images) = tokio::join!(shared.disk.folder.told(), shared.disk.images.told());
    let at = [folder.as_ref().map(|it| it.1), images.as_ref().map(|it| it.1)].into_iter().flatten().min();
    let mut parts = folder.map(|(folder, _)| folder.parts).unwrap_or_default();
    parts.extend(images.map(|(images, _)| (Part::Images, images.iter().map(|image| image.bytes).sum())));
    Used { at, parts }
}

/// What each app takes, as measured last, and what a clean-up would do about it now.
pub(super) async fn costs(shared: &Arc<Shared>) -> Result<Costs, Error> {
    measure(shared, |disk| &disk.folder, |shared| async move { walk(&shared).await });
    measure(shared, |disk| &disk.images, |shared| async move { images(&shared).await });
    measure(shared, |disk| &disk.cache, |shared| async move { cache(&shared).await });
    let disk = &shared.disk;
    let (folder, images, cache) = tokio::join!(disk.folder.told(), disk.images.told(), disk.cache.told());
    let at = [folder.as_ref().map(|it| it.1), images.as_ref().map(|it| it.1)].into_iter().flatten().min();
    let images = match images {
        Some((images, _)) => Some(cleanup::fates(shared, images).await?),
        None => None,
    };
    let apps = folder.map(|(folder, _)| folder.apps);
    let cache = cache.map(|(cache, _)| cache);
    Ok(Costs { at, apps, images, cache, cleaning: shared.cleans_up(), pruning: shared.prunes() })
}

/// Measures what is old, unless that is going on.
fn measure<T, F>(shared: &Arc<Shared>, what: fn(&Disk) -> &Measured<T>, how: fn(Arc<Shared>) -> F)
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = Option<T>> + Send + 'static,
{
    let measured = what(&shared.disk);
    if measured.is_old()
        && let Ok(turn) = measured.turn.clone().try_acquire_owned()
    {
        let task_shared = shared.clone();
        shared.tasks.spawn(async move {
            // What is removed from here on may still be counted.
            what(&task_shared.disk).is_stale.store(false, Ordering::Relaxed);
            let found = how(task_shared.clone()).await;
            what(&task_shared.disk).note(found);
            drop(turn);
            task_shared.changes.tell();
        });
    }
}

async fn walk(shared: &Shared) -> Option<Folder> {
    let (files, stop) = (shared.files.clone(), shared.stop.clone());
    spawn_blocking(move || walk::used(&files, &stop)).await.ok()?
}

/// What the engine says of our images, if it does.
async fn images(shared: &Shared) -> Option<Vec<BuiltImage>> {
    ask(shared, "the images are not known", shared.platform.builder.measured_images()).await
}

/// What the engine says of its builder's cache, if it does.
async fn cache(shared: &Shared) -> Option<CacheUse> {
    ask(shared, "the size of the builder's cache is not known", shared.platform.builder.cache()).await
}

async fn ask<T>(shared: &Shared, otherwise: &'static str, asking: impl Future<Output = Result<T, Failure>>) -> Option<T> {
    if !shared.engine_is_up() {
        return None;
    }
    match shared.stop.run_until_cancelled(asking).await? {
        Ok(told) => Some(told),
        Err(failure) => {
            tracing::debug!(error = failure.chain(), "{otherwise}");
            None
        }
    }
}
