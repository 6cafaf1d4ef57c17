//! What a person does with an app's container, without a fetch or a build: stop it, start it, restart it. And with pushes: pause, resume.

use std::sync::Arc;

use super::{
    Error, Shared, adopt,
    ends::Ended,
    platform::{Failure, FailureKind, Target},
    queue,
    seat::Seat,
    settle,
};
use crate::{
    audit, db,
    domain::{
        app::{App, DesiredState, Pause},
        app_config::RunConfig,
        audit::{Act, Action, Actor, Subject},
        commit::CommitFacts,
        container::Created,
        deployment::{Deployment, Status, Trigger},
        moment::Moment,
    },
};

/// Pauses auto-deploy or resumes it.
pub(super) async fn set_paused(shared: &Shared, app: &App, paused: bool, by: &Actor) -> Result<(), Error> {
    let pause = paused.then(|| Pause { since: Moment::now(), by: by.name.clone() });
    let said = if paused { "auto-deploy paused" } else { "auto-deploy resumed" };
    let mut tx = shared.db.begin().await?;
    db::apps::set_auto_deploy_paused(&mut *tx, app.id, pause.as_ref()).await?;
    audit::record(&mut tx, &Act::done(Action::AppUpdate, by, Subject::app(app)).detail(said)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(())
}

/// Stops the app's container; from now on pushes are ignored. What pushes have queued is cancelled.
pub(super) async fn stop(shared: &Shared, app: &App, by: &Actor) -> Result<(), Error> {
    let _seat = seat(shared, app).await?;
    let unfinished = db::deployments::unfinished(shared.db.read(), app.id).await?;
    if let Some(asked) = unfinished.iter().find(|it| !it.trigger.is_automatic()) {
        return Err(Error::Refused(format!("#{} waits for its turn because a person asked for it. Cancel it first.", asked.number)));
    }
    if !shared.engine_is_up() {
        return Err(Error::engine_away("nothing can be stopped now"));
    }
    let before = db::apps::get(shared.db.read(), app.id).await?.desired_state;
    set_stopped(shared, app, by, &format!("{} stopped the app", by.name)).await?;
    let Some(live) = live(shared, app).await? else { return Ok(()) };
    let grace = db::snapshots::of(shared.db.read(), app, Some(&live)).await?.run.process.stop_grace;
    let Some(container) = live.container else { return Ok(()) };
    if let Err(failure) = shared.stop_container(&container, grace.into()).await {
        // The entry that it did not work follows. An engine that is slow or lost may still do it: then the wish stands.
        if !matches!(failure.kind, FailureKind::EngineLost | FailureKind::EngineSlow) {
            db::apps::set_desired_state(shared.db.write(), app.id, before).await?;
        }
        return Err(Error::from_engine(failure));
    }
    shared.look_again(&container).await;
    Ok(())
}

/// Notes that the app is to be stopped, and cancels what pushes have asked for.
pub(super) async fn set_stopped(shared: &Shared, app: &App, by: &Actor, why: &str) -> Result<(), db::Error> {
    let mut ended = Ended::default();
    let mut tx = shared.db.begin().await?;
    let unfinished = db::deployments::unfinished(&mut *tx, app.id).await?;
    let reason = format!("Cancelled because {why},");
    let running = queue::cancel_automatic(&mut tx, &mut ended, app, &unfinished, &reason).await?;
    for it in unfinished.iter().filter(|it| it.trigger == Trigger::Config && it.status == Status::Queued) {
        ended.end(&mut tx, app, it, Status::Cancelled, Some(&queue::before_it_began(&reason))).await?;
    }
    db::apps::set_desired_state(&mut *tx, app.id, DesiredState::Stopped).await?;
    audit::record(&mut tx, &Act::done(Action::ContainerStop, by, Subject::app(app)).detail(why)).await?;
    tx.commit().await?;
    ended.tell(shared, app);
    shared.tell_to_cancel(&running);
    Ok(())
}

/// Starts the app's container, or makes it anew from its image and configuration when it was removed.
pub(super) async fn start(shared: &Arc<Shared>, app: &App, by: &Actor) -> Result<(), Error> {
    let _seat = seat(shared, app).await?;
    let refused = || Error::Refused("Nothing is deployed yet. “Deploy now” builds and starts the app.".to_owned());
    let live = live(shared, app).await?.ok_or_else(refused)?;
    let run = db::snapshots::of(shared.db.read(), app, Some(&live)).await?.run;
    let runtime = &shared.platform.runtime;
    let there = match &live.container {
        Some(container) => runtime.look(container).await.map_err(Error::from_engine)?,
        None => None,
    };
    let container = match there {
        Some(there) => {
            set_running(shared, app, &live, by).await?;
            if there.paused {
                // The engine starts nothing that is paused.
                shared.stop_container(&there.id, run.process.stop_grace.into()).await.map_err(Error::from_engine)?;
            }
            runtime.start(&there.id, &run.ports).await.map_err(Error::from_engine)?;
            there.id
        }
        None => {
            let gone = || Error::Refused(format!("#{} has no image to start again. “Deploy now” builds a new one.", live.number));
            let image = live.image.as_deref().ok_or_else(gone)?;
            let unknown = || Error::Refused(format!("{} {}", adopt::commit_is_unknown(live.number), adopt::BUILD_ANEW));
            let parts = (image, live.commit.as_ref().ok_or_else(unknown)?);
            set_running(shared, app, &live, by).await?;
            start_again(shared, app, &live, parts, &run).await?
        }
    };
    // Not before it has: what does not start is still stopped, for the reason it was.
    db::apps::set_halted(shared.db.write(), app.id, None).await?;
    shared.look_again(&container).await;
    Ok(())
}

/// Stops the app's container and starts it again: the same one, nothing is fetched or built. One that is paused goes on by that.
pub(super) async fn restart(shared: &Shared, app: &App, by: &Actor) -> Result<(), Error> {
    let _seat = seat(shared, app).await?;
    let refused = |why: &str| Error::Refused(why.to_owned());
    let live = live(shared, app).await?.ok_or_else(|| refused("Nothing is deployed yet. “Deploy now” builds and starts the app."))?;
    if db::apps::get(shared.db.read(), app.id).await?.desired_state == DesiredState::Stopped {
        return Err(refused("The app is stopped, so there is nothing to restart. “Start” starts it."));
    }
    if !shared.engine_is_up() {
        return Err(Error::engine_away("nothing can be restarted now"));
    }
    let there = match &live.container {
        Some(container) => shared.platform.runtime.look(container).await.map_err(Error::from_engine)?,
        None => None,
    };
    let gone = || Error::Refused(format!("The container of #{} is gone. “Start again” makes it anew from the same image.", live.number));
    let container = there.ok_or_else(gone)?.id;
    let run = db::snapshots::of(shared.db.read(), app, Some(&live)).await?.run;
    // Whatever comes in between, it is owed its start until that has happened: it should run.
    let grace = run.process.stop_grace.into();
    shared.owe_start_after_stop(&container, grace);
    shared.stop_container(&container, grace).await.map_err(Error::from_engine)?;
    let started = start_to_stay(shared, &container, &run).await;
    shared.look_again(&container).await;
    if let Err(failure) = started {
        let why = Error::from_engine(failure);
        return Err(Error::Refused(format!("The container of #{} was stopped and does not run again. {why}", live.number)));
    }
    // A recovery that found the seat taken meanwhile may have noted the debt once more.
    shared.start_is_paid(&container);
    let act = Act::done(Action::ContainerRestart, by, Subject::app(app)).detail(format!("#{}", live.number));
    audit::record_alone(&shared.db, &act).await?;
    Ok(())
}

async fn start_to_stay(shared: &Shared, container: &str, run: &RunConfig) -> Result<(), Failure> {
    let runtime = &*shared.platform.runtime;
    runtime.start(container, &run.ports).await?;
    shared.start_is_paid(container);
    settle::stay(runtime, container, shared.limits.settle).await?;
    Ok(())
}

/// Notes that the app is to run.
async fn set_running(shared: &Shared, app: &App, live: &Deployment, by: &Actor) -> Result<(), db::Error> {
    let mut tx = shared.db.begin().await?;
    db::apps::set_desired_state(&mut *tx, app.id, DesiredState::Running).await?;
    let act = Act::done(Action::ContainerStart, by, Subject::app(app)).detail(format!("#{}", live.number));
    audit::record(&mut tx, &act).await?;
    Ok(tx.commit().await?)
}

/// Makes a removed container anew, from the same image and configuration.
async fn start_again(
    shared: &Shared,
    app: &App,
    live: &Deployment,
    (image, commit): (&str, &CommitFacts),
    run: &RunConfig,
) -> Result<String, Error> {
    let target = Target { app: app.id, slug: app.slug.clone(), number: live.number };
    let runtime = &shared.platform.runtime;
    let wanted = shared.wanted(target, image, commit, run).await?;
    let Created { id: container, warnings } = runtime.create(&wanted).await.map_err(Error::from_engine)?;
    warnings.iter().for_each(|warning| tracing::warn!(app = %app.slug, deployment = live.number, warning, "the engine warns"));
    let started = async {
        runtime.start(&container, &run.ports).await?;
        runtime.keep_running(&container, run.restart.policy).await
    };
    if let Err(failure) = started.await {
        if let Err(failure) = runtime.remove(&container).await {
            tracing::warn!(app = %app.slug, error = failure.chain(), "a container that did not start could not be removed yet");
        }
        return Err(Error::from_engine(failure));
    }
    db::deployments::set_container(shared.db.write(), live.id, &container).await?;
    Ok(container)
}

/// The right to work at the app, when nobody else is and no deployment runs.
pub(super) async fn seat(shared: &Shared, app: &App) -> Result<Seat, Error> {
    let unfinished = db::deployments::unfinished(shared.db.read(), app.id).await?;
    if let Some(running) = unfinished.iter().find(|it| it.status != Status::Queued) {
        return Err(is_busy(running));
    }
    let seat = shared.seats.try_take(app.id).ok_or_else(somebody_else)?;
    // Once more, now that it cannot be deleted meanwhile.
    db::apps::get(shared.db.read(), app.id).await?;
    Ok(seat)
}

/// Why nobody may touch what somebody is at work at.
pub(super) fn somebody_else() -> Error {
    Error::Refused("Something else is being done with this app right now. Try again in a moment.".to_owned())
}

/// Why nobody may touch the app now.
pub(super) fn is_busy(running: &Deployment) -> Error {
    Error::Refused(format!("#{} is being deployed. Wait for its end, or cancel it first.", running.number))
}

/// The deployment whose container serves, or should.
pub(super) async fn live(shared: &Shared, app: &App) -> Result<Option<Deployment>, Error> {
    let app = db::apps::get(shared.db.read(), app.id).await?;
    Ok(match app.live_deployment {
        Some(live) => Some(db::deployments::get(shared.db.read(), live).await?),
        None => None,
    })
}

impl Error {
    /// What the engine could not do for a person, in words for the page.
    pub(super) fn from_engine(failure: Failure) -> Self {
        tracing::warn!(reason = %failure.sentence, error = failure.chain(), "an act on a container failed");
        let with_hint = |sentence: String| match &failure.hint {
            Some(hint) => format!("{sentence} {hint}"),
            None => sentence,
        };
        match failure.kind {
            FailureKind::EngineLost | FailureKind::EngineSlow => {
                Self::EngineAway(with_hint(format!("{} Try again when it answers.", failure.sentence)))
            }
            _ => Self::Refused(with_hint(failure.sentence.clone())),
        }
    }

    /// That the engine is away, and what cannot be done therefore.
    pub(super) fn engine_away(so: &str) -> Self {
        Self::EngineAway(format!("The engine cannot be reached, so {so}. Try again when it answers."))
    }
}
