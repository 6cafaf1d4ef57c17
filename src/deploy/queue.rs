//! What people ask of the queue: deploy now, cancel. What a person asks for goes before what pushes ask for, and replaces it.

use std::sync::Arc;

use super::{Error, Shared, ends::Ended};
use crate::{
    audit,
    db::{self, deployments::NewDeployment},
    domain::{
        app::App,
        app_config::difference::needs_another_container,
        audit::{Act, Action, Actor, Subject},
        commit::CommitId,
        deployment::{Deployment, Ending, Status, Trigger},
        ids::DeploymentId,
    },
};

/// Which deployment a person asks for.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Exactly this commit; none: the branch's tip.
    pub commit: Option<CommitId>,
    /// Whether its build uses nothing of earlier ones.
    pub no_cache: bool,
}

/// Puts a deployment into the app's queue for a person. One that waits already is the answer to a second press.
pub(super) async fn deploy_now(shared: &Arc<Shared>, app: &App, wish: &Wish, by: &Actor) -> Result<Deployment, Error> {
    let Wish { commit, no_cache } = wish;
    let mut ended = Ended::default();
    let mut tx = shared.db.begin().await?;
    let unfinished = db::deployments::unfinished(&mut *tx, app.id).await?;
    let same = |it: &&Deployment| it.trigger == Trigger::Manual && it.requested_commit == *commit && it.no_cache == *no_cache;
    if let Some(waiting) = unfinished.iter().filter(|it| it.status == Status::Queued).find(same) {
        return waits_already(shared, tx, Action::Deploy, app, waiting, by).await;
    }
    let (requested_by, commit) = (Some(&*by.name), commit.as_ref());
    let new = NewDeployment { app: app.id, trigger: Trigger::Manual, requested_by, commit, no_cache: *no_cache, rollback: None };
    let deployment = db::deployments::enqueue(&mut tx, &new).await?;
    let reason = format!("Cancelled for #{}, which {} asked for,", deployment.number, by.name);
    let running = cancel_automatic(&mut tx, &mut ended, app, &unfinished, &reason).await?;
    let what = commit.map_or_else(|| app.config.source.branch.to_string(), |commit| commit.short().to_owned());
    let how = if *no_cache { ", without cache" } else { "" };
    let act = Act::done(Action::Deploy, by, Subject::deployment(app, &deployment)).detail(format!("queued: {what}{how}"));
    audit::record(&mut tx, &act).await?;
    tx.commit().await.map_err(db::Error::from)?;
    ended.tell(shared, app);
    shared.tell_to_cancel(&running);
    shared.wake(app.id);
    Ok(deployment)
}

/// Queues what gives the app's container its present settings, from the image that serves: nothing is fetched or built. What was changed on
/// the engine only is undone by that, too. One that brings these settings already is the answer to a second press. What pushes ask for is
/// left alone; it uses these settings, too, when it has not begun.
pub(super) async fn apply(shared: &Arc<Shared>, app: &App, by: &Actor) -> Result<Deployment, Error> {
    let mut tx = shared.db.begin().await?;
    let now = db::apps::get(&mut *tx, app.id).await?;
    let Some(live) = now.live_deployment else {
        return Err(Error::Refused("Nothing is deployed yet. “Deploy now” builds and starts the app with these settings.".to_owned()));
    };
    let live = db::deployments::get(&mut *tx, live).await?;
    let made_with = db::snapshots::of(&mut *tx, &now, Some(&live)).await?;
    let pending = needs_another_container(&made_with, &now.config);
    let drifted = || shared.drift(&now, &live, &made_with.run);
    if !pending && drifted().is_empty() {
        return Err(nothing_to_apply(shared, &live));
    }
    for it in db::deployments::unfinished(&mut *tx, app.id).await? {
        if brings_the_settings_of(&mut tx, &now, &it).await? {
            return waits_already(shared, tx, Action::Deploy, app, &it, by).await;
        }
    }
    let new = NewDeployment {
        app: app.id,
        trigger: Trigger::Config,
        requested_by: Some(&by.name),
        commit: None,
        no_cache: false,
        rollback: None,
    };
    let deployment = db::deployments::enqueue(&mut tx, &new).await?;
    let act = Act::done(Action::Deploy, by, Subject::deployment(app, &deployment)).detail(if pending {
        "queued: settings"
    } else {
        "queued: made anew"
    });
    audit::record(&mut tx, &act).await?;
    tx.commit().await.map_err(db::Error::from)?;
    shared.wake(app.id);
    Ok(deployment)
}

