//! What has not ended: what waits in the queue of each app and what runs, and how a newer push ends or cancels what older ones asked for.

use sqlx::{SqliteConnection, SqliteExecutor};

use super::{Row, get};
use crate::{
    db::Error,
    domain::{
        deployment::Deployment,
        ids::{AppId, DeploymentId},
        moment::Moment,
    },
};

/// The app's unfinished deployments, in the order in which they run: the running one, what people asked for, what pushes asked for.
pub async fn unfinished(db: impl SqliteExecutor<'_>, app: AppId) -> Result<Vec<Deployment>, Error> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE app_id = ? AND finished_at IS NULL ORDER BY status = 'queued', \"trigger\" IN ('webhook', 'poll'), number"
    ))
    .bind(app)
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Deployment::try_from).collect()
}

/// Every deployment that has not ended, app by app in the order in which they run.
pub async fn all_unfinished(db: impl SqliteExecutor<'_>) -> Result<Vec<Deployment>, Error> {
    let rows: Vec<Row> =
        sqlx::query_as(select!("WHERE finished_at IS NULL ORDER BY status = 'queued', app_id, \"trigger\" IN ('webhook', 'poll'), number"))
            .fetch_all(db)
            .await?;
    rows.into_iter().map(Deployment::try_from).collect()
}

/// Every deployment that a worker was at: at start, those that were interrupted.
pub async fn running(db: impl SqliteExecutor<'_>) -> Result<Vec<Deployment>, Error> {
    let rows: Vec<Row> =
        sqlx::query_as(select!("WHERE finished_at IS NULL AND status <> 'queued' ORDER BY app_id, number")).fetch_all(db).await?;
    rows.into_iter().map(Deployment::try_from).collect()
}

/// Whether an app has something in its queue.
pub async fn has_queued(db: impl SqliteExecutor<'_>, app: AppId) -> Result<bool, Error> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM deployments WHERE app_id = ? AND finished_at IS NULL AND status = 'queued')")
        .bind(app)
        .fetch_one(db)
        .await?)
}

/// The apps that have something in their queue.
pub async fn apps_with_queue(db: impl SqliteExecutor<'_>) -> Result<Vec<AppId>, Error> {
    Ok(sqlx::query_scalar("SELECT DISTINCT app_id FROM deployments WHERE finished_at IS NULL AND status = 'queued'").fetch_all(db).await?)
}

/// Ends what pushes have queued before this deployment: it is newer. Returns what it has ended.
pub async fn supersede(tx: &mut SqliteConnection, newer: &Deployment) -> Result<Vec<Deployment>, Error> {
    let ids: Vec<DeploymentId> = sqlx::query_scalar(
        "UPDATE deployments SET status = 'superseded', finished_at = ?, ended_in = 'queued', ending = ?
         WHERE app_id = ? AND number < ? AND finished_at IS NULL AND status = 'queued' AND \"trigger\" IN ('webhook', 'poll')
         RETURNING id",
    )
    .bind(Moment::now())
    .bind(format!("Superseded by #{}.", newer.number))
    .bind(newer.app)
    .bind(newer.number)
    .fetch_all(&mut *tx)
    .await?;
    let mut ended = Vec::with_capacity(ids.len());
    for id in ids {
        ended.push(get(&mut *tx, id).await?);
    }
    Ok(ended)
}

/// The newest deployment that a push asked for and that waits.
pub async fn newest_automatic_queued(db: impl SqliteExecutor<'_>, app: AppId) -> Result<Option<i64>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT max(number) FROM deployments WHERE app_id = ? AND finished_at IS NULL AND status = 'queued' AND \"trigger\" IN ('webhook', 'poll')",
    )
    .bind(app)
    .fetch_one(db)
    .await?)
}

/// Notes that what runs for an older push, and is still fetched or built, is to make way for this one. Returns what that is.
pub async fn request_making_way(tx: &mut SqliteConnection, newer: &Deployment) -> Result<Vec<DeploymentId>, Error> {
    Ok(sqlx::query_scalar(
        "UPDATE deployments SET cancel_requested_at = ?, cancel_reason = ?, superseded_by = ?
         WHERE app_id = ? AND number < ? AND finished_at IS NULL AND status IN ('cloning', 'building') AND \"trigger\" IN ('webhook', 'poll')
           AND cancel_requested_at IS NULL
         RETURNING id",
    )
    .bind(Moment::now())
    .bind(format!("Superseded by #{}", newer.number))
    .bind(newer.number)
    .bind(newer.app)
    .bind(newer.number)
    .fetch_all(tx)
    .await?)
}
