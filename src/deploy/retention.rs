//! Retention: what is older than the settings say is removed, daily and on request, in small pieces between which everybody else writes.

use std::{io, sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{Error, Shared, cleanup, kept};
use crate::{
    audit, db,
    domain::{
        audit::{Act, Action, Actor, Resource, Subject},
        moment::Moment,
        retention::LastRun,
    },
    logs::archive,
};

/// So many rows go at once: a webhook that comes meanwhile waits for milliseconds.
const ROWS_AT_ONCE: i64 = 200;
/// How long others have the database for themselves in between.
const PAUSE: Duration = Duration::from_millis(20);
/// How much time is between two runs that nobody asked for.
const EVERY_MS: u64 = 24 * 60 * 60 * 1000;
/// After a start, and after a run that failed, this much passes first.
const SETTLE: Duration = Duration::from_secs(10 * 60);

/// Why a run ends before everything that is too old is gone.
enum Broken {
    /// µPaaS stops.
    Stopped,
    /// Something does not work.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Broken {
    fn from(err: E) -> Self {
        Self::Failed(err.into())
    }
}

/// Runs once a day, and the clean-up with it, until µPaaS stops.
pub(super) async fn daily(shared: Arc<Shared>) {
    while shared.stop.run_until_cancelled(sleep(SETTLE.max(until_due(&shared).await))).await.is_some() {
        // One that somebody has started meanwhile is as good.
        if begin(&shared).is_ok() {
            run(&shared, &Actor::upaas()).await;
        }
        shared.stop.run_until_cancelled(cleanup::daily(&shared)).await;
    }
}

/// Starts a run for a person. Refused while one is going on.
pub(super) fn start(shared: &Arc<Shared>, by: &Actor) -> Result<(), Error> {
    begin(shared)?;
    let (task_shared, by) = (shared.clone(), by.clone());
    shared.tasks.spawn(async move { run(&task_shared, &by).await });
    Ok(())
}

fn begin(shared: &Shared) -> Result<(), Error> {
    let refused = || Error::Refused("Retention is running already. Its result is shown when it is done.".to_owned());
    shared.retention.begin().then_some(()).ok_or_else(refused)
}

async fn until_due(shared: &Shared) -> Duration {
    let last = db::settings::retention_last_run(shared.db.read()).await.ok().flatten();
    last.map_or(Duration::ZERO, |last| Duration::from_millis(EVERY_MS.saturating_sub(Moment::now().since(last.at))))
}

/// What retention is done to.
pub(super) fn subject() -> Subject {
    Subject::new(Resource::Setting, "", "retention")
}

/// Removes what is too old, and records what that was, however it ends.
async fn run(shared: &Shared, by: &Actor) {
    let mut removed = LastRun::begun();
    let broken = remove(shared, &mut removed).await.err();
    removed.at = Moment::now();
    if let Err(err) = record(shared, by, &removed, broken).await {
        tracing::error!(error = format!("{:#}", anyhow::Error::from(err)), "a run of retention could not be recorded");
    }
    shared.retention.end();
    shared.changes.tell();
}

async fn record(shared: &Shared, by: &Actor, removed: &LastRun, broken: Option<Broken>) -> Result<(), db::Error> {
    let act = Act::done(Action::Retention, by, subject());
    let mut tx = shared.db.begin().await?;
    let act = match broken {
        None => {
            db::settings::set_retention_last_run(&mut *tx, removed).await?;
            act.detail(removed.to_string())
        }
        Some(Broken::Stopped) => act.failed(format!("interrupted, because µPaaS was stopped; {removed}")),
        Some(Broken::Failed(err)) => {
            tracing::error!(error = format!("{err:#}"), "retention failed; it is tried again");
            act.failed(format!("ended early, µPaaS's log says why; {removed}"))
        }
    };
    audit::record(&mut tx, &act).await?;
    Ok(tx.commit().await?)
}

async fn remove(shared: &Shared, removed: &mut LastRun) -> Result<(), Broken> {
    let kept_for = db::settings::retention(shared.db.read()).await?;
    let now = Moment::now();
    let too_old = now.before(kept_for.audit.as_ms());
    let some = || db::audit::remove_some(shared.db.write(), too_old, ROWS_AT_ONCE);
    in_pieces(shared, &mut removed.audit, some).await?;
    let folder = shared.files.audit();
    removed.files = blocking(move || audit::remove_files(&folder, too_old)).await?;
    let too_old = now.before(kept_for.deliveries.as_ms());
    let some = || db::deliveries::remove_some(shared.db.write(), too_old, ROWS_AT_ONCE);
    in_pieces(shared, &mut removed.deliveries, some).await?;
    remove_journals(shared, now.before(kept_for.journals.as_ms()), &mut removed.journals).await
}

async fn in_pieces<F>(shared: &Shared, removed: &mut u64, mut remove_some: impl FnMut() -> F) -> Result<(), Broken>
where
    F: Future<Output = Result<u64, db::Error>>,
{
    loop {
        match remove_some().await? {
            0 => return Ok(()),
            some => *removed += some,
        }
        pause(shared).await?;
    }
}

/// Lets others have the database, and ends the run when µPaaS stops.
async fn pause(shared: &Shared) -> Result<(), Broken> {
    shared.stop.run_until_cancelled(sleep(PAUSE)).await.ok_or(Broken::Stopped)
}

async fn remove_journals(shared: &Shared, too_old: Moment, removed: &mut u64) -> Result<(), Broken> {
    let kept = kept::of_all(shared).await?;
    let mut last = None;
    loop {
        let old = db::journals::before(shared.db.read(), too_old, last.as_ref(), ROWS_AT_ONCE).await?;
        let Some(end) = old.last().copied() else { return Ok(()) };
        last = Some(end);
        for journal in old {
            if kept.contains(&journal.id) {
                continue;
            }
            let file = shared.files.journal(journal.app_id, journal.number);
            let shown = file.display().to_string();
            // One that cannot be removed keeps no other one.
            match blocking(move || archive::remove(&file)).await {
                Ok(()) => {
                    db::journals::set_removed(shared.db.write(), journal.id).await?;
                    *removed += 1;
                }
                Err(err) => tracing::warn!(file = shown, error = format!("{err:#}"), "a journal could not be removed; it is tried again"),
            }
            pause(shared).await?;
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> anyhow::Result<T> {
    Ok(tokio::task::spawn_blocking(work).await??)
}
