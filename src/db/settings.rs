//! Settings of the installation that are not configured by environment.

use sqlx::{SqliteConnection, SqliteExecutor};

use super::Error;
use crate::domain::{
    ids::InstanceId,
    moment::Moment,
    retention::{LastRun, Retention},
};

/// The installation's identity; made at first start and never again.
pub async fn instance_id(db: impl SqliteExecutor<'_>) -> Result<InstanceId, Error> {
    let id: InstanceId = sqlx::query_scalar(
        "INSERT INTO settings (key, value) VALUES ('instance_id', ?)
         ON CONFLICT (key) DO UPDATE SET value = value RETURNING value",
    )
    .bind(InstanceId::new())
    .fetch_one(db)
    .await?;
    Ok(id)
}

/// The installation's identity, to be shown.
pub async fn shown_instance_id(db: impl SqliteExecutor<'_>) -> Result<String, Error> {
    Ok(get(db, "instance_id").await?.unwrap_or_default())
}

/// Keeps the external URL.
pub async fn set_base_url(db: impl SqliteExecutor<'_>, url: &str) -> Result<(), Error> {
    set(db, "base_url", url).await
}

/// The external URL that was seen at setup.
pub async fn base_url(db: impl SqliteExecutor<'_>) -> Result<Option<String>, Error> {
    get(db, "base_url").await
}

/// What is kept for how long.
pub async fn retention(db: impl SqliteExecutor<'_>) -> Result<Retention, Error> {
    let stored: Vec<(String, String)> = sqlx::query_as(
        "SELECT key, value FROM settings WHERE key IN ('retention_audit_days', 'retention_deliveries_days', 'retention_journals_days')",
    )
    .fetch_all(db)
    .await?;
    let mut retention = Retention::default();
    for (key, days) in stored {
        let days = days.parse()?;
        match key.as_str() {
            "retention_audit_days" => retention.audit = days,
            "retention_deliveries_days" => retention.deliveries = days,
            _ => retention.journals = days,
        }
    }
    Ok(retention)
}

/// Sets what is kept for how long.
pub async fn set_retention(tx: &mut SqliteConnection, retention: &Retention) -> Result<(), Error> {
    set(&mut *tx, "retention_audit_days", &retention.audit.to_string()).await?;
    set(&mut *tx, "retention_deliveries_days", &retention.deliveries.to_string()).await?;
    set(tx, "retention_journals_days", &retention.journals.to_string()).await
}

/// What retention did the last time.
pub async fn retention_last_run(db: impl SqliteExecutor<'_>) -> Result<Option<LastRun>, Error> {
    let kept = get(db, "retention_last_run").await?;
    Ok(kept.map(|kept| serde_json::from_str(&kept)).transpose()?)
}

/// Notes what retention did.
pub async fn set_retention_last_run(db: impl SqliteExecutor<'_>, run: &LastRun) -> Result<(), Error> {
    set(db, "retention_last_run", &serde_json::to_string(run)?).await
}

/// When the daily clean-up was done the last time.
pub async fn last_clean_up(db: impl SqliteExecutor<'_>) -> Result<Option<Moment>, Error> {
    let kept = get(db, "last_clean_up").await?;
    Ok(kept.map(|kept| serde_json::from_str(&kept)).transpose()?)
}

/// Notes when the daily clean-up was done.
pub async fn set_last_clean_up(db: impl SqliteExecutor<'_>, at: Moment) -> Result<(), Error> {
    set(db, "last_clean_up", &serde_json::to_string(&at)?).await
}

async fn get(db: impl SqliteExecutor<'_>, key: &str) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar("SELECT value FROM settings WHERE key = ?").bind(key).fetch_optional(db).await?)
}

async fn set(db: impl SqliteExecutor<'_>, key: &str, value: &str) -> Result<(), Error> {
    sqlx::query("INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .bind(key)
        .bind(value)
        .execute(db)
        .await?;
    Ok(())
}
