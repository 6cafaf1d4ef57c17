//! An app's deployments of the past: those that a filter lets through, and what the last ones come to.

use sqlx::{FromRow, QueryBuilder, Sqlite, SqliteExecutor};

use super::Row;
use crate::{
    db::Error,
    domain::{
        commit::CommitPrefix,
        deployment::{Cause, Deployment, Times, Trigger},
        history::{Outcome, Record, Run},
        ids::AppId,
        moment::Moment,
    },
};

/// Which of an app's deployments are asked for. What is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// How it ended, or that it has not.
    pub outcome: Option<Outcome>,
    /// What asked for it.
    pub trigger: Option<Trigger>,
    /// Why it failed.
    pub cause: Option<Cause>,
    /// How its commit's id begins: of what was fetched or, before that, asked for.
    pub commit: Option<CommitPrefix>,
}

impl Filter {
    /// Whether no deployment can be like this: only what failed has a cause.
    fn is_contradictory(&self) -> bool {
        self.cause.is_some() && self.outcome.is_some_and(|it| it != Outcome::Failed)
    }
}

/// The app's newest deployments below a number that a filter lets through, newest first.
pub async fn before(db: impl SqliteExecutor<'_>, app: AppId, filter: &Filter, number: i64, limit: i64) -> Result<Vec<Deployment>, Error> {
    if filter.is_contradictory() {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = select(app, filter, number, limit).build_query_as().fetch_all(db).await?;
    rows.into_iter().map(Deployment::try_from).collect()
}

/// Which index is read is decided here, and not by what SQLite knows of the values: a rare one would be looked for in all deployments.
/// There is one for every filter but two kinds, of which there are few: those that have not ended, and those of a commit.
fn select(app: AppId, filter: &Filter, number: i64, limit: i64) -> QueryBuilder<'static, Sqlite> {
    let mut query = QueryBuilder::new(select!("INDEXED BY "));
    query.push(match filter {
        Filter { outcome: Some(Outcome::Unfinished), .. } => "deployments_unfinished",
        Filter { commit: Some(_), .. } => "deployments_by_commit",
        Filter { cause: Some(_), trigger: Some(_), .. } => "deployments_by_cause_and_trigger",
        Filter { cause: Some(_), .. } => "deployments_by_cause",
        Filter { outcome: Some(_), trigger: Some(_), .. } => "deployments_by_status_and_trigger",
        Filter { outcome: Some(_), .. } => "deployments_by_status",
        Filter { trigger: Some(_), .. } => "deployments_by_trigger",
        // The one that comes with the rule that numbers are unique.
        _ => "sqlite_autoindex_deployments_2",
    });
    query.push(" WHERE app_id = ").push_bind(app);
    query.push(" AND number < ").push_bind(number);
    match (filter.outcome.map(Outcome::status), filter.cause) {
        (Some(None), _) => query.push(" AND finished_at IS NULL"),
        (_, Some(cause)) => query.push(" AND failure_cause = ").push_bind(cause),
        (Some(Some(status)), None) => query.push(" AND status = ").push_bind(status),
        (None, None) => &mut query,
    };
    if let Some(trigger) = filter.trigger {
        query.push(" AND \"trigger\" = ").push_bind(trigger);
    }
    if let Some(prefix) = &filter.commit {
        // `g` comes after every digit that may follow.
        query.push(" AND coalesce(commit_id, requested_commit) >= ").push_bind(prefix.as_str().to_owned());
        query.push(" AND coalesce(commit_id, requested_commit) < ").push_bind(format!("{}g", prefix.as_str()));
    }
    query.push(" ORDER BY number DESC LIMIT ").push_bind(limit);
    query
}

#[derive(FromRow)]
struct RunRow {
    failure_cause: Option<Cause>,
    queued_at: Moment,
    cloning_at: Option<Moment>,
    building_at: Option<Moment>,
    deploying_at: Option<Moment>,
    finished_at: Option<Moment>,
}

impl From<RunRow> for Run {
    fn from(row: RunRow) -> Self {
        let times = Times {
            queued: row.queued_at,
            cloning: row.cloning_at,
            building: row.building_at,
            deploying: row.deploying_at,
            finished: row.finished_at,
        };
        Self { cause: row.failure_cause, times }
    }
}

/// What the app's last [`Record::RUNS_MAX`] deployments that succeeded or failed come to.
pub async fn record(db: impl SqliteExecutor<'_>, app: AppId) -> Result<Record, Error> {
    let rows: Vec<RunRow> = sqlx::query_as(
        "SELECT failure_cause, queued_at, cloning_at, building_at, deploying_at, finished_at FROM deployments
         WHERE app_id = ?1 AND number IN
           (SELECT number FROM (SELECT number FROM deployments WHERE app_id = ?1 AND status = 'success' ORDER BY number DESC LIMIT ?2)
            UNION ALL
            SELECT number FROM (SELECT number FROM deployments WHERE app_id = ?1 AND status = 'failed' ORDER BY number DESC LIMIT ?2)
            ORDER BY number DESC LIMIT ?2)",
    )
    .bind(app)
    .bind(i64::try_from(Record::RUNS_MAX).unwrap_or(i64::MAX))
    .fetch_all(db)
    .await?;
    Ok(Record::of(&rows.into_iter().map(Run::from).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests;
