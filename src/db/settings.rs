//! Settings of the installation that are not configured by environment.

use sqlx::SqliteExecutor;

use super::Error;
use crate::domain::ids::InstanceId;

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

/// Keeps the external URL.
pub async fn set_base_url(db: impl SqliteExecutor<'_>, url: &str) -> Result<(), Error> {
    sqlx::query("INSERT INTO settings (key, value) VALUES ('base_url', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .bind(url)
        .execute(db)
        .await?;
    Ok(())
}

/// The external URL that was seen at setup.
pub async fn base_url(db: impl SqliteExecutor<'_>) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar("SELECT value FROM settings WHERE key = 'base_url'").fetch_optional(db).await?)
}
