//! After a start of µPaaS, a return of the engine, or an undo that did not work: containers first (what should serve, serves), then
//! the interrupted rows. Runs beside workers, and leaves every app alone at which somebody is at work.

use std::collections::HashSet;

use super::{
    ATTEMPTS_MAX, Error, Shared,
    disorder::Absence,
    ends, lifecycle,
    platform::{Failure, FailureKind, Target},
    reconcile::{self, Known, Remedy, Standing},
};
use crate::{
    audit, db,
    domain::{
        app::{App, DesiredState},
        app_config::{process::StopGrace, restart::RestartPolicy},
        audit::{Act, Action, Actor, Resource, Subject},
        container::Observed,
        deployment::{Cause, Deployment, Ending, Status, Switch},
        engine::EngineState,
        ids::DeploymentId,
    },
    logs::journal::Journal,
};

/// After an absence, containers that should run and have exited in it are started; otherwise only those that are owed a start. What the
/// engine does not show is left for the next time, which is soon only if it may have to be started; its ids are returned.
pub(super) async fn recover(shared: &Shared, absence: Option<&Absence>) -> Result<HashSet<String>, Failure> {
    owe_starts_after_replaces(shared).await;
    let listed = shared.platform.runtime.ours().await?;
    let seen = &listed.shown;
    let known = known(shared, seen).await;
    let should_run = |id: &str| reconcile::standing(&known, id) == Some(Standing::Live(DesiredState::Running));
    let is_still = |id: &str| seen.iter().any(|it| it.id == id && !it.running);
    shared.forget_debts_but(|id| listed.hides(id) || should_run(id), |id| listed.hides(id) || is_still(id));
    for action in reconcile::plan(&known, seen) {
        let Some(container) = seen.iter().find(|it| it.id == *action.container()) else { continue };
        let wanted = match &action {
            Remedy::Remove(_) => true,
            Remedy::Start(id) if shared.is_owed(id) => true,
            Remedy::Start(id) => absence.is_some_and(|absence| absence.concerns(id)) && is_restarted(shared, container).await,
        };
        if wanted {
            carry_out(shared, &action, container, reconcile::standing(&known, &container.id)).await?;
        }
    }
    if absence.is_some_and(|absence| absence.concerns_any(&listed.unshown)) {
        shared.tidy_later();
    }
    sweep(shared).await?;
    resume_rows(shared).await?;
    Ok(listed.unshown.into_iter().map(|it| it.id).collect())
}

/// Whether the restart policy of a live container wants it to be started again after it has exited. Of one whose policy cannot be read
/// that is not known: it is left alone.
async fn is_restarted(shared: &Shared, container: &Observed) -> bool {
    match restart_policy(shared, container).await {
        Ok(RestartPolicy::Always) => true,
        Ok(RestartPolicy::OnFailure) => container.exit_code != Some(0),
        Ok(RestartPolicy::Never) => false,
        Err(err) => {
            tracing::error!(app = %container.app, deployment = container.deployment, error = ?err, "a container's restart policy cannot be read");
            false
        }
    }
}

async fn restart_policy(shared: &Shared, container: &Observed) -> Result<RestartPolicy, db::Error> {
    let app = db::apps::get(shared.db.read(), container.app).await?;
    let row = row_of(shared, container).await?;
    Ok(db::snapshots::of(shared.db.read(), &app, row.as_ref()).await?.run.restart.policy)
}

/// Removes text files of containers that are gone. What cannot be removed is tried again with the next reconciliation.
async fn sweep(shared: &Shared) -> Result<(), Failure> {
    match shared.platform.runtime.sweep().await {
        Err(failure) if failure.kind != FailureKind::EngineLost => {
            tracing::warn!(reason = %failure.sentence, error = failure.chain(), "config files of containers that are gone could not be removed");
            Ok(())
        }
        swept => swept,
    }
}

