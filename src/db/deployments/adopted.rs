//! Deployments of containers that were adopted: they begin where others end.

use sqlx::SqliteConnection;

use super::{get, set_commit};
use crate::{
    db::{Error, apps},
    domain::{
        commit::CommitFacts,
        deployment::Deployment,
        ids::{AppId, DeploymentId, SnapshotId},
        moment::Moment,
    },
};

/// A container that becomes the live one without a deployment of ours.
#[derive(Debug, Clone)]
pub struct Adopted<'a> {
    /// The app.
    pub app: AppId,
    /// The number, which is free.
    pub number: i64,
    /// Who asked for it.
    pub requested_by: &'a str,
    /// The container's image.
    pub image: &'a str,
    /// The container.
    pub container: &'a str,
    /// What it was built from, if that is known.
    pub commit: Option<&'a CommitFacts>,
    /// The configuration that it is taken to be made with.
    pub snapshot: SnapshotId,
}

/// Keeps a successful deployment that was made elsewhere, and moves the live pointer to it.
pub async fn insert_adopted(tx: &mut SqliteConnection, adopted: &Adopted<'_>) -> Result<Deployment, Error> {
    let (id, now) = (DeploymentId::new(), Moment::now());
    sqlx::query(
        "INSERT INTO deployments (id, app_id, number, \"trigger\", requested_by, status, image, container, snapshot_id, queued_at, finished_at)
         VALUES (?, ?, ?, 'manual', ?, 'success', ?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(adopted.app)
    .bind(adopted.number)
    .bind(adopted.requested_by)
    .bind(adopted.image)
    .bind(adopted.container)
    .bind(adopted.snapshot)
    .bind(now)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if let Some(commit) = adopted.commit {
        set_commit(&mut *tx, id, commit).await?;
    }
    apps::set_live(&mut *tx, adopted.app, id).await?;
    get(tx, id).await
}
