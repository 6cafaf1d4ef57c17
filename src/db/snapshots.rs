//! Configurations as deployments used them.

use std::collections::HashSet;

use sqlx::{FromRow, SqliteConnection, SqliteExecutor};

use super::{Error, secrets};
use crate::domain::{
    app::App,
    app_config::AppConfig,
    deployment::Deployment,
    ids::{AppId, DeploymentId, SecretId, SnapshotId},
    moment::Moment,
};

/// So many are removed at once: each refers to hundreds of secrets at most, and a webhook that comes meanwhile waits for milliseconds.
pub const AT_ONCE: u8 = 50;

/// Keeps a configuration of an app, and the secrets that it refers to.
pub async fn take(tx: &mut SqliteConnection, app: AppId, config: &AppConfig) -> Result<SnapshotId, Error> {
    let id = SnapshotId::new();
    sqlx::query("INSERT INTO config_snapshots (id, app_id, config, created_at) VALUES (?, ?, ?, ?)")
        .bind(id)
        .bind(app)
        .bind(serde_json::to_string(config)?)
        .bind(Moment::now())
        .execute(&mut *tx)
        .await?;
    for (name, secret) in config.secrets() {
        let insert = sqlx::query("INSERT INTO snapshot_secrets (snapshot_id, name, secret_id) VALUES (?, ?, ?)");
        insert.bind(id).bind(name).bind(secret).execute(&mut *tx).await?;
    }
    Ok(id)
}

/// Removes kept configurations that no deployment uses, with the secrets to which nothing else refers. At most [`AT_ONCE`] in a transaction.
pub async fn remove(tx: &mut SqliteConnection, ids: &[SnapshotId]) -> Result<(), Error> {
    let mut secrets = HashSet::new();
    for id in ids {
        let of_it: Vec<SecretId> =
            sqlx::query_scalar("SELECT secret_id FROM snapshot_secrets WHERE snapshot_id = ?").bind(id).fetch_all(&mut *tx).await?;
        secrets.extend(of_it);
        sqlx::query("DELETE FROM config_snapshots WHERE id = ?").bind(id).execute(&mut *tx).await?;
    }
    for secret in secrets {
        secrets::remove_unused(&mut *tx, secret).await?;
    }
    Ok(())
}

/// The configuration of a deployment that has ended.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct OfDeployment {
    /// The deployment.
    pub deployment: DeploymentId,
    /// Its number.
    pub number: i64,
    /// The configuration.
    pub snapshot: SnapshotId,
}

/// Those of an app's deployments that have ended, the newest first.
pub async fn of_ended(db: impl SqliteExecutor<'_>, app: AppId) -> Result<Vec<OfDeployment>, Error> {
    let query = sqlx::query_as(
        "SELECT id AS deployment, number, snapshot_id AS snapshot FROM deployments
         WHERE app_id = ? AND snapshot_id IS NOT NULL AND finished_at IS NOT NULL ORDER BY number DESC",
    );
    Ok(query.bind(app).fetch_all(db).await?)
}

/// A kept configuration.
pub async fn get(db: impl SqliteExecutor<'_>, id: SnapshotId) -> Result<AppConfig, Error> {
    let config: String = sqlx::query_scalar("SELECT config FROM config_snapshots WHERE id = ?").bind(id).fetch_one(db).await?;
    Ok(serde_json::from_str(&config)?)
}

/// The configuration with which a deployment's container was made: the app's present one where none was kept.
pub async fn of(db: impl SqliteExecutor<'_>, app: &App, deployment: Option<&Deployment>) -> Result<AppConfig, Error> {
    match deployment.and_then(|it| it.snapshot) {
        Some(snapshot) => get(db, snapshot).await,
        None => Ok(app.config.clone()),
    }
}
