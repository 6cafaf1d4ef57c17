//! Confirmed host keys, and the last connection test of each app.

use sqlx::{FromRow, SqliteExecutor};

use super::Error;
use crate::domain::{
    connection::{ConnectionCheck, HostKey, KnownHost, Verdict},
    ids::AppId,
    moment::Moment,
};

/// The confirmed key of a server.
pub async fn host_key(db: impl SqliteExecutor<'_>, host: &str, port: u16) -> Result<Option<HostKey>, Error> {
    let row: Option<(String, String)> = sqlx::query_as("SELECT public_key, fingerprint FROM host_keys WHERE host = ? AND port = ?")
        .bind(host)
        .bind(port)
        .fetch_optional(db)
        .await?;
    Ok(row.map(|(public_key, fingerprint)| HostKey { public_key, fingerprint }))
}

/// Every server with a confirmed key.
pub async fn known_hosts(db: impl SqliteExecutor<'_>) -> Result<Vec<KnownHost>, Error> {
    let rows: Vec<(String, u16, String, String)> =
        sqlx::query_as("SELECT host, port, public_key, fingerprint FROM host_keys").fetch_all(db).await?;
    let known = |(host, port, public_key, fingerprint)| KnownHost { host, port, key: HostKey { public_key, fingerprint } };
    Ok(rows.into_iter().map(known).collect())
}

/// Pins a key for a server, in place of an older one.
pub async fn confirm_host_key(db: impl SqliteExecutor<'_>, host: &str, port: u16, key: &HostKey) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO host_keys (host, port, public_key, fingerprint, confirmed_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (host, port) DO UPDATE SET public_key = excluded.public_key, fingerprint = excluded.fingerprint, confirmed_at = excluded.confirmed_at",
    )
    .bind(host)
    .bind(port)
    .bind(&key.public_key)
    .bind(&key.fingerprint)
    .bind(Moment::now())
    .execute(db)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    checked_at: Moment,
    verdict: Verdict,
    sentence: String,
    hint: Option<String>,
    tip: Option<String>,
    offered_key: Option<String>,
    offered_fingerprint: Option<String>,
}

/// The last connection test of an app.
pub async fn check(db: impl SqliteExecutor<'_>, app: AppId) -> Result<Option<ConnectionCheck>, Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT checked_at, verdict, sentence, hint, tip, offered_key, offered_fingerprint FROM connection_checks WHERE app_id = ?",
    )
    .bind(app)
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(ConnectionCheck {
        app,
        checked_at: row.checked_at,
        verdict: row.verdict,
        sentence: row.sentence,
        hint: row.hint,
        tip: row.tip.map(|tip| tip.parse()).transpose()?,
        offered: row.offered_key.zip(row.offered_fingerprint).map(|(public_key, fingerprint)| HostKey { public_key, fingerprint }),
    }))
}

/// Forgets an app's connection test: it was about another repository or branch.
pub async fn forget_check(db: impl SqliteExecutor<'_>, app: AppId) -> Result<(), Error> {
    sqlx::query("DELETE FROM connection_checks WHERE app_id = ?").bind(app).execute(db).await?;
    Ok(())
}

/// Keeps a connection test in place of the one before.
pub async fn keep_check(db: impl SqliteExecutor<'_>, check: &ConnectionCheck) -> Result<(), Error> {
    sqlx::query(
        "INSERT OR REPLACE INTO connection_checks (app_id, checked_at, verdict, sentence, hint, tip, offered_key, offered_fingerprint)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(check.app)
    .bind(check.checked_at)
    .bind(check.verdict)
    .bind(&check.sentence)
    .bind(&check.hint)
    .bind(check.tip.as_ref().map(ToString::to_string))
    .bind(check.offered.as_ref().map(|key| &key.public_key))
    .bind(check.offered.as_ref().map(|key| &key.fingerprint))
    .execute(db)
    .await?;
    Ok(())
}
