//! The kept set: what of an app no clean-up touches. Images, configurations, rows and journals of its last successful deployments by
//! distinct image, of those that are pinned, and of the one that serves; and of the last successful ones whatever their images are, so that
//! settings that were applied to one image can be taken back.

use std::collections::HashSet;

use super::Shared;
use crate::{
    db,
    domain::{
        app::App,
        ids::{AppId, DeploymentId},
    },
};

/// So many successful deployments of an app are kept whole, counted by distinct image, and as many counted by themselves.
const KEPT_SUCCESSES: i64 = 5;

/// The kept set of an app. What a waiting rollback goes back to belongs to it.
pub(super) async fn of(shared: &Shared, app: &App) -> Result<HashSet<DeploymentId>, db::Error> {
    let mut kept = HashSet::from_iter(app.live_deployment);
    kept.extend(db::deployments::kept::pinned(shared.db.read(), app.id).await?);
    kept.extend(db::deployments::kept::last(shared.db.read(), app.id, KEPT_SUCCESSES).await?);
    kept.extend(gone_back_to(shared, app.id).await?);
    Ok(kept)
}

/// Where rollbacks that have not ended go.
async fn gone_back_to(shared: &Shared, app: AppId) -> Result<Vec<DeploymentId>, db::Error> {
    let mut targets = Vec::new();
    for rollback in db::deployments::unfinished(shared.db.read(), app).await?.iter().filter_map(|it| it.rollback) {
        let target = db::deployments::by_number(shared.db.read(), app, rollback.to).await?;
        targets.extend(target.map(|it| it.id));
    }
    Ok(targets)
}
