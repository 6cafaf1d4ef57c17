//! After a start of µPaaS, a return of the engine, or an undo that did not work: containers first (what should serve, serves), then
//! the interrupted rows. Runs beside workers, and leaves every app alone at which somebody is at work.

use super::{
    ATTEMPTS_MAX, Error, Shared,
    platform::{Failure, FailureKind, Target},
    reconcile::{self, Action, Known, Standing},
};
use crate::{
    db,
    domain::{
        app::App,
        container::Observed,
        deployment::{Cause, Deployment, Ending, Status},
        engine::EngineState,
    },
    logs::journal::Journal,
};

/// `after_absence`: containers that should run are started; otherwise only those that are owed a start.
pub(super) async fn recover(shared: &Shared, after_absence: bool) -> Result<(), Failure> {
    let seen = shared.platform.runtime.ours().await?;
    shared.forget_debts_but(&seen);
    let known = known(shared, &seen).await.map_err(Failure::internal)?;
    for action in reconcile::plan(&known, &seen) {
        let Some(container) = seen.iter().find(|it| it.id == *action.container()) else { continue };
        let Some(_seat) = shared.seats.try_take(container.app) else { continue };
        // Once more, now that nobody else is at work there: a worker may have made it live since the plan was made.
        if standing(shared, container).await.map_err(Failure::internal)? != known_standing(&known, container) {
            continue;
        }
        match action {
            Action::Remove(_) => remove(shared, container).await?,
            Action::Start(_) if after_absence || shared.is_owed(&container.id) => start(shared, container).await,
            Action::Start(_) => {}
        }
    }
    resume_rows(shared).await
}

/// Containers of ours that the database does not know.
pub(super) async fn orphans(shared: &Shared) -> Result<Vec<Observed>, db::Error> {
    let seen = shared.picture.all();
    let known = known(shared, &seen).await?;
    Ok(reconcile::orphans(&known, seen))
}

/// Removes an orphan for a person.
pub(super) async fn remove_orphan(shared: &Shared, container: &str, by: &str) -> Result<(), Error> {
    let Some(orphan) = orphans(shared).await?.into_iter().find(|it| it.id == container) else {
        return Err(Error::Refused("There is no such orphan any more.".to_owned()));
    };
    shared.platform.runtime.remove(&orphan.id).await.map_err(Error::from_engine)?;
    tracing::info!(container, app = %orphan.app, deployment = orphan.deployment, by, "orphan removed");
    shared.look_again(&orphan.id).await;
    Ok(())
}

/// What the database knows of the containers that are there.
async fn known(shared: &Shared, seen: &[Observed]) -> Result<Vec<Known>, db::Error> {
    let mut known = Vec::new();
    for container in seen {
        if let Some(standing) = standing(shared, container).await? {
            known.push(Known { app: container.app, number: container.deployment, standing });
        }
    }
    Ok(known)
}

/// Where the deployment of a container stands; none when there is no such deployment.
async fn standing(shared: &Shared, container: &Observed) -> Result<Option<Standing>, db::Error> {
    let Some(row) = db::deployments::by_number(shared.db.read(), container.app, container.deployment).await? else { return Ok(None) };
    let app = db::apps::get(shared.db.read(), row.app).await?;
    Ok(Some(match app.halted {
        _ if app.live_deployment != Some(row.id) => Standing::Over,
        Some(_) => Standing::Halted,
        None => Standing::Live(app.desired_state),
    }))
}

fn known_standing(known: &[Known], container: &Observed) -> Option<Standing> {
    known.iter().find(|row| row.app == container.app && row.number == container.deployment).map(|row| row.standing)
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
        tracing::info!(app = %app.slug, deployment = container.deployment, "starting the container that should serve");
        shared.platform.runtime.start(&container.id, &app.config.publish).await
    };
    match started.await {
        Ok(()) => {
            shared.start_is_paid(&container.id);
            shared.look_again(&container.id).await;
        }
        Err(failure) => {
            tracing::warn!(app = %container.app, reason = %failure.sentence, error = failure.chain(), "a container could not be started");
            shared.owe_start(&container.id);
        }
    }
}

/// Every row that a worker was at, and is not now: finished when its container had become live, else queued again.
async fn resume_rows(shared: &Shared) -> Result<(), Failure> {
    for row in db::deployments::running(shared.db.read()).await.map_err(Failure::internal)? {
        let Some(_seat) = shared.seats.try_take(row.app) else { continue };
        // Read again: it may have ended between the list and the seat.
        let row = db::deployments::get(shared.db.read(), row.id).await.map_err(Failure::internal)?;
        if row.status.is_end() || row.status == Status::Queued {
            continue;
        }
        let app = db::apps::get(shared.db.read(), row.app).await.map_err(Failure::internal)?;
        if app.live_deployment != Some(row.id) {
            let target = Target { app: app.id, slug: app.slug.clone(), number: row.number };
            tidied(shared, shared.platform.builder.discard(&target).await)?;
        }
        resume_row(shared, &app, &row).await.map_err(Failure::internal)?;
    }
    Ok(())
}

async fn resume_row(shared: &Shared, app: &App, row: &Deployment) -> Result<(), db::Error> {
    let journal = Journal::open(&shared.files.journal(row.app, row.number));
    let say = |text: &str| {
        if let Ok(journal) = &journal {
            journal.say(text);
        }
    };
    let write = shared.db.write();
    tracing::info!(app = %app.slug, deployment = row.number, attempt = row.attempt, "putting an interrupted deployment in order");
    if app.live_deployment == Some(row.id) {
        say("Interrupted after the switch: this version serves.");
        return db::deployments::finish(write, row, Status::Success, None).await;
    }
    if let Some(reason) = &row.cancel {
        let ending = Ending::without_fault(row.status, format!("{reason} while {}; an interruption came in between.", row.status));
        return db::deployments::finish(write, row, Status::Cancelled, Some(&ending)).await;
    }
    if row.trigger.is_automatic()
        && let Some(newer) = db::deployments::newest_automatic_queued(shared.db.read(), row.app).await?
    {
        let sentence = format!("Superseded by #{newer}: it was interrupted while {}, and a newer push waits.", row.status);
        say(&sentence);
        let ending = Ending::without_fault(row.status, sentence);
        return db::deployments::finish(write, row, Status::Superseded, Some(&ending)).await;
    }
    if row.attempt >= ATTEMPTS_MAX {
        let ending = given_up(row);
        return db::deployments::finish(write, row, Status::Failed, Some(&ending)).await;
    }
    say(&format!("Interrupted while {}. Trying again: attempt {} of {ATTEMPTS_MAX}.", row.status, row.attempt + 1));
    db::deployments::requeue(write, row).await
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
    pub(super) fn is_owed(&self, container: &str) -> bool {
        self.disorder.lock().expect("no panic while held").owed.contains(container)
    }

    fn start_is_paid(&self, container: &str) {
        self.disorder.lock().expect("no panic while held").owed.remove(container);
    }

    /// A start is owed only to what is there and does not run.
    fn forget_debts_but(&self, seen: &[Observed]) {
        let stopped = |id: &String| seen.iter().any(|it| it.id == *id && !it.running);
        self.disorder.lock().expect("no panic while held").owed.retain(stopped);
    }

    /// Whether the engine answered last time.
    pub(super) fn engine_is_up(&self) -> bool {
        matches!(*self.engine.borrow(), EngineState::Up(_))
    }
}
