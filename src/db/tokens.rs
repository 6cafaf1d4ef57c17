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

/// Of the tokens that a password gave, removes all but the newest `keep`.
pub async fn remove_oldest_of_logins(db: impl SqliteExecutor<'_>, keep: i64) -> Result<u64, Error> {
    let removed = sqlx::query(
        "DELETE FROM tokens WHERE session_epoch IS NOT NULL AND id NOT IN
           (SELECT id FROM tokens WHERE session_epoch IS NOT NULL ORDER BY id DESC LIMIT ?)",
    );
    Ok(removed.bind(keep).execute(db).await?.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Db;

    #[tokio::test]
    async fn of_the_tokens_that_a_password_gave_the_newest_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = Db::open(&folder.path().join("upaas.db")).await.expect("opens");
        for number in 0..6_u8 {
            let session_epoch = (number != 0).then_some(1);
            let at = Moment::from_unix_ms(i64::from(number));
            let name = number.to_string();
            let token =
                Token { id: TokenId::new(), name, scope: Scope::Read, session_epoch, created_at: at, expires_at: None, last_used_at: None };
            insert(db.write(), &token, &[number; 32]).await.expect("inserted");
        }
        assert_eq!(remove_oldest_of_logins(db.write(), 2).await.expect("removed"), 3);
        let left: Vec<String> = all(db.read()).await.expect("read").into_iter().map(|token| token.name).collect();
        assert_eq!(left, ["5", "4", "0"], "one that was made by hand stays, however old");
    }
}
