//! Deployments. A row moves by compare-and-set along the status table; the queue is this table.

use sqlx::{FromRow, SqliteConnection, SqliteExecutor};

use super::{Error, apps};
use crate::domain::{
    commit::{CommitFacts, CommitId},
    deployment::{Cause, Deployment, Ending, PhaseLines, Rollback, Status, Switch, Times, Trigger},
    ids::{AppId, DeploymentId, SnapshotId},
    moment::Moment,
};

/// The columns of [`Row`], as a literal for `concat!`.
macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT id, app_id, number, \"trigger\", requested_by, status, attempt, requested_commit, commit_id, commit_message, commit_author, committed_at,
                    snapshot_id, image, container, host_port, switch, gap_ms, queued_at, cloning_at, building_at, deploying_at, finished_at,
                    cloning_line, building_line, deploying_line, cancel_requested_at, cancel_reason, failure_cause, ended_in, ending, ending_hint,
                    journal_removed_at, no_cache, superseded_by, back_to, keeps_values, pinned_at, image_removed_at
             FROM deployments ",
            $tail
        )
    };
}

mod adopted;
mod facts;
pub mod history;
pub mod kept;
mod queue;

pub use adopted::{Adopted, insert_adopted};
pub use facts::{set_commit, set_container, set_image, set_pinned, set_snapshot, set_switch};
pub use queue::{all_unfinished, apps_with_queue, has_queued, newest_automatic_queued, request_making_way, running, supersede, unfinished};

#[derive(FromRow)]
struct Row {
    id: DeploymentId,
    app_id: AppId,
    number: i64,
    trigger: Trigger,
    requested_by: Option<String>,
    status: Status,
    attempt: i64,
    requested_commit: Option<String>,
    commit_id: Option<String>,
    commit_message: Option<String>,
    commit_author: Option<String>,
    committed_at: Option<Moment>,
    snapshot_id: Option<SnapshotId>,
    image: Option<String>,
    container: Option<String>,
    host_port: Option<u16>,
    switch: Option<Switch>,
    gap_ms: Option<i64>,
    queued_at: Moment,
    cloning_at: Option<Moment>,
    building_at: Option<Moment>,
    deploying_at: Option<Moment>,
    finished_at: Option<Moment>,
    cloning_line: Option<i64>,
    building_line: Option<i64>,
    deploying_line: Option<i64>,
    cancel_requested_at: Option<Moment>,
    cancel_reason: Option<String>,
    failure_cause: Option<Cause>,
    ended_in: Option<Status>,
    ending: Option<String>,
    ending_hint: Option<String>,
    journal_removed_at: Option<Moment>,
    no_cache: bool,
    superseded_by: Option<i64>,
    back_to: Option<i64>,
    keeps_values: bool,
    pinned_at: Option<Moment>,
    image_removed_at: Option<Moment>,
}

impl TryFrom<Row> for Deployment {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let commit = match (row.commit_id, row.commit_message, row.commit_author, row.committed_at) {
            (Some(id), Some(message), Some(author), Some(committed_at)) => {
                Some(CommitFacts { id: id.parse()?, message, author, committed_at })
            }
            _ => None,
        };
        let ending = row.ending.map(|sentence| Ending {
            cause: row.failure_cause,
            phase: row.ended_in.unwrap_or(Status::Queued),
            sentence,
            hint: row.ending_hint,
        });
        Ok(Self {
            id: row.id,
            app: row.app_id,
            number: row.number,
            trigger: row.trigger,
            requested_by: row.requested_by,
            status: row.status,
            attempt: row.attempt,
            requested_commit: row.requested_commit.map(|id| id.parse::<CommitId>()).transpose()?,
            commit,
            snapshot: row.snapshot_id,
            image: row.image,
            container: row.container,
            host_port: row.host_port,
            switch: row.switch,
            gap_ms: row.gap_ms.and_then(|ms| u64::try_from(ms).ok()),
            times: Times {
                queued: row.queued_at,
                cloning: row.cloning_at,
                building: row.building_at,
                deploying: row.deploying_at,
                finished: row.finished_at,
            },
            lines: PhaseLines { cloning: row.cloning_line, building: row.building_line, deploying: row.deploying_line },
            cancel: row.cancel_requested_at.map(|_| row.cancel_reason.unwrap_or_else(|| "Cancelled".to_owned())),
            ending,
            journal_removed: row.journal_removed_at,
            no_cache: row.no_cache,
            superseded_by: row.superseded_by,
            rollback: row.back_to.map(|to| Rollback { to, keeps_values: row.keeps_values }),
            pinned: row.pinned_at,
            image_removed: row.image_removed_at,
        })
    }
}

