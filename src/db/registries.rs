//! Logins at registries.

use sqlx::{FromRow, SqliteConnection, SqliteExecutor};

use super::{Error, secrets};
use crate::domain::{
    ids::SecretId,
    moment::Moment,
    registry::{Registry, RegistryHost},
    secret::Sealed,
};

#[derive(FromRow)]
struct Row {
    host: String,
    username: String,
    password_id: SecretId,
    created_at: Moment,
}

impl TryFrom<Row> for Registry {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self { host: row.host.parse()?, username: row.username, password: row.password_id, set_at: row.created_at })
    }
}

/// All, by host.
pub async fn all(db: impl SqliteExecutor<'_>) -> Result<Vec<Registry>, Error> {
    let rows: Vec<Row> =
        sqlx::query_as("SELECT host, username, password_id, created_at FROM registries ORDER BY host").fetch_all(db).await?;
    rows.into_iter().map(Registry::try_from).collect()
}

/// All, each with its sealed password.
pub async fn with_passwords(db: impl SqliteExecutor<'_>) -> Result<Vec<(Registry, Sealed)>, Error> {
    #[derive(FromRow)]
    struct WithPassword {
        #[sqlx(flatten)]
        row: Row,
        sealed: Vec<u8>,
    }
    let rows: Vec<WithPassword> = sqlx::query_as(
        "SELECT host, username, password_id, registries.created_at, sealed
         FROM registries JOIN secret_versions ON secret_versions.id = password_id ORDER BY host",
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|it| Ok((it.row.try_into()?, Sealed(it.sealed)))).collect()
}

/// Keeps a login instead of the one that was there for its host. Its password must be there already. Says whether there was one.
pub async fn set(tx: &mut SqliteConnection, registry: &Registry) -> Result<bool, Error> {
    let replaced = remove(&mut *tx, &registry.host).await?;
    sqlx::query("INSERT INTO registries (host, username, password_id, created_at) VALUES (?, ?, ?, ?)")
        .bind(registry.host.as_str())
        .bind(&registry.username)
        .bind(registry.password)
        .bind(registry.set_at)
        .execute(tx)
        .await?;
    Ok(replaced)
}

/// Removes a login with its password. Says whether there was one.
pub async fn remove(tx: &mut SqliteConnection, host: &RegistryHost) -> Result<bool, Error> {
    let password: Option<SecretId> = sqlx::query_scalar("DELETE FROM registries WHERE host = ? RETURNING password_id")
        .bind(host.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    match password {
        Some(password) => secrets::remove_unused(tx, password).await.map(|()| true),
        None => Ok(false),
    }
}
