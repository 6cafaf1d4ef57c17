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
    /// Entries from now on are counted; those that an earlier process could not log or copy are logged and copied.
    pub async fn prepare(db: Db, folder: PathBuf, metrics: Metrics) -> Result<Self, db::Error> {
        let before = db::audit::last(db.read()).await?;
        let logged = db::audit::logged(db.read()).await?;
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

    /// In pieces, in turns: neither may wait until the other has nothing to do. The log does not wait for the disk under the files.
    async fn catch_up(&mut self) -> anyhow::Result<()> {
        loop {
            let logged = self.log_some().await?;
            match self.copy_some().await {
                Ok(false) if !logged => return Ok(()),
                Ok(_) => {}
                Err(err) => {
                    while self.log_some().await? {}
                    if db::audit::logged(self.db.read()).await? < self.logged {
                        db::audit::set_logged(self.db.write(), self.logged).await?;
                    }
                    return Err(err);
                }
            }
        }
    }

    /// Logs and counts entries; false when there was none.
    async fn log_some(&mut self) -> Result<bool, db::Error> {
        let batch = db::audit::after(self.db.read(), self.logged, BATCH).await?;
        for entry in &batch {
            log(entry);
            if entry.id > self.before {
                self.metrics.audit_entry(entry.act.action, entry.act.outcome);
            }
            self.logged = entry.id;
        }
        Ok(!batch.is_empty())
    }

    /// Copies entries that are logged to the files; false when there was none.
    async fn copy_some(&mut self) -> anyhow::Result<bool> {
        let copied = db::audit::copied(self.db.read()).await?;
        let mut batch = db::audit::after(self.db.read(), copied, BATCH).await?;
        batch.retain(|entry| entry.id <= self.logged);
        let Some(last) = batch.last().map(|entry| entry.id) else { return Ok(false) };
        let (files, unsure) = (self.files.clone(), self.unsure);
        self.unsure = true;
        tokio::task::spawn_blocking(move || files.append(&batch, unsure)).await??;
        db::audit::set_copied(self.db.write(), last).await?;
        self.unsure = false;
        Ok(true)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        audit::{Act, Action, Actor, Resource, Subject},
        moment::Moment,
    };

    async fn with_entries(folder: &std::path::Path, count: usize) -> Db {
        let db = Db::open(&folder.join("upaas.db")).await.expect("opens");
        let act = Act::done(Action::Login, &Actor::upaas(), Subject::new(Resource::User, 1, "ada"));
        let mut tx = db.begin().await.expect("begins");
        for _ in 0..count {
            db::audit::insert(&mut *tx, Moment::now(), &act).await.expect("inserted");
        }
        tx.commit().await.expect("committed");
        db
    }

    async fn places(db: &Db) -> (i64, i64) {
        (db::audit::logged(db.read()).await.expect("read"), db::audit::copied(db.read()).await.expect("read"))
    }

    #[tokio::test]
    async fn nothing_is_copied_that_is_not_logged_so_that_a_kill_loses_neither() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = with_entries(folder.path(), 1200).await;
        let mut copier = Copier::prepare(db.clone(), folder.path().join("audit"), Metrics::new()).await.expect("prepared");
        assert!(!copier.copy_some().await.expect("nothing"));
        assert!(copier.log_some().await.expect("logged") && copier.copy_some().await.expect("copied"));
        assert_eq!(places(&db).await, (500, 500));
        copier.catch_up().await.expect("caught up");
        assert_eq!(places(&db).await, (1200, 1200));
    }

    #[tokio::test]
    async fn the_log_goes_on_while_the_files_cannot_be_written_and_is_not_written_again_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = with_entries(folder.path(), 1200).await;
        let files = folder.path().join("audit");
        std::fs::write(&files, "in the way").expect("written");
        let mut copier = Copier::prepare(db.clone(), files.clone(), Metrics::new()).await.expect("prepared");
        copier.catch_up().await.expect_err("a file is no folder");
        assert_eq!(places(&db).await, (1200, 0));
        let mut next = Copier::prepare(db.clone(), files.clone(), Metrics::new()).await.expect("prepared");
        assert!(!next.log_some().await.expect("nothing to log"));
        std::fs::remove_file(&files).expect("removed");
        next.catch_up().await.expect("caught up");
        assert_eq!(places(&db).await, (1200, 1200));
    }
}