/// What a request for a deployment says.
#[derive(Debug, Clone)]
pub struct NewDeployment<'a> {
    /// The app.
    pub app: AppId,
    /// What asked.
    pub trigger: Trigger,
    /// Who asked.
    pub requested_by: Option<&'a str>,
    /// Which commit; none is the branch's tip at fetch.
    pub commit: Option<&'a CommitId>,
    /// Whether its build uses nothing of earlier ones.
    pub no_cache: bool,
    /// To which older deployment it goes back.
    pub rollback: Option<Rollback>,
}

/// Puts a deployment into its app's queue, under the next number.
pub async fn enqueue(tx: &mut SqliteConnection, new: &NewDeployment<'_>) -> Result<Deployment, Error> {
    let number = apps::next_number(&mut *tx, new.app).await?;
    let id = DeploymentId::new();
    sqlx::query(
        "INSERT INTO deployments (id, app_id, number, \"trigger\", requested_by, requested_commit, no_cache, back_to, keeps_values, queued_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(new.app)
    .bind(number)
    .bind(new.trigger)
    .bind(new.requested_by)
    .bind(new.commit.map(CommitId::as_str))
    .bind(new.no_cache)
    .bind(new.rollback.map(|it| it.to))
    .bind(new.rollback.is_some_and(|it| it.keeps_values))
    .bind(Moment::now())
    .execute(&mut *tx)
    .await?;
    get(tx, id).await
}

/// The deployment with this id; [`Error::Stale`] when there is none any more.
pub async fn get(db: impl SqliteExecutor<'_>, id: DeploymentId) -> Result<Deployment, Error> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE id = ?")).bind(id).fetch_optional(db).await?;
    row.ok_or(Error::Stale("deployment"))?.try_into()
}

/// The app's deployment with this number.
pub async fn by_number(db: impl SqliteExecutor<'_>, app: AppId, number: i64) -> Result<Option<Deployment>, Error> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE app_id = ? AND number = ?")).bind(app).bind(number).fetch_optional(db).await?;
    row.map(Deployment::try_from).transpose()
}

/// The newest deployment that has made this container, or adopted it.
pub async fn by_container(db: impl SqliteExecutor<'_>, container: &str) -> Result<Option<Deployment>, Error> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE container = ? ORDER BY queued_at DESC LIMIT 1")).bind(container).fetch_optional(db).await?;
    row.map(Deployment::try_from).transpose()
}

/// The app's newest deployments below a number, newest first.
pub async fn before(db: impl SqliteExecutor<'_>, app: AppId, number: i64, limit: i64) -> Result<Vec<Deployment>, Error> {
    let rows: Vec<Row> = sqlx::query_as(select!("WHERE app_id = ? AND number < ? ORDER BY number DESC LIMIT ?"))
        .bind(app)
        .bind(number)
        .bind(limit)
        .fetch_all(db)
        .await?;
    rows.into_iter().map(Deployment::try_from).collect()
}

/// The newest deployment of every app, and the live one: what the dashboard shows.
pub async fn newest_and_live(db: impl SqliteExecutor<'_>) -> Result<Vec<Deployment>, Error> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE id IN (SELECT live_deployment_id FROM apps
                      UNION SELECT newest.id FROM apps CROSS JOIN deployments newest ON newest.app_id = apps.id AND newest.number = apps.last_number)"
    ))
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Deployment::try_from).collect()
}

/// Moves a row along the status table and notes when, and at which line of its journal. [`Error::Stale`] when it is not where the caller
/// believes.
pub async fn advance(db: impl SqliteExecutor<'_>, deployment: &Deployment, next: Status, line: u64) -> Result<(), Error> {
    if !deployment.status.may_become(next) || next.is_end() {
        return Err(Error::Stale("deployment"));
    }
    let statement = match next {
        Status::Cloning => "UPDATE deployments SET status = ?1, cloning_at = ?2, cloning_line = ?3 WHERE id = ?4 AND status = ?5",
        Status::Building => "UPDATE deployments SET status = ?1, building_at = ?2, building_line = ?3 WHERE id = ?4 AND status = ?5",
        Status::Deploying => "UPDATE deployments SET status = ?1, deploying_at = ?2, deploying_line = ?3 WHERE id = ?4 AND status = ?5",
        _ => return Err(Error::Stale("deployment")),
    };
    let moved = sqlx::query(statement)
        .bind(next)
        .bind(Moment::now())
        .bind(i64::try_from(line).unwrap_or(i64::MAX))
        .bind(deployment.id)
        .bind(deployment.status)
        .execute(db)
        .await?;
    one_row(moved.rows_affected())
}

