//! Which of an app's deployments are kept, whatever is cleaned up.

use sqlx::SqliteExecutor;

use crate::{
    db::Error,
    domain::ids::{AppId, DeploymentId},
};

/// Of the successful deployments of an app, whose images are there, the newest of each of the last images, so many of them, and the last
/// ones, as many. Those that are pinned are not counted.
pub async fn last(db: impl SqliteExecutor<'_>, app: AppId, count: i64) -> Result<Vec<DeploymentId>, Error> {
    let query = sqlx::query_scalar(
        "SELECT id FROM deployments WHERE app_id = ?1 AND number IN
           (SELECT * FROM (SELECT max(number) FROM deployments INDEXED BY deployments_to_go_back_to
                           WHERE app_id = ?1 AND status = 'success' AND image_removed_at IS NULL AND pinned_at IS NULL
                           GROUP BY image ORDER BY max(number) DESC LIMIT ?2)
            UNION ALL
            SELECT * FROM (SELECT number FROM deployments INDEXED BY deployments_to_go_back_to
                           WHERE app_id = ?1 AND status = 'success' AND image_removed_at IS NULL AND pinned_at IS NULL
                           ORDER BY number DESC LIMIT ?2))
         ORDER BY number DESC",
    );
    Ok(query.bind(app).bind(count).fetch_all(db).await?)
}

/// The number of the app's first successful deployment with an image that is there.
pub async fn first_with(db: impl SqliteExecutor<'_>, app: AppId, image: &str) -> Result<Option<i64>, Error> {
    let query = sqlx::query_scalar(
        "SELECT min(number) FROM deployments INDEXED BY deployments_with_image
         WHERE app_id = ? AND image = ? AND image IS NOT NULL AND image_removed_at IS NULL AND status = 'success'",
    );
    Ok(query.bind(app).bind(image).fetch_one(db).await?)
}

/// The app's pinned deployments, newest first.
pub async fn pinned(db: impl SqliteExecutor<'_>, app: AppId) -> Result<Vec<DeploymentId>, Error> {
    let query = sqlx::query_scalar("SELECT id FROM deployments WHERE app_id = ? AND pinned_at IS NOT NULL ORDER BY number DESC");
    Ok(query.bind(app).fetch_all(db).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Db;

    /// Number, image, and what else is said of it.
    const SUCCESSES: [(i64, &str, &str); 12] = [
        (1, "a", ""),
        (2, "b", ""),
        (3, "f", ""),
        (4, "c", ""),
        (5, "d", ""),
        (6, "removed", "image_removed_at"),
        (7, "e", ""),
        (8, "f", ""),
        (9, "f", ""),
        (10, "pinned", "pinned_at"),
        (11, "f", ""),
        (12, "f", ""),
    ];

    #[tokio::test]
    async fn of_the_last_images_the_newest_deployment_is_kept_and_the_last_deployments_and_what_is_pinned_or_removed_does_not_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = Db::open(&folder.path().join("upaas.db")).await.expect("opens");
        let app = AppId::new();
        sqlx::query("PRAGMA foreign_keys = OFF").execute(db.write()).await.expect("off");
        for (number, image, also) in SUCCESSES {
            let also = if also.is_empty() { "journal_removed_at" } else { also };
            let insert = format!(
                "INSERT INTO deployments (id, app_id, number, \"trigger\", status, queued_at, finished_at, image, {also})
                 VALUES (?, ?, ?, 'manual', 'success', 1, 2, ?, 3)"
            );
            let insert = sqlx::query(&insert).bind(DeploymentId::new()).bind(app).bind(number).bind(image);
            insert.execute(db.write()).await.expect("inserted");
        }
        let mut numbers = Vec::new();
        for id in last(db.read(), app, 4).await.expect("read") {
            let number: i64 =
                sqlx::query_scalar("SELECT number FROM deployments WHERE id = ?").bind(id).fetch_one(db.read()).await.expect("there");
            numbers.push(number);
        }
        assert_eq!(numbers, [12, 11, 9, 8, 7, 5, 4]);
        assert_eq!(pinned(db.read(), app).await.expect("read").len(), 1);
    }
}
