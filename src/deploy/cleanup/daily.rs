//! The clean-up that nobody asks for: daily for all apps, with their mirrors.

use std::{sync::Arc, time::Duration};

use super::{Cleaned, clean, strays};
use crate::{
    db,
    deploy::{Shared, daily},
    domain::{audit::Actor, moment::Moment},
};

/// After one that failed this much passes first.
const RETRY: Duration = Duration::from_secs(60 * 60);

/// Cleans up for all apps once a day, removes mirrors of no app, and lets git tidy up the others, until µPaaS stops.
pub(in crate::deploy) async fn daily(shared: Arc<Shared>) {
    let mut pause = daily::SETTLE;
    while daily::is_due(&shared, last(&shared).await, pause).await {
        let cleaned = shared.stop.run_until_cancelled(clean_all(&shared)).await;
        pause = if cleaned == Some(true) { daily::SETTLE } else { RETRY };
        let task_shared = shared.clone();
        let tidying = async move { task_shared.stop.run_until_cancelled(tidy_mirrors(&task_shared)).await };
        if let Err(panicked) = shared.tasks.spawn(tidying).await {
            tracing::error!(error = %panicked, "the tidying up of mirrors panicked; it is tried again with the next clean-up");
        }
    }
}

/// When that was done the last time.
async fn last(shared: &Shared) -> Option<Moment> {
    db::settings::last_clean_up(shared.db.read()).await.ok().flatten()
}

/// Whether it went to its end. An image that cannot be removed does not make it hourly.
async fn clean_all(shared: &Arc<Shared>) -> bool {
    match clean(shared, None, &Actor::upaas()).await.map(Cleaned::whole) {
        Ok(Ok(_)) => {}
        Ok(Err(stuck)) => tracing::warn!(reason = %stuck.sentence, error = stuck.chain(), "the daily clean-up has left something"),
        Err(failure) => {
            tracing::warn!(reason = %failure.sentence, error = failure.chain(), "the daily clean-up failed; it is tried again in an hour");
            return false;
        }
    }
    let noted = db::settings::set_last_clean_up(shared.db.write(), Moment::now()).await;
    noted.inspect_err(|err| tracing::error!(error = ?err, "that the daily clean-up was done could not be noted")).is_ok()
}

async fn tidy_mirrors(shared: &Shared) {
    strays::remove(shared).await;
    let apps = db::apps::all(shared.db.read()).await.unwrap_or_default();
    for app in apps {
        match shared.platform.source.compact(app.id).await {
            Ok(true) => {}
            Ok(false) => tracing::debug!(app = %app.slug, "a mirror is tidied up the next time: a fetch goes first"),
            Err(failure) => {
                tracing::warn!(app = %app.slug, reason = %failure.sentence, error = failure.chain(), "a mirror could not be tidied up");
            }
        }
    }
}
