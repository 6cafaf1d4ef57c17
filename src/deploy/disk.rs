//! What µPaaS uses space for. Walking the data directory takes time, so it is done when somebody asks, every five minutes at most and never
//! twice at once; meanwhile the last measurement is told.

mod walk;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, watch},
    task::spawn_blocking,
    time::{Instant, timeout},
};

use super::Shared;
use crate::domain::disk::Part;

/// A measurement is told for so long.
const KEPT_FOR: Duration = Duration::from_secs(5 * 60);
/// How long whoever asks first waits for the first measurement.
const DEADLINE: Duration = Duration::from_secs(1);

/// What was measured last.
pub(super) struct Disk {
    /// When the data directory was walked, and what that found.
    walked: watch::Sender<Option<(Instant, BTreeMap<Part, u64>)>>,
    /// What the engine said of the images. Held for a look-up.
    images: Mutex<Option<u64>>,
    /// Held by whoever measures.
    turn: Arc<Semaphore>,
}

impl Default for Disk {
    fn default() -> Self {
        Self { walked: watch::Sender::new(None), images: Mutex::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

/// What each part takes, as measured last; empty when that has not been done yet and takes too long.
pub(super) async fn used(shared: &Arc<Shared>) -> BTreeMap<Part, u64> {
    let disk = &shared.disk;
    let is_old = disk.walked.borrow().as_ref().is_none_or(|(at, _)| at.elapsed() >= KEPT_FOR);
    if is_old && let Ok(turn) = disk.turn.clone().try_acquire_owned() {
        let task_shared = shared.clone();
        shared.tasks.spawn(async move {
            tokio::join!(walk(&task_shared), ask_for_images(&task_shared));
            drop(turn);
        });
    }
    let mut walked = disk.walked.subscribe();
    let told = timeout(DEADLINE, walked.wait_for(Option::is_some)).await;
    let mut used = told.ok().and_then(Result::ok).and_then(|told| Some(told.as_ref()?.1.clone())).unwrap_or_default();
    used.extend(disk.images.lock().expect("no panic while held").map(|bytes| (Part::Images, bytes)));
    used
}

async fn walk(shared: &Shared) {
    let (files, stop) = (shared.files.clone(), shared.stop.clone());
    if let Ok(Some(used)) = spawn_blocking(move || walk::used(&files, &stop)).await {
        shared.disk.walked.send_replace(Some((Instant::now(), used)));
    }
}

async fn ask_for_images(shared: &Shared) {
    let bytes = images(shared).await;
    *shared.disk.images.lock().expect("no panic while held") = bytes;
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
