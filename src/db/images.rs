//! Images, as their deployments' rows know them: there, or removed. They themselves are at the engine.

use std::collections::HashSet;

use sqlx::{FromRow, QueryBuilder, Sqlite, SqliteExecutor, SqlitePool};

use super::Error;
use crate::domain::{
    ids::{AppId, DeploymentId},
    moment::Moment,
};

/// So many numbers are asked for at once.
const NUMBERS_AT_ONCE: usize = 500;

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

/// Of these numbers those of which the app has a deployment.
pub async fn builders_among(db: &SqlitePool, app: AppId, numbers: &[i64]) -> Result<HashSet<i64>, Error> {
    let mut there = HashSet::new();
    for piece in numbers.chunks(NUMBERS_AT_ONCE) {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT number FROM deployments WHERE app_id = ");
        query.push_bind(app).push(" AND number IN (");
        let mut list = query.separated(", ");
        for number in piece {
            list.push_bind(*number);
        }
        query.push(")");
        let found: Vec<i64> = query.build_query_scalar().fetch_all(db).await?;
        there.extend(found);
    }
    Ok(there)
}

/// Notes that an image is removed, for the deployments of the app that have it and have ended.
pub async fn set_removed(db: impl SqliteExecutor<'_>, app: AppId, image: &str) -> Result<(), Error> {
    let query = sqlx::query(
        "UPDATE deployments SET image_removed_at = ?
         WHERE app_id = ? AND image = ? AND image_removed_at IS NULL AND finished_at IS NOT NULL",
    );
    query.bind(Moment::now()).bind(app).bind(image).execute(db).await?;
    Ok(())
}

/// Notes that an image is there after all.
pub async fn set_there(db: impl SqliteExecutor<'_>, app: AppId, image: &str) -> Result<(), Error> {
    let query =
        sqlx::query("UPDATE deployments SET image_removed_at = NULL WHERE app_id = ? AND image = ? AND image_removed_at IS NOT NULL");
    query.bind(app).bind(image).execute(db).await?;
    Ok(())
}
