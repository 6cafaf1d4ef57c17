//! The task that takes entries, in order, from the table to the log and to the files, and counts them.

use std::{path::PathBuf, time::Duration};

use tokio::{select, time::sleep};
use tokio_util::sync::CancellationToken;

use super::files::Files;
use crate::{
    db::{self, Db},
    domain::audit::Entry,
    events::Changes,
    metrics::Metrics,
};

/// So many entries are copied at once.
const BATCH: i64 = 500;
/// How long after a failure it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Copies entries from a stored place on.
pub struct Copier {
    db: Db,
    files: Files,
    metrics: Metrics,
    /// The number of the last entry when this process began: later ones are counted.
    before: i64,
    /// The number of the last entry that is logged.
    logged: i64,
    /// Whether an earlier try may have written more than is stored as copied.
    unsure: bool,
}

impl Copier {
    /// Entries from now on are counted; those that an earlier process could not copy are logged and copied.
    pub async fn prepare(db: Db, folder: PathBuf, metrics: Metrics) -> Result<Self, db::Error> {
        let before = db::audit::last(db.read()).await?;
        let logged = db::audit::copied(db.read()).await?;
        Ok(Self { db, files: Files::new(folder), metrics, before, logged, unsure: true })
    }

    /// Follows the table until `stop` is cancelled, and looks once more then.
    pub async fn run(mut self, changes: Changes, stop: CancellationToken) {
        let mut news = changes.listen();
        let mut stuck = false;
        loop {
            let last = stop.is_cancelled();
            match self.catch_up().await {
                Ok(()) if stuck => {
                    tracing::info!("audit entries are copied again; none is missing");
                    stuck = false;
                }
                Ok(()) => {}
                Err(err) => {
                    if !stuck {
                        let hint = "none is lost: they are in the database and are copied when this is mended";
                        tracing::error!(error = format!("{err:#}"), hint, "audit entries cannot be copied to their files");
                    }
                    stuck = true;
                }
            }
            if last {
                return;
            }
            select! {
                () = stop.cancelled() => {}
                _ = news.changed() => {}
                () = sleep(RETRY_AFTER), if stuck => {}
            }
        }
    }

    async fn catch_up(&mut self) -> anyhow::Result<()> {
        self.log_and_count().await?;
        loop {
            let copied = db::audit::copied(self.db.read()).await?;
            let batch = db::audit::after(self.db.read(), copied, BATCH).await?;
            let Some(last) = batch.last().map(|entry| entry.id) else { return Ok(()) };
            self.copy(batch).await?;
            db::audit::set_copied(self.db.write(), last).await?;
            self.unsure = false;
        }
    }

    /// Neither waits for the disk under the files.
    async fn log_and_count(&mut self) -> Result<(), db::Error> {
        loop {
            let batch = db::audit::after(self.db.read(), self.logged, BATCH).await?;
            let Some(last) = batch.last() else { return Ok(()) };
            self.logged = last.id;
            for entry in &batch {
                log(entry);
                if entry.id > self.before {
                    self.metrics.audit_entry(entry.act.action, entry.act.outcome);
                }
            }
        }
    }

    async fn copy(&mut self, batch: Vec<Entry>) -> anyhow::Result<()> {
        let (files, unsure) = (self.files.clone(), self.unsure);
        self.unsure = true;
        Ok(tokio::task::spawn_blocking(move || files.append(&batch, unsure)).await??)
    }
}

fn log(entry: &Entry) {
    let (actor, subject) = (&entry.act.actor, &entry.act.subject);
    tracing::info!(
        id = entry.id,
        at = entry.at.iso(),
        action = entry.act.action.as_str(),
        result = entry.act.outcome.as_str(),
        user_id = actor.user,
        user_name = actor.name,
        address = actor.address.map(tracing::field::display),
        resource_type = subject.kind.as_str(),
        resource_id = subject.id,
        resource_name = subject.name,
        detail = entry.act.detail,
        "audit"
    );
}
