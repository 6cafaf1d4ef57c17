//! Retention: what is older than the settings say is removed, daily and on request, in small pieces between which everybody else writes.

use std::{collections::HashSet, io, sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{Error, Shared};
use crate::{
    audit, db,
    domain::{
        audit::{Act, Action, Actor, Resource, Subject},
        ids::{AppId, DeploymentId},
        moment::Moment,
        retention::LastRun,
    },
    logs::archive,
};

/// So many rows go at once: a webhook that comes meanwhile waits for milliseconds.
const ROWS_AT_ONCE: i64 = 200;
/// How long others have the database for themselves in between.
const PAUSE: Duration = Duration::from_millis(5);
/// How much time is between two runs that nobody asked for.
const EVERY_MS: u64 = 24 * 60 * 60 * 1000;
/// After a start, and after a run that failed, this much passes first.
const SETTLE: Duration = Duration::from_secs(10 * 60);

/// So many successful deployments of an app are kept whole, counted by distinct image.
const KEPT_IMAGES: usize = 5;
/// Among so many the distinct ones are looked for.
const SUCCESSES_SEEN_MAX: i64 = 1000;

/// Runs once a day until µPaaS stops.
pub(super) async fn daily(shared: Arc<Shared>) {
    let rounds = async {
        loop {
            sleep(SETTLE.max(until_due(&shared).await)).await;
            let act = Act::done(Action::Retention, &Actor::upaas(), subject());
            let done = run(&shared, &Actor::upaas()).await;
            if let Err(err) = shared.or_record(done, || act).await {
                tracing::error!(error = format!("{:#}", anyhow::Error::from(err)), "retention failed; it is tried again");
            }
        }
    };
    let _ = shared.stop.run_until_cancelled(rounds).await;
}

async fn until_due(shared: &Shared) -> Duration {
    let last = db::settings::retention_last_run(shared.db.read()).await.ok().flatten();
    last.map_or(Duration::ZERO, |last| Duration::from_millis(EVERY_MS.saturating_sub(Moment::now().since(last.at))))
}

/// What retention is done to.
pub(super) fn subject() -> Subject {
    Subject::new(Resource::Setting, "", "retention")
}

/// Removes what is too old, and notes what that was.
pub(super) async fn run(shared: &Shared, by: &Actor) -> Result<LastRun, Error> {
    let busy = |_| Error::Refused("Retention is running already. Its result is shown when it is done.".to_owned());
    let _running = shared.retention.try_lock().map_err(busy)?;
    let kept_for = db::settings::retention(shared.db.read()).await?;
    let now = Moment::now();
    let mut run = LastRun::begun();
    let too_old = now.before(kept_for.audit.as_ms());
    run.audit = in_pieces(|| db::audit::remove_some(shared.db.write(), too_old, ROWS_AT_ONCE)).await?;
    let folder = shared.files.audit();
    run.files = blocking(move || audit::remove_files(&folder, too_old)).await?;
    let too_old = now.before(kept_for.deliveries.as_ms());
    run.deliveries = in_pieces(|| db::deliveries::remove_some(shared.db.write(), too_old, ROWS_AT_ONCE)).await?;
    run.journals = remove_journals(shared, now.before(kept_for.journals.as_ms())).await?;
    run.at = Moment::now();
    let mut tx = shared.db.begin().await?;
    db::settings::set_retention_last_run(&mut *tx, &run).await?;
    audit::record(&mut tx, &Act::done(Action::Retention, by, subject()).detail(run.to_string())).await?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(run)
}

async fn in_pieces<F: Future<Output = Result<u64, db::Error>>>(mut remove_some: impl FnMut() -> F) -> Result<u64, db::Error> {
    let mut removed = 0;
    loop {
        match remove_some().await? {
            0 => return Ok(removed),
            some => removed += some,
        }
        sleep(PAUSE).await;
    }
}

async fn remove_journals(shared: &Shared, too_old: Moment) -> Result<u64, Error> {
    let mut kept = HashSet::new();
    for app in db::apps::all(shared.db.read()).await? {
        kept.extend(app.live_deployment);
        kept.extend(kept_set(shared, app.id).await?);
    }
    let (mut removed, mut last) = (0, None);
    loop {
        let old = db::journals::before(shared.db.read(), too_old, last.as_ref(), ROWS_AT_ONCE).await?;
        let Some(end) = old.last().copied() else { return Ok(removed) };
        last = Some(end);
        for journal in old {
            if kept.contains(&journal.id) {
                continue;
            }
            let file = shared.files.journal(journal.app_id, journal.number);
            blocking(move || archive::remove(&file)).await?;
            db::journals::set_removed(shared.db.write(), journal.id).await?;
            removed += 1;
        }
        sleep(PAUSE).await;
    }
}

/// The app's last successful deployments by distinct image.
async fn kept_set(shared: &Shared, app: AppId) -> Result<Vec<DeploymentId>, db::Error> {
    let successes = db::deployments::newest_successes(shared.db.read(), app, SUCCESSES_SEEN_MAX).await?;
    let mut images = HashSet::new();
    let distinct = successes.into_iter().filter(|(_, image)| images.insert(image.clone()));
    Ok(distinct.take(KEPT_IMAGES).map(|(id, _)| id).collect())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|err| Error::Internal(err.into()))?;
    done.map_err(|err| Error::Internal(err.into()))
}
