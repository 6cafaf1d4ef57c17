//! The kept set: what of an app no clean-up touches. Images, configurations, rows and journals of its last successful deployments by
//! distinct image, of those that are pinned, and of the one that serves; and of the last successful ones whatever their images are, so that
//! settings that were applied to one image can be taken back.

use std::collections::HashSet;

use super::Shared;
use crate::{
    db::{self, deployments::Success},
    domain::{
        app::App,
        ids::{AppId, DeploymentId},
    },
};

/// So many successful deployments of an app are kept whole, counted by distinct image, and as many counted by themselves.
const KEPT_SUCCESSES: usize = 5;
/// Among so many the distinct ones are looked for.
const SUCCESSES_SEEN_MAX: i64 = 1000;

/// The kept sets of all apps.
pub(super) async fn of_all(shared: &Shared) -> Result<HashSet<DeploymentId>, db::Error> {
    let mut kept = HashSet::new();
    for app in db::apps::all(shared.db.read()).await? {
        kept.extend(of(shared, &app).await?);
    }
    Ok(kept)
}

/// The kept set of an app. What a waiting rollback goes back to belongs to it.
pub(super) async fn of(shared: &Shared, app: &App) -> Result<HashSet<DeploymentId>, db::Error> {
    let mut kept = HashSet::from_iter(app.live_deployment);
    kept.extend(db::deployments::pinned(shared.db.read(), app.id).await?);
    kept.extend(last(&db::deployments::newest_successes(shared.db.read(), app.id, SUCCESSES_SEEN_MAX).await?));
    kept.extend(gone_back_to(shared, app.id).await?);
    Ok(kept)
}

/// Of successful deployments, newest first, the last ones, and those with the last distinct images.
fn last(successes: &[Success]) -> impl Iterator<Item = DeploymentId> {
    let there = || successes.iter().filter(|it| it.image_removed_at.is_none());
    let mut images = HashSet::new();
    let by_image = there().filter(move |it| images.insert(&it.image)).take(KEPT_SUCCESSES);
    by_image.chain(there().take(KEPT_SUCCESSES)).map(|it| it.id)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::moment::Moment;

    fn success(number: i64, image: &str) -> Success {
        Success { id: DeploymentId::new(), number, image: Some(image.to_owned()), pinned_at: None, image_removed_at: None }
    }

    #[test]
    fn of_the_last_five_images_the_newest_deployment_is_kept_and_the_last_five_and_what_is_removed_does_not_count() {
        let numbered = [(10, "f"), (9, "f"), (8, "f"), (7, "e"), (6, "gone"), (5, "d"), (4, "c"), (3, "f"), (2, "b"), (1, "a")];
        let mut successes = numbered.map(|(number, image)| success(number, image));
        successes[4].image_removed_at = Some(Moment::now());
        let number = |id: DeploymentId| successes.iter().find(|it| it.id == id).map(|it| it.number);
        let kept: BTreeSet<_> = last(&successes).filter_map(number).collect();
        assert_eq!(kept.into_iter().rev().collect::<Vec<_>>(), [10, 9, 8, 7, 5, 4, 2]);
    }
}
