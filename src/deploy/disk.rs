//! What µPaaS uses space for. Walking the data directory takes time, so it is done when somebody asks, every five minutes at most and never
//! twice at once; meanwhile the last measurement is told.

mod walk;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, watch},
    task::spawn_blocking,
    time::{Instant, timeout},
};

use super::Shared;
use crate::domain::{
    disk::{Part, Used},
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
    /// The data directory, by part.
    folder: Measured<BTreeMap<Part, u64>>,
    /// The images, at the engine.
    images: Measured<u64>,
}

/// Something that takes time to measure.
struct Measured<T> {
    last: watch::Sender<Option<Last<T>>>,
    /// Held by whoever measures.
    turn: Arc<Semaphore>,
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
        Self { last: watch::Sender::new(None), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl<T: Clone> Measured<T> {
    fn is_old(&self) -> bool {
        self.last.borrow().as_ref().is_none_or(|last| {
            let kept_for = if last.found.is_some() { KEPT_FOR } else { RETRY_AFTER };
            last.ended.elapsed() >= kept_for
        })
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
    let at = [folder.as_ref().map(|it| it.1), images.map(|it| it.1)].into_iter().flatten().min();
    let mut parts = folder.map(|(parts, _)| parts).unwrap_or_default();
    parts.extend(images.map(|(bytes, _)| (Part::Images, bytes)));
    Used { at, parts }
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
            let found = how(task_shared.clone()).await;
            what(&task_shared.disk).note(found);
            drop(turn);
        });
    }
}

async fn walk(shared: &Shared) -> Option<BTreeMap<Part, u64>> {
    let (files, stop) = (shared.files.clone(), shared.stop.clone());
    spawn_blocking(move || walk::used(&files, &stop)).await.ok()?
}

/// What the engine says of our images, if it does.
async fn images(shared: &Shared) -> Option<u64> {
    if !shared.engine_is_up() {
        return None;
    }
    match shared.stop.run_until_cancelled(shared.platform.builder.images_size()).await? {
        Ok(bytes) => Some(bytes),
        Err(failure) => {
            tracing::debug!(error = failure.chain(), "the size of the images is not known");
            None
        }
    }
}
