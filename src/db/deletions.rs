//! Deleted apps. From the moment of its deletion nobody finds an app's row any more ([`super::apps`]); it keeps the name from being taken
//! until nothing of the app is left, and is the last of its rows to go. The others go before it, some at a time.

use std::time::Duration;

use sqlx::{FromRow, SqliteConnection, SqliteExecutor};

use super::{Error, secrets, snapshots};
use crate::domain::{
    deletion::Deletion,
    ids::{AppId, SecretId, SnapshotId},
    moment::Moment,
    slug::Slug,
};

/// The columns of [`Row`], as a literal for `concat!`.
macro_rules! select {
    ($tail:literal) => {
        concat!("SELECT app_id, slug, volumes, stop_grace, requested_by, requested_at FROM deletions ", $tail)
    };
}

#[derive(FromRow)]
struct Row {
    app_id: AppId,
    slug: String,
    volumes: bool,
    stop_grace: i64,
    requested_by: String,
    requested_at: Moment,
}

impl TryFrom<Row> for Deletion {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            app: row.app_id,
            slug: row.slug.parse()?,
            volumes: row.volumes,
            stop_grace: Duration::from_secs(u64::try_from(row.stop_grace).unwrap_or(0)),
            requested_by: row.requested_by,
            requested_at: row.requested_at,
        })
    }
}

/// Deletes an app for everybody who looks for it; what it has queued goes at once.
pub async fn begin(tx: &mut SqliteConnection, deletion: &Deletion) -> Result<(), Error> {
    let insert =
        sqlx::query("INSERT INTO deletions (app_id, slug, volumes, stop_grace, requested_by, requested_at) VALUES (?, ?, ?, ?, ?, ?)");
    insert
        .bind(deletion.app)
        .bind(deletion.slug.as_str())
        .bind(deletion.volumes)
        .bind(i64::try_from(deletion.stop_grace.as_secs()).unwrap_or(i64::MAX))
        .bind(&deletion.requested_by)
        .bind(deletion.requested_at)
        .execute(&mut *tx)
        .await?;
    sqlx::query("UPDATE apps SET live_deployment_id = NULL WHERE id = ?").bind(deletion.app).execute(&mut *tx).await?;
    sqlx::query("DELETE FROM deployments WHERE app_id = ? AND finished_at IS NULL").bind(deletion.app).execute(tx).await?;
    Ok(())
}

/// Every app of which something is left, in the order in which they were deleted.
pub async fn all(db: impl SqliteExecutor<'_>) -> Result<Vec<Deletion>, Error> {
    let rows: Vec<Row> = sqlx::query_as(select!("ORDER BY requested_at")).fetch_all(db).await?;
    rows.into_iter().map(Deletion::try_from).collect()
}

/// The deleted app that still has this name.
pub async fn by_slug(db: impl SqliteExecutor<'_>, slug: &Slug) -> Result<Option<Deletion>, Error> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE slug = ?")).bind(slug.as_str()).fetch_optional(db).await?;
    row.map(Deletion::try_from).transpose()
}

/// Whether this app was deleted and something of it is left.
pub async fn is_pending(db: impl SqliteExecutor<'_>, app: AppId) -> Result<bool, Error> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM deletions WHERE app_id = ?)").bind(app).fetch_one(db).await?)
}

/// Removes some of the rows of a deleted app's history; how many. Zero: there are no more.
pub async fn remove_some(tx: &mut SqliteConnection, app: AppId, limit: i64) -> Result<u64, Error> {
    let history = [
        "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE app_id = ? LIMIT ?)",
        "DELETE FROM deployments WHERE id IN (SELECT id FROM deployments WHERE app_id = ? LIMIT ?)",
    ];
    for statement in history {
        let removed = sqlx::query(statement).bind(app).bind(limit).execute(&mut *tx).await?.rows_affected();
        if removed > 0 {
            return Ok(removed);
        }
    }
    let some: Vec<SnapshotId> = sqlx::query_scalar("SELECT id FROM config_snapshots WHERE app_id = ? LIMIT ?")
        .bind(app)
        .bind(limit.min(snapshots::AT_ONCE.into()))
        .fetch_all(&mut *tx)
        .await?;
    snapshots::remove(tx, &some).await?;
    Ok(some.len() as u64)
}

/// Removes the last rows of a deleted app, with its secrets: nothing of it is left, and its name is free.
pub async fn finish(tx: &mut SqliteConnection, app: AppId) -> Result<(), Error> {
    let sealed: Vec<SecretId> = sqlx::query_scalar(
        "SELECT secret_id FROM app_secrets WHERE app_id = ?1
         UNION SELECT deploy_key_id FROM apps WHERE id = ?1 UNION SELECT webhook_secret_id FROM apps WHERE id = ?1",
    )
    .bind(app)
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM apps WHERE id = ?").bind(app).execute(&mut *tx).await?;
    for secret in sealed {
        secrets::remove_unused(&mut *tx, secret).await?;
    }
    sqlx::query("DELETE FROM deletions WHERE app_id = ?").bind(app).execute(tx).await?;
    Ok(())
}
