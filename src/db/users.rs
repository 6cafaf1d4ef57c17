//! The administrator.

use sqlx::{FromRow, SqliteExecutor};

use super::Error;
use crate::domain::{moment::Moment, secret::Secret};

/// The administrator's row.
#[derive(Debug, Clone)]
pub struct User {
    /// Always 1.
    pub id: i64,
    /// The name to sign in with.
    pub username: String,
    /// The password's argon2id hash, in PHC form.
    pub password_hash: Secret,
    /// Sessions with another epoch are revoked.
    pub session_epoch: i64,
    /// When setup was done.
    pub created_at: Moment,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    username: String,
    password_hash: String,
    session_epoch: i64,
    created_at: Moment,
}

/// The administrator, once setup is done.
pub async fn administrator(db: impl SqliteExecutor<'_>) -> Result<Option<User>, Error> {
    let row: Option<Row> =
        sqlx::query_as("SELECT id, username, password_hash, session_epoch, created_at FROM users").fetch_optional(db).await?;
    Ok(row.map(|row| User {
        id: row.id,
        username: row.username,
        password_hash: Secret::new(row.password_hash),
        session_epoch: row.session_epoch,
        created_at: row.created_at,
    }))
}

/// Creates the administrator; [`Error::Taken`] when there is one already, so of two racing setups one wins.
pub async fn create_administrator(db: impl SqliteExecutor<'_>, username: &str, password_hash: &Secret) -> Result<(), Error> {
    sqlx::query("INSERT INTO users (id, username, password_hash, created_at) VALUES (1, ?, ?, ?)")
        .bind(username)
        .bind(password_hash.reveal())
        .bind(Moment::now())
        .execute(db)
        .await?;
    Ok(())
}

/// Replaces the password and revokes every session; returns the new epoch.
/// [`Error::Stale`] when the password is no longer the one that was verified.
pub async fn change_password(db: impl SqliteExecutor<'_>, verified: &User, new_hash: &Secret) -> Result<i64, Error> {
    sqlx::query_scalar(
        "UPDATE users SET password_hash = ?, session_epoch = session_epoch + 1
         WHERE id = ? AND session_epoch = ? RETURNING session_epoch",
    )
    .bind(new_hash.reveal())
    .bind(verified.id)
    .bind(verified.session_epoch)
    .fetch_optional(db)
    .await?
    .ok_or(Error::Stale("user"))
}
