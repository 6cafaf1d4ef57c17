//! The audit log: who did what. Rows are only ever added, and removed by retention.

use sqlx::{FromRow, QueryBuilder, Sqlite, SqliteExecutor};

use super::Error;
use crate::domain::{
    audit::{Act, Action, Actor, Entry, Outcome, Resource, Subject},
    moment::Moment,
};

/// Which entries are asked for. What is not said does not matter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// What was done.
    pub action: Option<Action>,
    /// Whether it worked.
    pub outcome: Option<Outcome>,
    /// To what kind of thing.
    pub resource: Option<Resource>,
    /// By whom, the whole name.
    pub user: Option<String>,
    /// Not before this moment.
    pub from: Option<Moment>,
    /// Before this moment.
    pub until: Option<Moment>,
    /// Words that occur in it, or begin like this.
    pub words: Vec<String>,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    at: Moment,
    action: Action,
    result: Outcome,
    user_id: Option<i64>,
    user_name: String,
    address: Option<String>,
    resource_type: Resource,
    resource_id: String,
    resource_name: String,
    detail: String,
}

impl From<Row> for Entry {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            at: row.at,
            act: Act {
                action: row.action,
                outcome: row.result,
                actor: Actor { user: row.user_id, name: row.user_name, address: row.address.and_then(|address| address.parse().ok()) },
                subject: Subject { kind: row.resource_type, id: row.resource_id, name: row.resource_name },
                detail: row.detail,
            },
        }
    }
}

/// Adds an entry.
pub async fn insert(db: impl SqliteExecutor<'_>, at: Moment, act: &Act) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO audit_log (at, action, result, user_id, user_name, address, resource_type, resource_id, resource_name, detail)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(at)
    .bind(act.action)
    .bind(act.outcome)
    .bind(act.actor.user)
    .bind(&act.actor.name)
    .bind(act.actor.address.map(|address| address.to_string()))
    .bind(act.subject.kind)
    .bind(&act.subject.id)
    .bind(&act.subject.name)
    .bind(&act.detail)
    .execute(db)
    .await?;
    Ok(())
}

/// The newest entries that a filter lets through, newest first, older than the one with the number `before`.
pub async fn newest(db: impl SqliteExecutor<'_>, filter: &Filter, before: Option<i64>, limit: i64) -> Result<Vec<Entry>, Error> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "SELECT audit_log.id, at, audit_log.action, result, user_id, audit_log.user_name, audit_log.address, resource_type, resource_id,
                audit_log.resource_name, audit_log.detail ",
    );
    // The order is that of the numbers, which every index here ends with: nothing is sorted, and reading stops at the limit.
    let id = if filter.words.is_empty() { "audit_log.id" } else { "audit_search.rowid" };
    query.push(match (filter.words.is_empty(), filter.outcome) {
        (false, _) => "FROM audit_search JOIN audit_log ON audit_log.id = audit_search.rowid ",
        (true, Some(Outcome::Failure)) => "FROM audit_log INDEXED BY audit_log_failures ",
        (true, _) => "FROM audit_log ",
    });
    query.push(format!("WHERE {id} < ")).push_bind(before.unwrap_or(i64::MAX));
    if !filter.words.is_empty() {
        query.push(" AND audit_search MATCH ").push_bind(matching(&filter.words));
    }
    if let Some(action) = filter.action {
        query.push(" AND audit_log.action = ").push_bind(action);
    }
    match filter.outcome {
        Some(Outcome::Failure) => query.push(" AND result = 'FAILURE'"),
        Some(Outcome::Success) => query.push(" AND result = 'SUCCESS'"),
        None => &mut query,
    };
    if let Some(resource) = filter.resource {
        query.push(" AND resource_type = ").push_bind(resource);
    }
    if let Some(user) = &filter.user {
        query.push(" AND audit_log.user_name = ").push_bind(user);
    }
    // The clock's order and that of the numbers are the same, unless the clock was set back in between.
    if let Some(from) = filter.from {
        query.push(" AND +at >= ").push_bind(from);
        query.push(format!(" AND {id} >= (SELECT coalesce(min(id), {}) FROM (SELECT id FROM audit_log WHERE at >= ", i64::MAX));
        query.push_bind(from).push(" ORDER BY at LIMIT 1))");
    }
    if let Some(until) = filter.until {
        query.push(" AND +at < ").push_bind(until);
        query.push(format!(" AND {id} <= (SELECT coalesce(max(id), 0) FROM (SELECT id FROM audit_log WHERE at < "));
        query.push_bind(until).push(" ORDER BY at DESC LIMIT 1))");
    }
    query.push(format!(" ORDER BY {id} DESC LIMIT ")).push_bind(limit);
    let rows: Vec<Row> = query.build_query_as().fetch_all(db).await?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

/// The words as an FTS5 query: each is a phrase that may go on.
fn matching(words: &[String]) -> String {
    words.iter().map(|word| format!("\"{}\"*", word.replace('"', "\"\""))).collect::<Vec<_>>().join(" ")
}

/// The entries after the one with this number, in order.
pub async fn after(db: impl SqliteExecutor<'_>, id: i64, limit: i64) -> Result<Vec<Entry>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, at, action, result, user_id, user_name, address, resource_type, resource_id, resource_name, detail
         FROM audit_log WHERE id > ? ORDER BY id LIMIT ?",
    )
    .bind(id)
    .bind(limit)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

/// The number of the newest entry; 0 when there is none.
pub async fn last(db: impl SqliteExecutor<'_>) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM audit_log").fetch_one(db).await?)
}

/// The number of the last entry that is copied to the files.
pub async fn copied(db: impl SqliteExecutor<'_>) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("SELECT copied FROM audit_copy WHERE id = 1").fetch_one(db).await?)
}

/// What is not copied to the files yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Backlog {
    /// How many entries.
    pub entries: i64,
    /// When the oldest of them was recorded.
    pub oldest: Option<Moment>,
}

/// What is not copied to the files yet. Numbers have no gaps there, so nothing is counted row by row.
pub async fn backlog(db: impl SqliteExecutor<'_>) -> Result<Backlog, Error> {
    Ok(sqlx::query_as(
        "SELECT max(0, coalesce((SELECT max(id) FROM audit_log), 0) - copied) AS entries,
                (SELECT at FROM audit_log WHERE audit_log.id > copied ORDER BY audit_log.id LIMIT 1) AS oldest
         FROM audit_copy WHERE audit_copy.id = 1",
    )
    .fetch_one(db)
    .await?)
}

/// Notes how far the entries are copied.
pub async fn set_copied(db: impl SqliteExecutor<'_>, id: i64) -> Result<(), Error> {
    sqlx::query("UPDATE audit_copy SET copied = ? WHERE id = 1").bind(id).execute(db).await?;
    Ok(())
}

/// Removes some of the entries from before `moment` that are copied; returns how many.
pub async fn remove_some(db: impl SqliteExecutor<'_>, before: Moment, limit: i64) -> Result<u64, Error> {
    let removed = sqlx::query(
        "DELETE FROM audit_log WHERE id IN
           (SELECT id FROM audit_log WHERE at < ? AND id <= (SELECT copied FROM audit_copy WHERE id = 1) ORDER BY at LIMIT ?)",
    )
    .bind(before)
    .bind(limit)
    .execute(db)
    .await?;
    Ok(removed.rows_affected())
}
