//! Journals, as their deployments' rows know them: plain, compressed, removed. The text is in files.

use sqlx::{FromRow, SqliteExecutor};

use super::Error;
use crate::domain::{
    ids::{AppId, DeploymentId},
    moment::Moment,
};

/// The first deployment after this one, in the order of ids, that has ended and whose journal is not compressed.
pub async fn next_to_compress(
    db: impl SqliteExecutor<'_>,
    after: Option<DeploymentId>,
) -> Result<Option<(DeploymentId, AppId, i64)>, Error> {
    let next = sqlx::query_as(
        "SELECT id, app_id, number FROM deployments
         WHERE journal_compressed = 0 AND finished_at IS NOT NULL AND id > coalesce(?, '') ORDER BY id LIMIT 1",
    );
    Ok(next.bind(after).fetch_optional(db).await?)
}

/// Notes that a deployment's journal is compressed.
pub async fn set_compressed(db: impl SqliteExecutor<'_>, id: DeploymentId) -> Result<(), Error> {
    sqlx::query("UPDATE deployments SET journal_compressed = 1 WHERE id = ?").bind(id).execute(db).await?;
    Ok(())
}

/// A journal that is there: its deployment, app and number, and when the deployment ended.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct Journal {
    /// The deployment.
    pub id: DeploymentId,
    /// Its app.
    pub app_id: AppId,
    /// Its number.
    pub number: i64,
    /// When it ended.
    pub finished_at: Moment,
}

/// The oldest journals of deployments that ended before `moment` and after those in `after`, in order.
pub async fn before(db: impl SqliteExecutor<'_>, before: Moment, after: Option<&Journal>, limit: i64) -> Result<Vec<Journal>, Error> {
    let query = sqlx::query_as(
        "SELECT id, app_id, number, finished_at FROM deployments
         WHERE finished_at IS NOT NULL AND journal_removed_at IS NULL AND finished_at < ? AND (finished_at, id) > (?, ?)
         ORDER BY finished_at, id LIMIT ?",
    );
    let (from, id) = after.map_or((i64::MIN, String::new()), |it| (it.finished_at.unix_ms(), it.id.to_string()));
    Ok(query.bind(before).bind(from).bind(id).bind(limit).fetch_all(db).await?)
}

/// Notes that a deployment's journal is removed.
pub async fn set_removed(db: impl SqliteExecutor<'_>, id: DeploymentId) -> Result<(), Error> {
    let query = sqlx::query("UPDATE deployments SET journal_removed_at = ?, journal_compressed = 1 WHERE id = ?");
    query.bind(Moment::now()).bind(id).execute(db).await?;
    Ok(())
}
