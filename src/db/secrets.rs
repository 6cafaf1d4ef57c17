//! Sealed values. What they say, only the vault knows.

use sqlx::SqliteExecutor;

use super::Error;
use crate::domain::{ids::SecretId, moment::Moment, secret::Sealed};

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

/// Any one sealed value: what the key is tried on at start.
pub async fn any(db: impl SqliteExecutor<'_>) -> Result<Option<(SecretId, Sealed)>, Error> {
    let row: Option<(SecretId, Vec<u8>)> = sqlx::query_as("SELECT id, sealed FROM secret_versions LIMIT 1").fetch_optional(db).await?;
    Ok(row.map(|(id, sealed)| (id, Sealed(sealed))))
}