/// Whether an unfinished deployment makes the container anew with the app's present settings, and does nothing else.
async fn brings_the_settings_of(tx: &mut db::Transaction, app: &App, deployment: &Deployment) -> Result<bool, db::Error> {
    if deployment.trigger != Trigger::Config || deployment.cancel.is_some() {
        return Ok(false);
    }
    Ok(match deployment.snapshot {
        Some(chosen) if deployment.status != Status::Queued => {
            !needs_another_container(&db::snapshots::get(&mut **tx, chosen).await?, &app.config)
        }
        // It chooses its settings when it begins, from what the app has then.
        _ => true,
    })
}

/// Why there is nothing that could be applied.
fn nothing_to_apply(shared: &Shared, live: &Deployment) -> Error {
    let seen = live.container.as_deref().and_then(|container| shared.picture.get(container));
    Error::Refused(match seen.is_some_and(|it| it.running) {
        true => format!("Nothing is to be applied: #{} runs with these settings.", live.number),
        false => format!(
            "Nothing is to be applied: #{} was made with these settings. Whether it runs, and how to start it, is on the app's page.",
            live.number
        ),
    })
}

/// The answer to a second press.
pub(super) async fn waits_already(
    shared: &Arc<Shared>,
    mut tx: db::Transaction,
    action: Action,
    app: &App,
    waiting: &Deployment,
    by: &Actor,
) -> Result<Deployment, Error> {
    let act = Act::done(action, by, Subject::deployment(app, waiting)).detail("asked for already");
    audit::record(&mut tx, &act).await?;
    tx.commit().await.map_err(db::Error::from)?;
    shared.wake(app.id);
    Ok(waiting.clone())
}

/// Ends what pushes have queued, and asks what runs for them to be cancelled; returns the latter, to be told after the commit.
pub(super) async fn cancel_automatic(
    tx: &mut db::Transaction,
    ended: &mut Ended,
    app: &App,
    unfinished: &[Deployment],
    reason: &str,
) -> Result<Vec<DeploymentId>, db::Error> {
    let mut running = Vec::new();
    for it in unfinished.iter().filter(|it| it.trigger.is_automatic()) {
        if it.status == Status::Queued {
            ended.end(tx, app, it, Status::Cancelled, Some(&before_it_began(reason))).await?;
        } else if db::deployments::request_cancel(&mut **tx, it.id, reason).await? {
            running.push(it.id);
        }
    }
    Ok(running)
}

/// Cancels a deployment: one that waits ends at once, one that runs is told to. Refused once its container is live.
pub(super) async fn cancel(shared: &Shared, app: &App, deployment: &Deployment, by: &Actor) -> Result<(), Error> {
    let reason = format!("Cancelled by {}", by.name);
    let act = Act::done(Action::DeployCancel, by, Subject::deployment(app, deployment));
    let mut ended = Ended::default();
    let mut tx = shared.db.begin().await?;
    let now = db::deployments::get(&mut *tx, deployment.id).await?;
    if now.status == Status::Queued {
        ended.end(&mut tx, app, &now, Status::Cancelled, Some(&before_it_began(&reason))).await?;
    } else if !db::deployments::request_cancel(&mut *tx, deployment.id, &reason).await? {
        let number = deployment.number;
        return Err(Error::Refused(format!("#{number} cannot be cancelled any more: it is over, or its container serves already.")));
    }
    audit::record(&mut tx, &act.detail(format!("while {}", now.status))).await?;
    tx.commit().await.map_err(db::Error::from)?;
    ended.tell(shared, app);
    shared.tell_to_cancel(&[deployment.id]);
    Ok(())
}

/// The end of what waited.
pub(super) fn before_it_began(reason: &str) -> Ending {
    Ending::without_fault(Status::Queued, format!("{reason} before it began."))
}

impl Shared {
    /// Tells the workers; a cancellation that comes before a worker listens shows in the row.
    pub(super) fn tell_to_cancel(&self, running: &[DeploymentId]) {
        let active = self.active.lock().expect("no panic while held");
        for id in running {
            if let Some(cancel) = active.get(id) {
                cancel.cancel();
            }
        }
    }
}
