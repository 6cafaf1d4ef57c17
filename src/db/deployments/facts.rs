//! What becomes known of a deployment as it goes: its configuration, commit, image, container and switch; and that it is pinned.

use sqlx::SqliteExecutor;

use crate::{
    db::Error,
    domain::{
        commit::CommitFacts,
        deployment::Switch,
        ids::{DeploymentId, SnapshotId},
        moment::Moment,
    },
};

/// Notes the configuration that a deployment uses, or that it has used none.
pub async fn set_snapshot(db: impl SqliteExecutor<'_>, id: DeploymentId, snapshot: Option<SnapshotId>) -> Result<(), Error> {
    sqlx::query("UPDATE deployments SET snapshot_id = ? WHERE id = ?").bind(snapshot).bind(id).execute(db).await?;
    Ok(())
}

/// Notes the commit that was fetched.
pub async fn set_commit(db: impl SqliteExecutor<'_>, id: DeploymentId, commit: &CommitFacts) -> Result<(), Error> {
    sqlx::query("UPDATE deployments SET commit_id = ?, commit_message = ?, commit_author = ?, committed_at = ? WHERE id = ?")
        .bind(commit.id.as_str())
        .bind(&commit.message)
        .bind(&commit.author)
        .bind(commit.committed_at)
        .bind(id)
        .execute(db)
        .await?;
    Ok(())
}

/// Notes the image that was built.
pub async fn set_image(db: impl SqliteExecutor<'_>, id: DeploymentId, image: &str) -> Result<(), Error> {
    sqlx::query("UPDATE deployments SET image = ? WHERE id = ?").bind(image).bind(id).execute(db).await?;
    Ok(())
}

/// Notes the container that was made.
pub async fn set_container(db: impl SqliteExecutor<'_>, id: DeploymentId, container: &str) -> Result<(), Error> {
    sqlx::query("UPDATE deployments SET container = ? WHERE id = ?").bind(container).bind(id).execute(db).await?;
    Ok(())
}

/// Notes how the container took over, on which port, and how long nothing served.
pub async fn set_switch(
    db: impl SqliteExecutor<'_>,
    id: DeploymentId,
    switch: Option<Switch>,
    host_port: Option<u16>,
    gap_ms: Option<u64>,
) -> Result<(), Error> {
    sqlx::query("UPDATE deployments SET switch = ?, host_port = ?, gap_ms = ? WHERE id = ?")
        .bind(switch)
        .bind(host_port)
        .bind(gap_ms.and_then(|ms| i64::try_from(ms).ok()))
        .bind(id)
        .execute(db)
        .await?;
    Ok(())
}

/// Pins a deployment, or lets it go.
pub async fn set_pinned(db: impl SqliteExecutor<'_>, id: DeploymentId, since: Option<Moment>) -> Result<(), Error> {
    sqlx::query("UPDATE deployments SET pinned_at = ? WHERE id = ?").bind(since).bind(id).execute(db).await?;
    Ok(())
}
