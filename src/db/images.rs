//! Images, as their deployments' rows know them: there, or removed. They themselves are at the engine.

use sqlx::{FromRow, SqliteExecutor};

use super::Error;
use crate::domain::{
    ids::{AppId, DeploymentId},
    moment::Moment,
};

/// An image that is believed to be there: of a deployment that has ended.
#[derive(Debug, Clone, FromRow)]
pub struct OfDeployment {
    /// The deployment.
    pub id: DeploymentId,
    /// The image.
    pub image: String,
}

/// Those of an app's deployments that have ended.
pub async fn of_ended(db: impl SqliteExecutor<'_>, app: AppId) -> Result<Vec<OfDeployment>, Error> {
    let query = sqlx::query_as(
        "SELECT id, image FROM deployments
         WHERE app_id = ? AND image IS NOT NULL AND image_removed_at IS NULL AND finished_at IS NOT NULL",
    );
    Ok(query.bind(app).fetch_all(db).await?)
}

/// Notes that a deployment's image is removed.
pub async fn set_removed(db: impl SqliteExecutor<'_>, id: DeploymentId) -> Result<(), Error> {
    let query = sqlx::query("UPDATE deployments SET image_removed_at = ? WHERE id = ?");
    query.bind(Moment::now()).bind(id).execute(db).await?;
    Ok(())
}