/// Does what the plan says, unless somebody is at work at the app: then it is done when that is over.
async fn carry_out(shared: &Shared, action: &Remedy, container: &Observed, planned: Option<Standing>) -> Result<(), Failure> {
    let Some(_seat) = shared.seats.try_take(container.app) else {
        match action {
            Remedy::Start(_) => shared.owe_start(&container.id),
            Remedy::Remove(_) => shared.tidy_later(),
        }
        return Ok(());
    };
    // Once more, now that nobody else is at work there: it may have become live since the plan was made.
    if standing(shared, container).await.map_err(Failure::internal)? != planned {
        return Ok(());
    }
    match action {
        Remedy::Remove(_) => remove(shared, container).await,
        Remedy::Start(_) => {
            start(shared, container).await;
            Ok(())
        }
    }
}

/// Containers of ours that the database does not know, as far as the engine shows them now.
pub(super) async fn orphans(shared: &Shared) -> Vec<Observed> {
    if !shared.engine_is_up() {
        return Vec::new();
    }
    let seen = shared.picture.all();
    let known = known(shared, &seen).await;
    reconcile::orphans(&known, seen)
}

/// The orphan with this id.
pub(super) async fn orphan(shared: &Shared, container: &str) -> Result<Observed, Error> {
    if !shared.engine_is_up() {
        return Err(Error::engine_away("nothing can be done about orphans now"));
    }
    orphans(shared).await.into_iter().find(|it| it.id == container).ok_or_else(no_orphan)
}

pub(super) fn no_orphan() -> Error {
    Error::Refused("There is no such orphan any more.".to_owned())
}

/// Removes an orphan for a person.
pub(super) async fn remove_orphan(shared: &Shared, container: &str, by: &Actor) -> Result<(), Error> {
    let orphan_before = orphan(shared, container).await?;
    let _seat = shared.seats.try_take(orphan_before.app).ok_or_else(lifecycle::somebody_else)?;
    // Once more, now that nobody can adopt it meanwhile.
    let orphan = orphan(shared, container).await?;
    shared.platform.runtime.remove(&orphan.id).await.map_err(Error::from_engine)?;
    let subject = Subject::new(Resource::Container, container, format!("{} #{}", orphan.app, orphan.deployment));
    audit::record_alone(&shared.db, &Act::done(Action::Cleanup, by, subject).detail("orphan removed")).await?;
    shared.look_again(&orphan.id).await;
    Ok(())
}

/// What the database knows of the containers that are there. Of one whose row cannot be read it is not known what to do: it is left
/// alone, as if it were live and stopped on purpose.
async fn known(shared: &Shared, seen: &[Observed]) -> Vec<Known> {
    let mut known = Vec::new();
    for container in seen {
        let standing = standing(shared, container).await.unwrap_or_else(|err| {
            tracing::error!(app = %container.app, deployment = container.deployment, error = ?err, "a container's row cannot be read");
            Some(Standing::Live(DesiredState::Stopped))
        });
        known.extend(standing.map(|standing| Known { container: container.id.clone(), standing }));
    }
    known
}

/// Whether µPaaS made a container: it says so itself, or a row does.
pub(super) async fn is_ours(shared: &Shared, container: &Observed) -> Result<bool, db::Error> {
    Ok(container.made_by_upaas || row_of(shared, container).await?.is_some())
}

/// Where the deployment that made a container stands; none when no row made it.
async fn standing(shared: &Shared, container: &Observed) -> Result<Option<Standing>, db::Error> {
    if db::deletions::is_pending(shared.db.read(), container.app).await? {
        return Ok(is_ours(shared, container).await?.then_some(Standing::Leaving));
    }
    let Some(row) = row_of(shared, container).await? else { return Ok(None) };
    let app = db::apps::get(shared.db.read(), row.app).await?;
    // A live deployment has one container; another one with its number was asked for twice.
    let live = app.live_deployment == Some(row.id) && row.container.as_deref() == Some(&*container.id);
    Ok(Some(match app.halted {
        _ if !live => Standing::Over,
        Some(_) => Standing::Halted,
        None => Standing::Live(app.desired_state),
    }))
}

