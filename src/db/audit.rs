//! The audit log: who did what. Rows are only ever added, and removed by retention.

use sqlx::{FromRow, QueryBuilder, Sqlite, SqliteExecutor, SqlitePool};

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

/// The numbers among which entries may be, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    first: i64,
    last: i64,
}

impl Span {
    const ALL: Self = Self { first: 0, last: i64::MAX };
    const NONE: Self = Self { first: 1, last: 0 };

    /// Of these only those before `id`; all of them when there is none.
    #[must_use]
    pub fn before(self, id: Option<i64>) -> Self {
        Self { last: id.map_or(self.last, |id| self.last.min(id.saturating_sub(1))), ..self }
    }
}

/// The newest entries that a filter lets through, newest first, older than the one with the number `before`.
pub async fn newest(db: &SqlitePool, filter: &Filter, before: Option<i64>, limit: i64) -> Result<Vec<Entry>, Error> {
    let span = span(db, filter).await?.before(before);
    newest_of(db, filter, span, limit).await
}

/// The numbers among which the entries of a filter's time are.
///
/// The order of the entries is that of their numbers, whatever the clock did. Were the clock never set back, the two ends of a time
/// would do; as it may be, all entries of that time are looked at, in the index.
pub async fn span(db: impl SqliteExecutor<'_>, filter: &Filter) -> Result<Span, Error> {
    if filter.from.is_none() && filter.until.is_none() {
        return Ok(Span::ALL);
    }
    let ends: (Option<i64>, Option<i64>) = sqlx::query_as("SELECT min(id), max(id) FROM audit_log WHERE at >= ? AND at < ?")
        .bind(filter.from.map_or(i64::MIN, Moment::unix_ms))
        .bind(filter.until.map_or(i64::MAX, Moment::unix_ms))
        .fetch_one(db)
        .await?;
    Ok(match ends {
        (Some(first), Some(last)) => Span { first, last },
        _ => Span::NONE,
    })
}

/// As [`newest`], among the entries with these numbers.
pub async fn newest_of(db: impl SqliteExecutor<'_>, filter: &Filter, span: Span, limit: i64) -> Result<Vec<Entry>, Error> {
    let rows: Vec<Row> = select(filter, span, limit).build_query_as().fetch_all(db).await?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

/// Every index that is read ends with the number, which is the order: nothing is sorted, and reading stops at the limit. Which one it
/// is, is decided here, and not by what SQLite knows of the values: a rare one would be looked for in all entries.
fn select(filter: &Filter, span: Span, limit: i64) -> QueryBuilder<'static, Sqlite> {
    let mut query = QueryBuilder::new(
        "SELECT audit_log.id, at, audit_log.action, audit_log.result, user_id, audit_log.user_name, audit_log.address, audit_log.resource_type,
                resource_id, audit_log.resource_name, audit_log.detail ",
    );
    let search = search(filter);
    let id = if search.is_some() { "audit_search.rowid" } else { "audit_log.id" };
    query.push(match (&search, filter) {
        (Some(_), _) => "FROM audit_search CROSS JOIN audit_log NOT INDEXED ON audit_log.id = audit_search.rowid",
        (_, Filter { outcome: Some(Outcome::Failure), .. }) => "FROM audit_log INDEXED BY audit_log_failures",
        (_, Filter { action: Some(_), .. }) => "FROM audit_log INDEXED BY audit_log_by_action",
        (_, Filter { user: Some(_), .. }) => "FROM audit_log INDEXED BY audit_log_by_user",
        (_, Filter { resource: Some(_), .. }) => "FROM audit_log INDEXED BY audit_log_by_resource",
        _ => "FROM audit_log NOT INDEXED",
    });
    query.push(format!(" WHERE {id} >= ")).push_bind(span.first);
    query.push(format!(" AND {id} <= ")).push_bind(span.last);
    if let Some(search) = search {
        query.push(" AND audit_search MATCH ").push_bind(search);
    }
    if let Some(action) = filter.action {
        query.push(" AND audit_log.action = ").push_bind(action);
    }
    match filter.outcome {
        // As a literal: the index of failures is for this very condition.
        Some(Outcome::Failure) => query.push(" AND audit_log.result = 'FAILURE'"),
        Some(Outcome::Success) => query.push(" AND audit_log.result = 'SUCCESS'"),
        None => &mut query,
    };
    if let Some(resource) = filter.resource {
        query.push(" AND audit_log.resource_type = ").push_bind(resource);
    }
    if let Some(user) = &filter.user {
        query.push(" AND audit_log.user_name = ").push_bind(user.clone());
    }
    if let Some(from) = filter.from {
        query.push(" AND at >= ").push_bind(from);
    }
    if let Some(until) = filter.until {
        query.push(" AND at < ").push_bind(until);
    }
    query.push(format!(" ORDER BY {id} DESC LIMIT ")).push_bind(limit);
    query
}

/// A filter as an FTS5 query, when the search finds its entries best: words, and two values neither of which may be rare while both
/// together are. Without words that could be found there is none to look for.
fn search(filter: &Filter) -> Option<String> {
    const WORDS_STAND_IN: &str = "{action user_name address resource_name detail}";
    let words: Vec<String> =
        filter.words.iter().filter(|word| has_token(word)).map(|word| format!("{WORDS_STAND_IN} : {}*", phrase(word))).collect();
    let failure = (filter.outcome == Some(Outcome::Failure)).then_some(Outcome::Failure.as_str());
    let values = [
        ("action", filter.action.map(Action::as_str)),
        ("result", failure),
        ("user_name", filter.user.as_deref().filter(|user| has_token(user))),
        ("resource_type", filter.resource.map(Resource::as_str)),
    ];
    let values: Vec<String> = values.iter().filter_map(|(column, value)| Some(format!("{column} : {}", phrase((*value)?)))).collect();
    let by_search = !words.is_empty() || values.len() > 1;
    by_search.then(|| [words, values].concat().join(" AND "))
}

/// Whether the search sees anything in a text: it takes what is between letters and digits for blanks.
fn has_token(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Within quotes nothing is an operator. A NUL would end the query.
fn phrase(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\"").replace('\0', " "))
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

/// The number of the last entry that is logged.
pub async fn logged(db: impl SqliteExecutor<'_>) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("SELECT logged FROM audit_copy WHERE id = 1").fetch_one(db).await?)
}

/// Notes how far the entries are logged.
pub async fn set_logged(db: impl SqliteExecutor<'_>, id: i64) -> Result<(), Error> {
    sqlx::query("UPDATE audit_copy SET logged = ? WHERE id = 1").bind(id).execute(db).await?;
    Ok(())
}

/// Notes how far the entries are copied to the files, and thereby logged.
pub async fn set_copied(db: impl SqliteExecutor<'_>, id: i64) -> Result<(), Error> {
    sqlx::query("UPDATE audit_copy SET copied = ?1, logged = max(logged, ?1) WHERE id = 1").bind(id).execute(db).await?;
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

#[cfg(test)]
mod tests;