/// Puts an interrupted deployment back into the queue as its next attempt. Its number and place stay.
pub async fn requeue(db: impl SqliteExecutor<'_>, deployment: &Deployment) -> Result<(), Error> {
    let moved = sqlx::query(
        "UPDATE deployments SET status = 'queued', attempt = attempt + 1, cloning_at = NULL, building_at = NULL, deploying_at = NULL,
                cloning_line = NULL, building_line = NULL, deploying_line = NULL,
                image = NULL, container = NULL, host_port = NULL, switch = NULL, gap_ms = NULL
         WHERE id = ? AND status = ? AND finished_at IS NULL AND cancel_requested_at IS NULL",
    )
    .bind(deployment.id)
    .bind(deployment.status)
    .execute(db)
    .await?;
    one_row(moved.rows_affected())
}

/// Ends a deployment. [`Error::Stale`] when it is not where the caller believes.
pub async fn finish(db: impl SqliteExecutor<'_>, deployment: &Deployment, end: Status, ending: Option<&Ending>) -> Result<(), Error> {
    if !deployment.status.may_become(end) || !end.is_end() {
        return Err(Error::Stale("deployment"));
    }
    let moved = sqlx::query(
        "UPDATE deployments SET status = ?, finished_at = ?, failure_cause = ?, ended_in = ?, ending = ?, ending_hint = ? WHERE id = ? AND status = ?",
    )
    .bind(end)
    .bind(Moment::now())
    .bind(ending.and_then(|ending| ending.cause))
    .bind(ending.map(|ending| ending.phase))
    .bind(ending.map(|ending| &ending.sentence))
    .bind(ending.and_then(|ending| ending.hint.as_ref()))
    .bind(deployment.id)
    .bind(deployment.status)
    .execute(db)
    .await?;
    one_row(moved.rows_affected())
}

/// Notes that it is to be cancelled and why, in words; whether the note came in time shows in the row's end.
/// False when the deployment is over or its container is live already.
pub async fn request_cancel(db: impl SqliteExecutor<'_>, id: DeploymentId, reason: &str) -> Result<bool, Error> {
    let noted = sqlx::query(
        "UPDATE deployments SET cancel_requested_at = coalesce(cancel_requested_at, ?), cancel_reason = coalesce(cancel_reason, ?)
         WHERE id = ? AND finished_at IS NULL AND NOT EXISTS (SELECT 1 FROM apps WHERE live_deployment_id = deployments.id)",
    )
    .bind(Moment::now())
    .bind(reason)
    .bind(id)
    .execute(db)
    .await?;
    Ok(noted.rows_affected() == 1)
}

/// Moves the live pointer to a deployment unless its cancellation was asked for: the one place where the two meet.
/// False when the cancellation came first.
pub async fn promote(tx: &mut SqliteConnection, deployment: &Deployment) -> Result<bool, Error> {
    let wanted: bool = sqlx::query_scalar("SELECT cancel_requested_at IS NULL FROM deployments WHERE id = ?")
        .bind(deployment.id)
        .fetch_one(&mut *tx)
        .await?;
    if wanted {
        apps::set_live(tx, deployment.app, deployment.id).await?;
    }
    Ok(wanted)
}

/// When another deployment of the app became live after this moment, for the first time.
pub async fn next_success_after(db: impl SqliteExecutor<'_>, app: AppId, moment: Moment) -> Result<Option<Moment>, Error> {
    let query = sqlx::query_scalar("SELECT min(finished_at) FROM deployments WHERE app_id = ? AND status = 'success' AND finished_at > ?");
    Ok(query.bind(app).bind(moment).fetch_one(db).await?)
}

fn one_row(rows: u64) -> Result<(), Error> {
    if rows == 1 { Ok(()) } else { Err(Error::Stale("deployment")) }
}