/// The deployment that made a container, or that has adopted it.
async fn row_of(shared: &Shared, container: &Observed) -> Result<Option<Deployment>, db::Error> {
    let row = db::deployments::by_container(shared.db.read(), &container.id).await?;
    if let Some(row) = row.filter(|row| row.app == container.app) {
        return Ok(Some(row));
    }
    let row = db::deployments::by_number(shared.db.read(), container.app, container.deployment).await?;
    Ok(row.filter(|row| container.is_of(row)))
}

/// Removes a container that lost.
async fn remove(shared: &Shared, container: &Observed) -> Result<(), Failure> {
    tracing::info!(app = %container.app, deployment = container.deployment, "removing a container that does not serve");
    tidied(shared, shared.platform.runtime.remove(&container.id).await)
}

/// What cannot be tidied now is tidied later; only an engine that is gone ends the recovery.
fn tidied(shared: &Shared, done: Result<(), Failure>) -> Result<(), Failure> {
    match done {
        Err(failure) if failure.kind != FailureKind::EngineLost => {
            tracing::warn!(reason = %failure.sentence, error = failure.chain(), "something could not be tidied yet");
            shared.tidy_later();
            Ok(())
        }
        done => done,
    }
}

/// Starts a container that should serve. One that does not start is owed a start, and tried again.
async fn start(shared: &Shared, container: &Observed) {
    let started = async {
        let app = db::apps::get(shared.db.read(), container.app).await.map_err(Failure::internal)?;
        let row = row_of(shared, container).await.map_err(Failure::internal)?;
        let made_with = db::snapshots::of(shared.db.read(), &app, row.as_ref()).await.map_err(Failure::internal)?;
        shared.platform.runtime.start(&container.id, &made_with.run.ports).await?;
        Ok::<_, Failure>(app)
    };
    match started.await {
        Ok(app) => {
            shared.start_is_paid(&container.id);
            record_start(shared, &app, container).await;
            shared.look_again(&container.id).await;
        }
        Err(failure) => {
            tracing::warn!(app = %container.app, reason = %failure.sentence, error = failure.chain(), "a container could not be started");
            shared.owe_start(&container.id);
        }
    }
}

async fn record_start(shared: &Shared, app: &App, container: &Observed) {
    let act =
        Act::done(Action::ContainerStart, &Actor::upaas(), Subject::app(app)).detail(format!("#{} should serve", container.deployment));
    if let Err(err) = audit::record_alone(&shared.db, &act).await {
        tracing::error!(error = ?err, "a start could not be recorded");
    }
}

/// An old container that an interrupted replace was stopping is owed its start before anything else is looked at. Rows that cannot be
/// read are [`resume_rows`]'s to say.
async fn owe_starts_after_replaces(shared: &Shared) {
    let rows = db::deployments::running(shared.db.read()).await.unwrap_or_default();
    for row in rows.iter().filter(|row| row.switch == Some(Switch::Replace) && !shared.is_active(row.id)) {
        if let Err(err) = owe_start_after_replace(shared, row).await {
            tracing::error!(deployment = row.number, error = ?err, "which container it was to replace cannot be read");
        }
    }
}

async fn owe_start_after_replace(shared: &Shared, row: &Deployment) -> Result<(), db::Error> {
    // Read again: it may have ended since it was listed.
    let row = &db::deployments::get(shared.db.read(), row.id).await?;
    if row.status.is_end() || row.status == Status::Queued {
        return Ok(());
    }
    let app = db::apps::get(shared.db.read(), row.app).await?;
    if app.live_deployment == Some(row.id) {
        return Ok(());
    }
    expect_a_late_stop(shared, &app, row).await
}

/// Every row that a worker was at, and is not now.
async fn resume_rows(shared: &Shared) -> Result<(), Failure> {
    for row in db::deployments::running(shared.db.read()).await.map_err(Failure::internal)? {
        tidied(shared, resume_row(shared, &row).await)?;
    }
    Ok(())
}

