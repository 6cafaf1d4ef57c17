//! After a start of µPaaS, a return of the engine, or an undo that did not work: containers first (what should serve, serves), then
//! the interrupted rows. Runs beside workers, and leaves every app alone that one of them is at.

use super::{
    ATTEMPTS_MAX, Shared,
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
        ids::AppId,
    },
    logs::journal::Journal,
};

/// `after_absence`: containers that should run are started; otherwise only those that are owed a start.
pub(super) async fn recover(shared: &Shared, after_absence: bool) -> Result<(), Failure> {
    let busy_before = shared.busy_apps();
    let mut seen = shared.platform.runtime.ours().await?;
    shared.forget_debts_but(&seen);
    seen.retain(|it| !busy_before.contains(&it.app));
    let known = known(shared, &seen).await.map_err(Failure::internal)?;
    for action in reconcile::plan(&known, &seen) {
        let Some(container) = seen.iter().find(|it| it.id == *action.container()) else { continue };
        match action {
            Action::Remove(_) => remove(shared, container).await?,
            Action::Start(_) if after_absence || shared.is_owed(&container.id) => start(shared, container).await,
            Action::Start(_) => {}
        }
    }
    resume_rows(shared).await
}

/// What the database knows of the containers that are there.
async fn known(shared: &Shared, seen: &[Observed]) -> Result<Vec<Known>, db::Error> {
    let mut known = Vec::new();
    for app in db::apps::all(shared.db.read()).await? {
        for container in seen.iter().filter(|it| it.app == app.id) {
            let Some(row) = db::deployments::by_number(shared.db.read(), app.id, container.deployment).await? else { continue };
            let standing = if app.live_deployment == Some(row.id) { Standing::Live(app.desired_state) } else { Standing::Over };
            known.push(Known { app: app.id, number: row.number, standing });
        }
    }
    Ok(known)
}

/// Removes a container that lost, after one more look: a worker may have made it live since the plan was made.
async fn remove(shared: &Shared, container: &Observed) -> Result<(), Failure> {
    if shared.busy_apps().contains(&container.app) {
        return Ok(());
    }
    let app = db::apps::get(shared.db.read(), container.app).await.map_err(Failure::internal)?;
    let row = db::deployments::by_number(shared.db.read(), app.id, container.deployment).await.map_err(Failure::internal)?;
    if row.is_none_or(|row| app.live_deployment == Some(row.id)) {
        return Ok(());
    }
    tracing::info!(app = %app.slug, deployment = container.deployment, "removing a container that does not serve");
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
    if shared.busy_apps().contains(&container.app) {
        return;
    }
    let started = async {
        let app = db::apps::get(shared.db.read(), container.app).await.map_err(Failure::internal)?;
        tracing::info!(app = %app.slug, deployment = container.deployment, "starting the container that should serve");
        shared.platform.runtime.start(&container.id, &app.config.publish).await
    };
    match started.await {
        Ok(()) => shared.start_is_paid(&container.id),
        Err(failure) => {
            tracing::warn!(app = %container.app, reason = %failure.sentence, error = failure.chain(), "a container could not be started");
            shared.owe_start(&container.id);
        }
    }
}

/// Every row that a worker was at, and is not now: finished when its container had become live, else queued again.
async fn resume_rows(shared: &Shared) -> Result<(), Failure> {
    for row in db::deployments::running(shared.db.read()).await.map_err(Failure::internal)? {
        if shared.busy_apps().contains(&row.app) {
            continue;
        }
        // Read again: it may have ended between the list and the look at the workers.
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
    if row.cancel_requested {
        let ending = Ending::without_fault(row.status, format!("Cancelled while {}; an interruption came in between.", row.status));
        return db::deployments::finish(write, row, Status::Cancelled, Some(&ending)).await;
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
    /// The apps that a worker is at.
    fn busy_apps(&self) -> std::collections::HashSet<AppId> {
        self.active.lock().expect("no panic while held").values().map(|running| running.app).collect()
    }

    fn is_owed(&self, container: &str) -> bool {
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
