//! Configurations as deployments used them.

use sqlx::SqliteExecutor;

use super::Error;
use crate::domain::{
    app::{App, AppConfig},
    deployment::Deployment,
    ids::SnapshotId,
    moment::Moment,
    port::Publish,
};

/// Keeps the app's present configuration.
pub async fn take(db: impl SqliteExecutor<'_>, app: &App) -> Result<SnapshotId, Error> {
    let id = SnapshotId::new();
    sqlx::query("INSERT INTO config_snapshots (id, app_id, config, created_at) VALUES (?, ?, ?, ?)")
        .bind(id)
        .bind(app.id)
        .bind(serde_json::to_string(&app.config)?)
        .bind(Moment::now())
        .execute(db)
        .await?;
    Ok(id)
}

/// A kept configuration.
pub async fn get(db: impl SqliteExecutor<'_>, id: SnapshotId) -> Result<AppConfig, Error> {
    let config: String = sqlx::query_scalar("SELECT config FROM config_snapshots WHERE id = ?").bind(id).fetch_one(db).await?;
    Ok(serde_json::from_str(&config)?)
}

/// How the container of a live deployment is published: as configured when it was made.
pub async fn published(db: impl SqliteExecutor<'_>, app: &App, live: Option<&Deployment>) -> Result<Publish, Error> {
    Ok(match live.and_then(|live| live.snapshot) {
        Some(snapshot) => get(db, snapshot).await?.publish,
        None => app.config.publish.clone(),
    })
}