/// Puts a row that a worker was at in order: finished when its container had become live, else queued again.
pub(super) async fn resume_row(shared: &Shared, row: &Deployment) -> Result<(), Failure> {
    if shared.is_active(row.id) {
        return Ok(());
    }
    // Read again: it may have ended since it was listed.
    let row = db::deployments::get(shared.db.read(), row.id).await.map_err(Failure::internal)?;
    if row.status.is_end() || row.status == Status::Queued {
        return Ok(());
    }
    let app = db::apps::get(shared.db.read(), row.app).await.map_err(Failure::internal)?;
    if app.live_deployment != Some(row.id) {
        let target = Target { app: app.id, slug: app.slug.clone(), number: row.number };
        tidied(shared, shared.platform.builder.discard(&target).await)?;
        expect_a_late_stop(shared, &app, &row).await.map_err(Failure::internal)?;
    }
    move_on(shared, &app, &row).await.map_err(Failure::internal)
}

/// In a replace the old container was being stopped, and that may go on in the engine: then it is started again.
async fn expect_a_late_stop(shared: &Shared, app: &App, row: &Deployment) -> Result<(), db::Error> {
    let Some(old) = app.live_deployment.filter(|_| row.switch == Some(Switch::Replace)) else { return Ok(()) };
    let old = db::deployments::get(shared.db.read(), old).await?;
    let made_with = db::snapshots::of(shared.db.read(), app, Some(&old)).await;
    let grace = made_with.map(|it| it.run.process.stop_grace).unwrap_or_else(|err| {
        tracing::error!(app = %app.slug, deployment = old.number, error = ?err, "a container's stop grace period cannot be read");
        StopGrace::default()
    });
    if let Some(old) = old.container {
        shared.expect_stop(&old);
        shared.owe_start_after_stop(&old, grace.into());
    }
    Ok(())
}

/// Ends an interrupted row, or queues it again.
async fn move_on(shared: &Shared, app: &App, row: &Deployment) -> Result<(), db::Error> {
    let journal = Journal::open(&shared.files.journal(row.app, row.number), shared.journals.growth(row.id));
    let say = |text: &str| {
        if let Ok(journal) = &journal {
            journal.say(text);
        }
    };
    tracing::info!(app = %app.slug, deployment = row.number, attempt = row.attempt, "putting an interrupted deployment in order");
    if app.live_deployment == Some(row.id) {
        say("Interrupted after the switch: this version serves.");
        return ends::end(shared, app, row, Status::Success, None).await;
    }
    if let Some(reason) = &row.cancel {
        let ending = Ending::without_fault(row.status, format!("{reason} while {}; an interruption came in between.", row.status));
        return ends::end(shared, app, row, row.end_of_cancellation(), Some(&ending)).await;
    }
    if row.trigger.is_automatic()
        && let Some(newer) = db::deployments::newest_automatic_queued(shared.db.read(), row.app).await?
    {
        let sentence = format!("Superseded by #{newer}: it was interrupted while {}, and a newer push waits.", row.status);
        say(&sentence);
        let ending = Ending::without_fault(row.status, sentence);
        return ends::end(shared, app, row, Status::Superseded, Some(&ending)).await;
    }
    if row.attempt >= ATTEMPTS_MAX {
        let ending = given_up(row);
        return ends::end(shared, app, row, Status::Failed, Some(&ending)).await;
    }
    say(&format!("Interrupted while {}. Trying again: attempt {} of {ATTEMPTS_MAX}.", row.status, row.attempt + 1));
    db::deployments::requeue(shared.db.write(), row).await
}

fn given_up(row: &Deployment) -> Ending {
    Ending {
        cause: Some(Cause::Engine),
        phase: row.status,
        sentence: format!("Interrupted {ATTEMPTS_MAX} times while {}, because the engine or µPaaS stopped each time.", row.status),
        hint: Some("Does the build take all memory or disk? Their logs say why they stopped; then press “Retry”.".to_owned()),
    }
}

impl Shared {
    /// Whether a worker is at this deployment.
    fn is_active(&self, deployment: DeploymentId) -> bool {
        self.active.lock().expect("no panic while held").contains_key(&deployment)
    }

    /// Whether the engine answered last time.
    pub(super) fn engine_is_up(&self) -> bool {
        matches!(*self.engine.borrow(), EngineState::Up(_))
    }
}
