//! Which deployments have made commits live.

use sqlx::{QueryBuilder, Sqlite, SqliteExecutor};

use super::Error;
use crate::domain::{commit::CommitId, ids::AppId};

/// Of these commits, those that deployments of the app have made live, with the deployments' numbers; newest deployment first.
pub async fn deployed(db: impl SqliteExecutor<'_>, app: AppId, commits: &[CommitId]) -> Result<Vec<(String, i64)>, Error> {
    if commits.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::<Sqlite>::new("SELECT commit_id, number FROM deployments WHERE status = 'success' AND app_id = ");
    query.push_bind(app).push(" AND commit_id IN (");
    let mut list = query.separated(", ");
    for commit in commits {
        list.push_bind(commit.as_str());
    }
    query.push(") ORDER BY number DESC");
    Ok(query.build_query_as().fetch_all(db).await?)
}
