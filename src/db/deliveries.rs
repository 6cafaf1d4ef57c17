//! Deliveries: what came to the apps' webhook URLs, and what was decided.

use sqlx::{FromRow, SqliteExecutor};

use super::Error;
use crate::domain::{
    commit::CommitId,
    delivery::{Delivery, Verdict},
    ids::{AppId, DeliveryId, DeploymentId},
    moment::Moment,
};

/// Of rejected deliveries the last so many are kept, an app.
const REJECTED_KEPT: i64 = 200;

/// The columns of [`Row`], as a literal for `concat!`.
macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT deliveries.id, deliveries.app_id, received_at, forge_id, event, ref, deliveries.commit_id, pusher, verdict, reason, answered,
                    deployments.number AS deployment,
                    CASE WHEN deployments.status = 'skipped' THEN deployments.ending END AS skipped, body_bytes
             FROM deliveries LEFT JOIN deployments ON deployments.id = deliveries.deployment_id ",
            $tail
        )
    };
}

#[derive(FromRow)]
struct Row {
    id: DeliveryId,
    app_id: AppId,
    received_at: Moment,
    forge_id: Option<String>,
    event: String,
    r#ref: Option<String>,
    commit_id: Option<String>,
    pusher: Option<String>,
    verdict: Verdict,
    reason: String,
    answered: u16,
    deployment: Option<i64>,
    skipped: Option<String>,
    body_bytes: i64,
}

impl TryFrom<Row> for Delivery {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            app: row.app_id,
            received_at: row.received_at,
            forge_id: row.forge_id,
            event: row.event,
            reference: row.r#ref,
            commit: row.commit_id.map(|id| id.parse::<CommitId>()).transpose()?,
            pusher: row.pusher,
            verdict: row.verdict,
            reason: row.reason,
            answered: row.answered,
            deployment: row.deployment,
            skipped: row.skipped,
            body_bytes: u64::try_from(row.body_bytes).unwrap_or(0),
        })
    }
}

/// What is kept of a delivery besides what a list shows.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Its headers, as a JSON object.
    pub headers: String,
    /// Its body, compressed; none when it was rejected or is too large.
    pub body: Option<Vec<u8>>,
}

/// Keeps a delivery; `queued` is the deployment it led to.
pub async fn insert(db: impl SqliteExecutor<'_>, delivery: &Delivery, queued: Option<DeploymentId>, kept: &Kept) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO deliveries (id, app_id, received_at, forge_id, event, ref, commit_id, pusher, verdict, reason, answered, deployment_id,
                                 body_bytes, headers, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(delivery.id)
    .bind(delivery.app)
    .bind(delivery.received_at)
    .bind(&delivery.forge_id)
    .bind(&delivery.event)
    .bind(&delivery.reference)
    .bind(delivery.commit.as_ref().map(CommitId::as_str))
    .bind(&delivery.pusher)
    .bind(delivery.verdict)
    .bind(&delivery.reason)
    .bind(delivery.answered)
    .bind(queued)
    .bind(i64::try_from(delivery.body_bytes).unwrap_or(i64::MAX))
    .bind(&kept.headers)
    .bind(&kept.body)
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets the oldest rejected deliveries of an app beyond the kept ones.
pub async fn forget_old_rejected(db: impl SqliteExecutor<'_>, app: AppId) -> Result<(), Error> {
    sqlx::query(
        "DELETE FROM deliveries WHERE app_id = ?1 AND verdict = 'rejected' AND id <=
           (SELECT id FROM deliveries WHERE app_id = ?1 AND verdict = 'rejected' ORDER BY id DESC LIMIT 1 OFFSET ?2)",
    )
    .bind(app)
    .bind(REJECTED_KEPT)
    .execute(db)
    .await?;
    Ok(())
}

/// The app's newest delivery.
pub async fn newest(db: impl SqliteExecutor<'_>, app: AppId) -> Result<Option<Delivery>, Error> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE deliveries.app_id = ? ORDER BY deliveries.id DESC LIMIT 1")).bind(app).fetch_optional(db).await?;
    row.map(Delivery::try_from).transpose()
}

/// The app's newest deliveries, newest first, older than the one given.
pub async fn before(db: impl SqliteExecutor<'_>, app: AppId, older_than: Option<DeliveryId>, limit: i64) -> Result<Vec<Delivery>, Error> {
    let rows: Vec<Row> =
        sqlx::query_as(select!("WHERE deliveries.app_id = ?1 AND (?2 IS NULL OR deliveries.id < ?2) ORDER BY deliveries.id DESC LIMIT ?3"))
            .bind(app)
            .bind(older_than)
            .bind(limit)
            .fetch_all(db)
            .await?;
    rows.into_iter().map(Delivery::try_from).collect()
}

/// Removes some of the deliveries from before `moment`; returns how many.
pub async fn remove_some(db: impl SqliteExecutor<'_>, before: Moment, limit: i64) -> Result<u64, Error> {
    let removed = sqlx::query(
        "DELETE FROM deliveries WHERE rowid IN (SELECT rowid FROM deliveries WHERE received_at < ? ORDER BY received_at LIMIT ?)",
    );
    Ok(removed.bind(before).bind(limit).execute(db).await?.rows_affected())
}
