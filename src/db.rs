//! The one SQLite file. All SQL text of µPaaS stands in this room, one file a noun; functions take an executor, so they compose
//! in the caller's transaction. Secrets pass through as sealed bytes only.
//!
//! # Why one writer
//! There is one connection that writes and a pool that is read-only by SQLite's own flag. Writers queue in the pool instead of
//! failing with SQLITE_BUSY, and the WAL-reset bug of the bundled SQLite 3.46 (fixed in 3.51.3), which needs two connections that
//! write or checkpoint at once, cannot occur. The session store shares the writer.
//!
//! # Why no statistics
//! SQLite is never told how many rows there are (`ANALYZE`): figures from a small database make it read a large one from end to end.
//! Without them a plan depends on the statement alone, so that tests can look at it.

pub mod apps;
pub mod audit;
pub mod commits;
pub mod connections;
pub mod deletions;
pub mod deliveries;
pub mod deployments;
pub mod images;
pub mod integrity;
pub mod journals;
pub mod patients;
pub mod registries;
pub mod secrets;
pub mod settings;
pub mod snapshots;
pub mod tokens;
pub mod users;

use std::{path::Path, time::Duration};

use sqlx::{
    Sqlite, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{sync::watch, task::yield_now};
use tokio_util::sync::CancellationToken;
use tower_sessions_sqlx_store::SqliteStore;

use crate::{domain::Invalid, events::Changes};

/// The schema's history. Append-only.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

const READERS: u32 = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The row moved on between reading and writing it.
    #[error("the row has moved on: {0}")]
    Stale(&'static str),
    /// A value that must be unique is taken.
    #[error("already taken: {0}")]
    Taken(String),
    /// A stored value that the program cannot read: the database was changed by hand, or by a newer version.
    #[error("unreadable value in the database: {0}")]
    Unreadable(#[from] Invalid),
    /// A stored JSON document that the program cannot read.
    #[error("unreadable document in the database")]
    Document(#[from] serde_json::Error),
    /// SQLite, or the pool before it.
    #[error("database")]
    Sqlite(#[source] sqlx::Error),
    /// The migrations did not apply.
    #[error("the database's schema could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl From<sqlx::Error> for Error {
    fn from(err: sqlx::Error) -> Self {
        match &err {
            sqlx::Error::Database(cause) if cause.is_unique_violation() => Self::Taken(cause.message().to_owned()),
            _ => Self::Sqlite(err),
        }
    }
}

/// Several writes, all or nothing.
pub type Transaction = sqlx::Transaction<'static, Sqlite>;

/// The pools.
#[derive(Debug, Clone)]
pub struct Db {
    writer: SqlitePool,
    reader: SqlitePool,
    /// Marked when a transaction of the writer is about to be committed.
    commits: watch::Sender<()>,
}

impl Db {
    /// Opens the file, creates it if it is new, and brings its schema up to date.
    pub async fn open(file: &Path) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        let commits = watch::Sender::new(());
        let noted = commits.clone();
        let writer = SqlitePoolOptions::new()
            .after_connect(move |connection, _| {
                let noted = noted.clone();
                Box::pin(async move {
                    connection.lock_handle().await?.set_commit_hook(move || {
                        noted.send_replace(());
                        true
                    });
                    Ok(())
                })
            })
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.clone())
            .await?;
        MIGRATOR.run(&writer).await?;
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.read_only(true))
            .await?;
        Ok(Self { writer, reader, commits })
    }

    /// Tells of every change, once readers can see it, until `stop` is cancelled.
    pub async fn tell_of_commits(self, changes: Changes, stop: CancellationToken) {
        let mut commits = self.commits.subscribe();
        while let Some(Ok(())) = stop.run_until_cancelled(commits.changed()).await {
            // SQLite speaks before it commits. Its only writer is free again when it has.
            drop(self.writer.acquire().await);
            changes.tell();
        }
    }

    /// Where reads go.
    pub fn read(&self) -> &SqlitePool {
        &self.reader
    }

    /// Where single writes go.
    pub fn write(&self) -> &SqlitePool {
        &self.writer
    }

    /// Reads that all see the database at one moment.
    pub async fn begin_reading(&self) -> Result<Transaction, Error> {
        Ok(self.reader.begin().await?)
    }

    /// A transaction on the writer. Hold it for milliseconds: everybody else waits.
    pub async fn begin(&self) -> Result<Transaction, Error> {
        Ok(self.writer.begin().await?)
    }

    /// The store of browser sessions, on the writer, its table in place.
    pub async fn session_store(&self) -> Result<SqliteStore, Error> {
        let store = SqliteStore::new(self.writer.clone());
        store.migrate().await?;
        Ok(store)
    }

    /// The same store, for reading only.
    pub fn session_reader(&self) -> SqliteStore {
        SqliteStore::new(self.reader.clone())
    }

    /// Closes both pools; SQLite then folds the WAL into the file.
    pub async fn close(&self) {
        close(&self.reader).await;
        close(&self.writer).await;
    }
}

/// Closes a pool with all its connections. One that comes back while sqlx closes the pool stays open in it, so it is closed until none is.
async fn close(pool: &SqlitePool) {
    loop {
        pool.close().await;
        if pool.size() == 0 {
            return;
        }
        yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_still_reads_or_writes_the_file_is_whole_after_the_close() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("upaas.db");
        for _ in 0..100 {
            let db = Db::open(&file).await.expect("opens");
            let held = (db.write().acquire().await.expect("there"), db.read().acquire().await.expect("there"));
            let busy = tokio::spawn(async move { drop(held) });
            db.close().await;
            busy.await.expect("ended");
            assert!(!file.with_extension("db-wal").exists());
        }
    }
}
