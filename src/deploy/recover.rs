//! After a start of µPaaS or a return of the engine: containers first (what should serve, serves), then the interrupted rows.

use super::{
    ATTEMPTS_MAX, Shared,
    platform::Failure,
    reconcile::{self, Action, Known, Standing},
};
use crate::{
    db,
    domain::{
        container::Observed,
        deployment::{Cause, Deployment, Ending, Status},
    },
    logs::journal::Journal,
};

pub(super) async fn recover(shared: &Shared) -> Result<(), Failure> {
    let runtime = &shared.platform.runtime;
    let seen = runtime.ours().await?;
    let known = known(shared, &seen).await.map_err(Failure::internal)?;
    for action in reconcile::plan(&known, &seen) {
        tracing::info!(?action, "reconciling");
        let done = match &action {
            Action::Start(container) => start(shared, container, &seen).await,
            Action::Remove(container) => runtime.remove(container).await,
        };
        if let Err(failure) = done {
            tracing::warn!(?action, reason = %failure.sentence, error = ?failure.source, "reconciling failed");
        }
    }
    resume_rows(shared).await.map_err(Failure::internal)
}

/// What the database knows of the containers that are there.
async fn known(shared: &Shared, seen: &[Observed]) -> Result<Vec<Known>, db::Error> {
    let mut known = Vec::new();
    for app in db::apps::all(shared.db.read()).await? {
        for container in seen.iter().filter(|it| it.app == app.id) {
            let Some(row) = db::deployments::by_number(shared.db.read(), app.id, container.deployment).await? else { continue };
            let standing = if app.live_deployment == Some(row.id) {
                Standing::Live(app.desired_state)
            } else if is_active(shared, &row) {
                Standing::InWork
            } else {
                Standing::Over
            };
            known.push(Known { app: app.id, number: row.number, standing });
        }
    }
    Ok(known)
}

async fn start(shared: &Shared, container: &str, seen: &[Observed]) -> Result<(), Failure> {
    let Some(it) = seen.iter().find(|it| it.id == container) else { return Ok(()) };
    let app = db::apps::get(shared.db.read(), it.app).await.map_err(Failure::internal)?;
    shared.platform.runtime.start(container, &app.config.publish).await
}

fn is_active(shared: &Shared, row: &Deployment) -> bool {
    shared.active.lock().expect("no panic while held").contains_key(&row.id)
}

/// Every row that a worker was at, and is not now: finished when its container had become live, else queued again.
async fn resume_rows(shared: &Shared) -> Result<(), db::Error> {
    for row in db::deployments::running(shared.db.read()).await? {
        if is_active(shared, &row) {
            continue;
        }
        let app = db::apps::get(shared.db.read(), row.app).await?;
        let journal = Journal::open(&shared.files.journal(row.app, row.number));
        let say = |text: &str| {
            if let Ok(journal) = &journal {
                journal.say(text);
            }
        };
        let write = shared.db.write();
        if app.live_deployment == Some(row.id) {
            say("Interrupted after the switch: this version serves.");
            db::deployments::finish(write, &row, Status::Success, None).await?;
        } else if row.cancel_requested {
            let ending = Ending::without_fault(row.status, "Cancelled; an interruption came in between.");
            db::deployments::finish(write, &row, Status::Cancelled, Some(&ending)).await?;
        } else if row.attempt >= ATTEMPTS_MAX {
            let sentence = format!("Interrupted {ATTEMPTS_MAX} times, each time before it was through.");
            let hint = "Look into µPaaS's log and the engine's for why they stop; then press “Deploy now”.";
            let ending = Ending { cause: Some(Cause::Internal), phase: row.status, sentence, hint: Some(hint.to_owned()) };
            db::deployments::finish(write, &row, Status::Failed, Some(&ending)).await?;
        } else {
            say(&format!("Interrupted while {}. Trying again: attempt {} of {ATTEMPTS_MAX}.", row.status, row.attempt + 1));
            db::deployments::requeue(write, &row).await?;
        }
        tracing::info!(app = %app.slug, deployment = row.number, attempt = row.attempt, "an interrupted deployment was brought in order");
    }
    Ok(())
}
