//! Live containers that are asked over HTTP whether they work.

use sqlx::{FromRow, SqliteExecutor};

use super::Error;
use crate::domain::{
    app_config::health_check::{HealthCheck, HttpProbe, Probe, Timing},
    slug::Slug,
};

/// A live container that is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// Its app.
    pub app: Slug,
    /// The container's id.
    pub container: String,
    /// What it is asked.
    pub probe: HttpProbe,
    /// How often.
    pub timing: Timing,
}

/// The live containers that should run and were made with an HTTP check; the app's present configuration counts where none was kept.
pub async fn all(db: impl SqliteExecutor<'_>) -> Result<Vec<Patient>, Error> {
    #[derive(FromRow)]
    struct Row {
        slug: String,
        container: String,
        health: String,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT slug, container, coalesce(config_snapshots.config, apps.config) -> '$.run.health' AS health
         FROM apps JOIN deployments ON deployments.id = live_deployment_id LEFT JOIN config_snapshots ON config_snapshots.id = snapshot_id
         WHERE desired_state = 'running' AND container IS NOT NULL
         AND json_extract(coalesce(config_snapshots.config, apps.config), '$.run.health.probe.http') IS NOT NULL
         ORDER BY slug",
    )
    .fetch_all(db)
    .await?;
    let mut patients = Vec::with_capacity(rows.len());
    for row in rows {
        let HealthCheck { probe, timing } = serde_json::from_str(&row.health)?;
        if let Probe::Http(probe) = probe {
            patients.push(Patient { app: row.slug.parse()?, container: row.container, probe, timing });
        }
    }
    Ok(patients)
}
