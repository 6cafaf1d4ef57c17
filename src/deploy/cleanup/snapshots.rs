//! Configurations that no deployment needs any more.

use std::collections::HashSet;

use super::{pause, removed::Removed};
use crate::{
    db,
    deploy::{Shared, kept, platform::Failure},
    domain::{
        app::App,
        ids::{AppId, DeploymentId, SnapshotId},
    },
};

/// Of the deployments that ended since the live one began, so many keep their configurations: the newest, to be compared with it.
const COMPARED: usize = 5;

/// Removes, piece by piece, the configurations of deployments that have ended and are not kept.
pub(super) async fn remove(shared: &Shared, app: &App, removed: &mut Removed) -> Result<(), Failure> {
    let old = old(shared, app).await.map_err(Failure::internal)?;
    for piece in old.chunks(db::snapshots::AT_ONCE.into()) {
        removed.snapshots += remove_some(shared, app.id, piece).await.map_err(Failure::internal)?;
        pause(shared).await?;
    }
    Ok(())
}

async fn old(shared: &Shared, app: &App) -> Result<Vec<(DeploymentId, SnapshotId)>, db::Error> {
    let Some(app) = db::apps::find(shared.db.read(), app.id).await? else { return Ok(Vec::new()) };
    let live = match app.live_deployment {
        Some(live) => db::deployments::get(shared.db.read(), live).await?.number,
        None => 0,
    };
    let kept = kept::of(shared, &app).await?;
    let mut ended = db::snapshots::of_ended(shared.db.read(), app.id).await?;
    ended.retain(|it| !kept.contains(&it.deployment));
    let newest: HashSet<i64> = ended.iter().map(|it| it.number).filter(|number| *number > live).take(COMPARED).collect();
    Ok(ended.into_iter().filter(|it| !newest.contains(&it.number)).map(|it| (it.deployment, it.snapshot)).collect())
}

/// Removes those of these configurations that are still not kept; returns how many.
async fn remove_some(shared: &Shared, app: AppId, piece: &[(DeploymentId, SnapshotId)]) -> Result<usize, db::Error> {
    // Nobody else writes until this is committed, so what is read beside it is as it will be.
    let mut tx = shared.db.begin().await?;
    let Some(app) = db::apps::find(&mut *tx, app).await? else { return Ok(0) };
    let kept = kept::of(shared, &app).await?;
    let mut old = Vec::new();
    for (deployment, snapshot) in piece.iter().filter(|(deployment, _)| !kept.contains(deployment)) {
        db::deployments::set_snapshot(&mut *tx, *deployment, None).await?;
        old.push(*snapshot);
    }
    db::snapshots::remove(&mut tx, &old).await?;
    tx.commit().await?;
    Ok(old.len())
}
