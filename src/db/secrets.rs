//! Sealed values. What they say, only the vault knows.

use std::collections::HashMap;

use sqlx::{FromRow, SqliteExecutor};

use super::Error;
use crate::domain::{
    ids::{AppId, SecretId},
    moment::Moment,
    secret::Sealed,
};

/// What is known of a sealed value without opening it.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct Kept {
    /// The bytes of the sealed value.
    pub sealed_bytes: i64,
    /// When it was set.
    pub created_at: Moment,
}

/// Those that an app's present configuration refers to.
pub async fn of_app(db: impl SqliteExecutor<'_>, app: AppId) -> Result<HashMap<SecretId, Kept>, Error> {
    #[derive(FromRow)]
    struct Row {
        id: SecretId,
        #[sqlx(flatten)]
        kept: Kept,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT v.id, length(v.sealed) AS sealed_bytes, v.created_at
         FROM app_secrets s JOIN secret_versions v ON v.id = s.secret_id WHERE s.app_id = ?",
    )
    .bind(app)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.kept)).collect())
}

/// Keeps a sealed value under the id it was sealed for.
pub async fn insert(db: impl SqliteExecutor<'_>, id: SecretId, sealed: &Sealed) -> Result<(), Error> {
    sqlx::query("INSERT INTO secret_versions (id, sealed, created_at) VALUES (?, ?, ?)")
        .bind(id)
        .bind(&sealed.0)
        .bind(Moment::now())
        .execute(db)
        .await?;
    Ok(())
}

/// The sealed value of a version.
pub async fn get(db: impl SqliteExecutor<'_>, id: SecretId) -> Result<Sealed, Error> {
    Ok(Sealed(sqlx::query_scalar("SELECT sealed FROM secret_versions WHERE id = ?").bind(id).fetch_one(db).await?))
}

/// The deploy key that an app has now.
pub async fn deploy_key(db: impl SqliteExecutor<'_>, app: AppId) -> Result<(SecretId, Sealed), Error> {
    let query = sqlx::query_as("SELECT v.id, v.sealed FROM apps a JOIN secret_versions v ON v.id = a.deploy_key_id WHERE a.id = ?");
    let (id, sealed) = query.bind(app).fetch_one(db).await?;
    Ok((id, Sealed(sealed)))
}

/// The webhook secret that an app has now.
pub async fn webhook_secret(db: impl SqliteExecutor<'_>, app: AppId) -> Result<(SecretId, Sealed), Error> {
    let query = sqlx::query_as("SELECT v.id, v.sealed FROM apps a JOIN secret_versions v ON v.id = a.webhook_secret_id WHERE a.id = ?");
    let (id, sealed) = query.bind(app).fetch_one(db).await?;
    Ok((id, Sealed(sealed)))
}

/// Removes a version to which nothing refers any more.
pub async fn remove_unused(db: impl SqliteExecutor<'_>, id: SecretId) -> Result<(), Error> {
    sqlx::query(
        "DELETE FROM secret_versions WHERE id = ?1
         AND NOT EXISTS (SELECT 1 FROM app_secrets WHERE secret_id = ?1)
         AND NOT EXISTS (SELECT 1 FROM snapshot_secrets WHERE secret_id = ?1)
         AND NOT EXISTS (SELECT 1 FROM apps WHERE deploy_key_id = ?1 OR webhook_secret_id = ?1)
         AND NOT EXISTS (SELECT 1 FROM registries WHERE password_id = ?1)",
    )
    .bind(id)
    .execute(db)
    .await?;
    Ok(())
}

/// Any one sealed value: what the key is tried on at start.
pub async fn any(db: impl SqliteExecutor<'_>) -> Result<Option<(SecretId, Sealed)>, Error> {
    let row: Option<(SecretId, Vec<u8>)> = sqlx::query_as("SELECT id, sealed FROM secret_versions LIMIT 1").fetch_optional(db).await?;
    Ok(row.map(|(id, sealed)| (id, Sealed(sealed))))
}
