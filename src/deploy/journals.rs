//! Journals beside the deployments that write them: how far each has grown, for those who watch, and their compression once they are over.

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::Shared;
use crate::{db, domain::ids::DeploymentId, logs};

/// When a journal that could not be compressed is tried again: the disk may be full.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);
/// When one that was found open is tried again: whoever has ended the row closes it next.
const PAUSE_WHILE_OPEN: Duration = Duration::from_millis(100);

/// The journals that are written or watched now.
#[derive(Default)]
pub(super) struct Journals {
    /// Held for a look-up.
    growing: Mutex<HashMap<DeploymentId, watch::Sender<u64>>>,
}

impl Journals {
    /// Where the journal's writer tells how far it has grown, and its readers hear it.
    pub(super) fn growth(&self, deployment: DeploymentId) -> watch::Sender<u64> {
        let mut growing = self.growing.lock().expect("no panic while held");
        growing.retain(|_, growth| growth.sender_count() > 1 || growth.receiver_count() > 0);
        growing.entry(deployment).or_default().clone()
    }
}

/// Compresses the journals of deployments that have ended, one after the other, until µPaaS stops.
pub(super) async fn compress(shared: Arc<Shared>) {
    let mut changes = shared.changes.listen();
    let mut failed = HashMap::new();
    loop {
        let round = async {
            if let Err(err) = compress_what_is_over(&shared, &mut failed).await {
                tracing::warn!(error = format!("{:#}", anyhow::Error::from(err)), "journals could not be compressed");
            }
            tokio::select! {
                changed = changes.changed() => changed.expect("the sender lives in `shared`"),
                () = sleep_until(failed.values().min().copied().unwrap_or_else(Instant::now)), if !failed.is_empty() => {}
            }
        };
        if shared.stop.run_until_cancelled(round).await.is_none() {
            return;
        }
    }
}

/// One round over all of them. Those that have `failed` are tried again after the moment beside them; they keep no other one waiting.
async fn compress_what_is_over(shared: &Shared, failed: &mut HashMap<DeploymentId, Instant>) -> Result<(), db::Error> {
    let before = std::mem::take(failed);
    let mut last = None;
    while let Some((id, app, number)) = db::journals::next_to_compress(shared.db.read(), last).await? {
        last = Some(id);
        if let Some(again) = before.get(&id).filter(|again| **again > Instant::now()) {
            failed.insert(id, *again);
            continue;
        }
        let file = shared.files.journal(app, number);
        match compress_one(shared, id, file.clone()).await {
            Ok(()) => {}
            Err(err) if is_open(&err) => {
                failed.insert(id, Instant::now() + PAUSE_WHILE_OPEN);
            }
            Err(err) => {
                let (file, error) = (file.display(), format!("{err:#}"));
                tracing::warn!(%file, error, "a journal could not be compressed; it stays readable and is tried again");
                failed.insert(id, Instant::now() + PAUSE_AFTER_FAILURE);
            }
        }
    }
    Ok(())
}

async fn compress_one(shared: &Shared, id: DeploymentId, file: PathBuf) -> anyhow::Result<()> {
    tokio::task::spawn_blocking(move || logs::archive::compress(&file)).await??;
    Ok(db::journals::set_compressed(shared.db.write(), id).await?)
}

fn is_open(err: &anyhow::Error) -> bool {
    err.downcast_ref::<io::Error>().is_some_and(|err| err.kind() == io::ErrorKind::ResourceBusy)
}
