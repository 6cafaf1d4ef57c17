//! The way back: to which deployments one can go, what that would be, and how it is queued. Nothing is built for it and no git server is
//! asked: image and configuration are those of then. Which deployments are pinned belongs here, too, because pinned ones can be gone back
//! to for ever.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{Error, Shared, ends::Ended, kept, queue};
use crate::{
    audit,
    db::{self, deployments::NewDeployment},
    domain::{
        app::{App, Pause},
        app_config::{AppConfig, difference::needs_another_container},
        audit::{Act, Action, Actor, Subject},
        commit::CommitFacts,
        deployment::{Deployment, Rollback, Status, Trigger},
        moment::Moment,
    },
};

/// So many deployments of an app may be pinned.
const PINNED_MAX: usize = 20;

/// How long the engine may take to say whether it has an image.
const LOOK_DEADLINE: Duration = Duration::from_secs(3);

/// What a deployment has that another one can take over.
pub(super) struct Heritage {
    pub(super) image: String,
    pub(super) commit: CommitFacts,
    /// Its configuration, with the values of then.
    pub(super) config: AppConfig,
}

impl Heritage {
    /// The configuration of a deployment that goes back there.
    pub(super) fn config_for(&self, app: &App, rollback: Rollback) -> AppConfig {
        if rollback.keeps_values { self.config.with_values_of(&app.config) } else { self.config.clone() }
    }
}

/// What a deployment has left for others; refused when it never succeeded, or when something of it was removed.
pub(super) async fn heritage(shared: &Shared, target: &Deployment) -> Result<Heritage, Error> {
    let number = target.number;
    if target.status != Status::Success {
        let how = if target.status.is_end() { format!("It ended as {}", target.status) } else { format!("It is {}", target.status) };
        return Err(Error::Refused(format!(
            "#{number} has never served. {how}, and only a deployment that succeeded can be gone back to."
        )));
    }
    let again = match &target.commit {
        Some(commit) => format!("Deploy commit {} instead: that builds it again.", commit.id),
        None => "Deploy a commit instead.".to_owned(),
    };
    let (Some(image), None) = (&target.image, target.image_removed) else {
        return Err(Error::Refused(format!("The image of #{number} was removed. {again}")));
    };
    let Some(commit) = &target.commit else {
        return Err(Error::Refused(format!("Of which commit #{number} is, is not known: its container was adopted. {again}")));
    };
    let Some(snapshot) = target.snapshot else {
        return Err(Error::Refused(format!("The configuration of #{number} is not kept any more. {again}")));
    };
    let config = db::snapshots::get(shared.db.read(), snapshot).await?;
    Ok(Heritage { image: image.clone(), commit: commit.clone(), config })
}

/// The configuration that going back to a deployment would bring. Refused when that is not possible, or would change nothing.
pub(super) async fn plan(shared: &Shared, app: &App, target: &Deployment, rollback: Rollback) -> Result<AppConfig, Error> {
    let heritage = heritage(shared, target).await?;
    let config = heritage.config_for(app, rollback);
    if let Some(live) = app.live_deployment {
        let live = db::deployments::get(shared.db.read(), live).await?;
        let made_with = db::snapshots::of(shared.db.read(), app, Some(&live)).await?;
        if live.image.as_ref() == Some(&heritage.image) && !needs_another_container(&made_with, &config) {
            let number = live.number;
            return Err(Error::Refused(match target.id == live.id {
                true => format!("#{number} is what serves now, with this configuration."),
                false => format!("#{number} serves already with the image and the configuration of #{}.", target.number),
            }));
        }
    }
    if !kept::of(shared, app).await?.contains(&target.id) {
        let commit = heritage.commit.id;
        return Err(Error::Refused(format!(
            "#{} is not kept any more, so its image may go at any moment. Deploy commit {commit} instead: that builds it again.",
            target.number
        )));
    }
    Ok(config)
}

