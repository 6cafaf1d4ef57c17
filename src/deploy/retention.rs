//! Retention: what is older than the settings say is removed, daily and on request, in small pieces between which everybody else writes.

use std::{io, sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::sleep};

use super::{Error, Shared, daily, job::Begun, kept};
use crate::{
    audit,
    db::{self, journals::Journal},
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

/// Runs once a day until µPaaS stops. One that failed is tried again.
pub(super) async fn daily(shared: Arc<Shared>) {
    while daily::is_due(&shared, last(&shared).await, daily::SETTLE).await {
        // One that somebody has started meanwhile is as good.
        if let Ok(begun) = begin(&shared)
            && let Err(panicked) = spawn(&shared, begun, &Actor::upaas()).await
        {
            tracing::error!(error = %panicked, "retention panicked; it is tried again");
        }
    }
}

/// When it ran the last time.
async fn last(shared: &Shared) -> Option<Moment> {
    db::settings::retention_last_run(shared.db.read()).await.ok().flatten().map(|last| last.at)
}

/// Starts a run for a person. Refused while one is going on.
pub(super) fn start(shared: &Arc<Shared>, by: &Actor) -> Result<(), Error> {
    spawn(shared, begin(shared)?, by);
    Ok(())
}

fn begin(shared: &Shared) -> Result<Begun, Error> {
    let refused = || Error::Refused("Retention is running already. Its result is shown when it is done.".to_owned());
    shared.retention.begin().ok_or_else(refused)
}

fn spawn(shared: &Arc<Shared>, begun: Begun, by: &Actor) -> JoinHandle<()> {
    let (task_shared, by) = (shared.clone(), by.clone());
    shared.tasks.spawn(async move {
        run(&task_shared, &by).await;
        drop(begun);
        task_shared.changes.tell();
    })
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
    let mut last = None;
    loop {
        let old = db::journals::before(shared.db.read(), too_old, last.as_ref(), ROWS_AT_ONCE).await?;
        let Some(end) = old.last().copied() else { return Ok(()) };
        last = Some(end);
        for journal in old {
            if is_kept(shared, &journal).await? {
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

/// Asked of each just before it goes: a deployment may be pinned meanwhile.
async fn is_kept(shared: &Shared, journal: &Journal) -> Result<bool, db::Error> {
    let Some(app) = db::apps::find(shared.db.read(), journal.app_id).await? else { return Ok(false) };
    Ok(kept::of(shared, &app).await?.contains(&journal.id))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> anyhow::Result<T> {
    Ok(tokio::task::spawn_blocking(work).await??)
}
