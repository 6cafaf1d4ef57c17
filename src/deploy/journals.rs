//! Journals beside the deployments that write them: how far each has grown, for those who watch, and their compression once they are over.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{sync::watch, time::sleep};

use super::Shared;
use crate::{db, domain::ids::DeploymentId, logs};

/// How long nothing is compressed after that has failed, for example because the disk is full.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);
/// How long nothing is compressed after a journal was found open: whoever has ended the row closes it next.
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
    loop {
        let next = async {
            while let Err(err) = compress_what_is_over(&shared).await {
                let is_open = err.downcast_ref::<io::Error>().is_some_and(|err| err.kind() == io::ErrorKind::ResourceBusy);
                if !is_open {
                    tracing::warn!(error = format!("{err:#}"), "a journal could not be compressed; it stays readable and is tried again");
                }
                sleep(if is_open { PAUSE_WHILE_OPEN } else { PAUSE_AFTER_FAILURE }).await;
            }
            changes.changed().await.expect("the sender lives in `shared`");
        };
        if shared.stop.run_until_cancelled(next).await.is_none() {
            return;
        }
    }
}

async fn compress_what_is_over(shared: &Shared) -> anyhow::Result<()> {
    while let Some((id, app, number)) = db::deployments::next_journal_to_compress(shared.db.read()).await? {
        let file = shared.files.journal(app, number);
        tokio::task::spawn_blocking(move || logs::archive::compress(&file)).await??;
        db::deployments::set_journal_compressed(shared.db.write(), id).await?;
    }
    Ok(())
}