/// Puts a rollback into the app's queue, before what pushes ask for and in its place, and pauses auto-deploy: else the next push would undo
/// it. Where the newest that a person has asked for goes there already, that is the answer: to a second press, which pauses and cancels as
/// the first one did. Other rollbacks that wait are cancelled: it is where one wants to be that counts, and not the way there.
pub(super) async fn roll_back(shared: &Arc<Shared>, app: &App, rollback: Rollback, by: &Actor) -> Result<Deployment, Error> {
    let to = rollback.to;
    expect_its_image(shared, app, to).await?;
    let mut ended = Ended::default();
    let mut tx = shared.db.begin().await?;
    let app = db::apps::get(&mut *tx, app.id).await?;
    let target = db::deployments::by_number(&mut *tx, app.id, to).await?;
    let target = target.ok_or_else(|| Error::Refused(format!("“{}” has no deployment #{to}.", app.slug)))?;
    plan(shared, &app, &target, rollback).await?;
    let unfinished = db::deployments::unfinished(&mut *tx, app.id).await?;
    let newest_wish = unfinished.iter().filter(|it| !it.trigger.is_automatic() && it.cancel.is_none()).max_by_key(|it| it.number);
    let before = newest_wish.filter(|it| it.rollback == Some(rollback));
    let deployment = match before {
        Some(before) => before.clone(),
        None => enqueue(&mut tx, &target, rollback, by).await?,
    };
    let reason = format!("Cancelled for #{}, the rollback to #{to} that {} asked for,", deployment.number, by.name);
    let running = queue::cancel_automatic(&mut tx, &mut ended, &app, &unfinished, &reason).await?;
    let others = unfinished.iter().filter(|it| it.status == Status::Queued && it.rollback.is_some() && it.id != deployment.id);
    for waiting in others {
        ended.end(&mut tx, &app, waiting, Status::Cancelled, Some(&queue::before_it_began(&reason))).await?;
    }
    let pauses = app.auto_deploy_paused.is_none();
    if pauses {
        let pause = Pause { since: Moment::now(), by: format!("the rollback to #{to} by {}", by.name) };
        db::apps::set_auto_deploy_paused(&mut *tx, app.id, Some(&pause)).await?;
    }
    let values = if rollback.keeps_values { ", with the current values of secrets" } else { "" };
    let paused = if pauses { "; auto-deploy paused" } else { "" };
    let queued = if before.is_some() { "asked for already" } else { "queued" };
    let detail = format!("{queued}: back to #{to}{values}{paused}");
    audit::record(&mut tx, &Act::done(Action::Rollback, by, Subject::deployment(&app, &deployment)).detail(detail)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    ended.tell(shared, &app);
    shared.tell_to_cancel(&running);
    shared.wake(app.id);
    Ok(deployment)
}

async fn enqueue(tx: &mut db::Transaction, target: &Deployment, rollback: Rollback, by: &Actor) -> Result<Deployment, db::Error> {
    let new = NewDeployment {
        app: target.app,
        trigger: Trigger::Rollback,
        requested_by: Some(&by.name),
        commit: target.commit.as_ref().map(|commit| &commit.id),
        no_cache: false,
        rollback: Some(rollback),
    };
    db::deployments::enqueue(tx, &new).await
}

/// An image that somebody has removed behind our back is found before anything is cancelled for it. An engine that does not answer soon is
/// asked again when it is needed.
async fn expect_its_image(shared: &Shared, app: &App, to: i64) -> Result<(), Error> {
    let Some(target) = db::deployments::by_number(shared.db.read(), app.id, to).await? else { return Ok(()) };
    let Ok(heritage) = heritage(shared, &target).await else { return Ok(()) };
    if let Ok(Ok(false)) = timeout(LOOK_DEADLINE, shared.platform.builder.has_image(&heritage.image)).await {
        db::images::set_removed(shared.db.write(), app.id, &heritage.image).await?;
        let again = format!("Deploy commit {} instead: that builds it again.", heritage.commit.id);
        return Err(Error::Refused(format!("The image of #{to} is not on the engine any more: somebody has removed it. {again}")));
    }
    Ok(())
}

/// Pins a deployment, so that it is kept whatever the clean-up says, or lets it go.
pub(super) async fn set_pinned(shared: &Shared, app: &App, deployment: &Deployment, pinned: bool, by: &Actor) -> Result<(), Error> {
    let number = deployment.number;
    let mut tx = shared.db.begin().await?;
    let now = db::deployments::get(&mut *tx, deployment.id).await?;
    if now.pinned.is_some() == pinned {
        return Ok(());
    }
    if pinned {
        heritage(shared, &now).await?;
        if db::deployments::kept::pinned(&mut *tx, app.id).await?.len() >= PINNED_MAX {
            return Err(Error::Refused(format!(
                "{PINNED_MAX} deployments of “{}” are pinned, and more cannot be. Unpin one that is not needed any more.",
                app.slug
            )));
        }
    }
    db::deployments::set_pinned(&mut *tx, now.id, pinned.then(Moment::now)).await?;
    let said = if pinned { format!("#{number} pinned") } else { format!("#{number} unpinned") };
    audit::record(&mut tx, &Act::done(Action::AppUpdate, by, Subject::app(app)).detail(said)).await?;
    Ok(tx.commit().await.map_err(db::Error::from)?)
}
