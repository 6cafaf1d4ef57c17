//! Tokens for other programs, by the hash of what their holders know.

use sqlx::{FromRow, SqliteExecutor};

use super::Error;
use crate::domain::{
    ids::TokenId,
    moment::Moment,
    token::{Scope, Token},
};

/// SHA-256 of a token.
pub type Hash = [u8; 32];

#[derive(FromRow)]
struct Row {
    id: TokenId,
    name: String,
    scope: Scope,
    session_epoch: Option<i64>,
    created_at: Moment,
    expires_at: Option<Moment>,
    last_used_at: Option<Moment>,
}

impl From<Row> for Token {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            scope: row.scope,
            session_epoch: row.session_epoch,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        }
    }
}

/// Keeps a new token.
pub async fn insert(db: impl SqliteExecutor<'_>, token: &Token, hash: &Hash) -> Result<(), Error> {
    sqlx::query("INSERT INTO tokens (id, name, scope, hash, session_epoch, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)")
        .bind(token.id)
        .bind(&token.name)
        .bind(token.scope)
        .bind(hash.as_slice())
        .bind(token.session_epoch)
        .bind(token.created_at)
        .bind(token.expires_at)
        .execute(db)
        .await?;
    Ok(())
}

/// The token with this hash, whether it has ended or not.
pub async fn by_hash(db: impl SqliteExecutor<'_>, hash: &Hash) -> Result<Option<Token>, Error> {
    let row: Option<Row> =
        sqlx::query_as("SELECT id, name, scope, session_epoch, created_at, expires_at, last_used_at FROM tokens WHERE hash = ?")
            .bind(hash.as_slice())
            .fetch_optional(db)
            .await?;
    Ok(row.map(Token::from))
}

/// All tokens, the newest first.
pub async fn all(db: impl SqliteExecutor<'_>) -> Result<Vec<Token>, Error> {
    let rows: Vec<Row> =
        sqlx::query_as("SELECT id, name, scope, session_epoch, created_at, expires_at, last_used_at FROM tokens ORDER BY id DESC")
            .fetch_all(db)
            .await?;
    Ok(rows.into_iter().map(Token::from).collect())
}

/// Notes that a token was used.
pub async fn set_last_used(db: impl SqliteExecutor<'_>, id: TokenId, at: Moment) -> Result<(), Error> {
    sqlx::query("UPDATE tokens SET last_used_at = ? WHERE id = ?").bind(at).bind(id).execute(db).await?;
    Ok(())
}

/// Removes a token; returns it, when there was one.
pub async fn remove(db: impl SqliteExecutor<'_>, id: TokenId) -> Result<Option<Token>, Error> {
    let row: Option<Row> =
        sqlx::query_as("DELETE FROM tokens WHERE id = ? RETURNING id, name, scope, session_epoch, created_at, expires_at, last_used_at")
            .bind(id)
            .fetch_optional(db)
            .await?;
    Ok(row.map(Token::from))
}

/// Removes the tokens that ended before `moment`, and those that ended with their sessions.
pub async fn remove_ended(db: impl SqliteExecutor<'_>, moment: Moment, session_epoch: i64) -> Result<u64, Error> {
    let removed = sqlx::query("DELETE FROM tokens WHERE expires_at < ? OR session_epoch < ?").bind(moment).bind(session_epoch);
    Ok(removed.execute(db).await?.rows_affected())
}
