//! Follows the engine's events, so that the picture of our containers is true, and judges what happened: a stop outside µPaaS makes an
//! app a stopped one, a crash loop is stopped.
//!
//! A stream that ends means that the engine was away or is, never that anything happened to a container. Events are not told again
//! after that, so whatever was waited for is forgotten and the list decides.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::StreamExt;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::{
    Shared, lifecycle,
    platform::{Failure, FailureKind},
};
use crate::{
    audit, db,
    domain::{
        app::{App, DesiredState},
        app_config::{RunConfig, restart::RestartCap},
        audit::{Act as AuditAct, Action, Actor, Subject},
        container::{Act, Happening, Observed},
        deployment::Cause,
        engine::EngineState,
        ids::AppId,
        moment::{Moment, duration},
    },
};

/// How often everything is listed again, whatever the events say.
const LIST_EVERY: Duration = Duration::from_secs(30);
/// A container that is restarted as often as its app's settings say within this time is stopped. The engine waits up to a minute before
/// each restart.
const LOOP_WINDOW: Duration = Duration::from_secs(15 * 60);

/// Follows the engine until µPaaS stops.
pub(super) async fn follow(shared: Arc<Shared>) {
    let mut engine = shared.engine.subscribe();
    loop {
        let followed = async {
            let up = engine.wait_for(EngineState::is_up).await;
            drop(up.expect("the sender lives in `shared`"));
            let failure = follow_once(&shared, &mut shared.engine.subscribe()).await;
            tracing::warn!(reason = %failure.sentence, error = failure.chain(), "the engine's events are followed anew");
            if failure.kind == FailureKind::EngineLost {
                shared.engine_is_away(failure.kind);
                shared.look_at_engine.notify_one();
            }
            shared.picture.replace(Vec::new());
            sleep(shared.limits.engine_retry).await;
        };
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = followed => {}
        }
    }
}

/// One connection's worth of following. What it waits for is gone with it.
#[derive(Default)]
struct Following {
    /// Containers that were stopped, and when that is believed.
    stopped: Vec<(Instant, Happening)>,
    /// How often a container had been restarted when it was last seen, and when each restart of late was seen.
    restarts: HashMap<String, (i64, Vec<Instant>)>,
}

/// Follows until the events end or the engine has been away; says why.
async fn follow_once(shared: &Arc<Shared>, engine: &mut tokio::sync::watch::Receiver<EngineState>) -> Failure {
    let mut events = shared.platform.runtime.events();
    let mut following = Following::default();
    let mut list = interval(LIST_EVERY);
    list.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let next_stop = following.stopped.first().map(|(at, _)| *at);
        let done = tokio::select! {
            biased;
            event = events.next() => match event.unwrap_or_else(|| Err(Failure::engine_lost())) {
                Ok(happening) => following.happened(shared, happening).await,
                Err(failure) => return failure,
            },
            () = sleep_until(next_stop.unwrap_or_else(Instant::now)), if next_stop.is_some() => {
                let (_, happening) = following.stopped.remove(0);
                confirm_stop(shared, &happening).await
            }
            // While it is away the events are waited for, because their end tells that it is lost. Back again, it is asked anew.
            _ = engine.changed() => match engine.borrow_and_update().is_up() {
                true => return Failure::new(Cause::Engine, "The engine was away.").kind(FailureKind::EngineSlow),
                false => Ok(()),
            },
            _ = list.tick() => following.list(shared).await,
        };
        match done {
            Err(failure) if failure.kind == FailureKind::EngineLost => return failure,
            Err(failure) => {
                tracing::warn!(reason = %failure.sentence, error = failure.chain(), "the picture of the containers has a gap; they are listed again");
                list.reset_after(shared.limits.engine_retry);
            }
            Ok(()) => {}
        }
    }
}

impl Following {
    async fn list(&mut self, shared: &Arc<Shared>) -> Result<(), Failure> {
        let listed = shared.platform.runtime.ours().await?;
        for container in &listed.shown {
            self.judge(shared, container).await?;
        }
        self.restarts.retain(|id, _| listed.hides(id) || listed.shown.iter().any(|it| it.id == *id));
        shared.picture.replace(listed.shown);
        Ok(())
    }

    async fn happened(&mut self, shared: &Arc<Shared>, happening: Happening) -> Result<(), Failure> {
        if happening.act == Act::Moved && shared.picture.get(&happening.container).is_none() {
            // Somebody else's, or one of which more is told at once.
            return Ok(());
        }
        let by_us = shared.is_stopped_by_us(&happening.container);
        match happening.act {
            Act::Stopped if by_us => {
                // It may be owed a start.
                shared.look_at_engine.notify_one();
            }
            Act::Stopped => self.stopped.push((Instant::now() + shared.limits.stop_confirmed, happening.clone())),
            Act::Started => shared.forget_stop(&happening.container),
            Act::Moved | Act::Changed => {}
        }
        let seen = shared.platform.runtime.look(&happening.container).await.inspect_err(|_| shared.picture.forget(&happening.container))?;
        match seen {
            Some(seen) => {
                if happening.act == Act::Started {
                    unhalt(shared, &seen).await.map_err(Failure::internal)?;
                }
                self.judge(shared, &seen).await?;
                shared.picture.note(seen);
            }
            None => {
                shared.forget_stop(&happening.container);
                shared.picture.forget(&happening.container);
            }
        }
        Ok(())
    }

    /// Stops a container that crashes again and again.
    async fn judge(&mut self, shared: &Arc<Shared>, seen: &Observed) -> Result<(), Failure> {
        let now = Instant::now();
        let (then, of_late) = self.restarts.entry(seen.id.clone()).or_insert((seen.restarts, Vec::new()));
        of_late.retain(|at| now.duration_since(*at) < LOOP_WINDOW);
        // A count that is lower began anew: somebody has started the container.
        let new = usize::try_from(seen.restarts - *then).unwrap_or(0).min(RestartCap::MAX as usize);
        *then = seen.restarts;
        of_late.extend(std::iter::repeat_n(now, new));
        let (restarts, Some(first)) = (of_late.len(), of_late.first()) else { return Ok(()) };
        let span = now.duration_since(*first);
        let Some((app, run)) = serving(shared, &seen.id, seen.app).await.map_err(Failure::internal)? else { return Ok(()) };
        if restarts < run.restart.cap.get() as usize {
            return Ok(());
        }
        self.restarts.remove(&seen.id);
        // Apart: a container may take its time to stop, and the events of all others go on.
        let (shared, seen) = (shared.clone(), seen.clone());
        shared.clone().tasks.spawn(async move {
            if let Err(failure) = halt(&shared, &app, &run, &seen, restarts, span).await {
                tracing::warn!(app = %app.slug, reason = %failure.sentence, error = failure.chain(), "a container that keeps exiting could not be stopped");
            }
        });
        Ok(())
    }
}

/// The app whose live container this is, when it should run, and how the container was made.
async fn serving(shared: &Shared, container: &str, of: AppId) -> Result<Option<(App, RunConfig)>, db::Error> {
    let Some(app) = db::apps::find(shared.db.read(), of).await? else { return Ok(None) };
    let Some(live) = app.live_deployment else { return Ok(None) };
    let live = db::deployments::get(shared.db.read(), live).await?;
    if live.container.as_deref() != Some(container) || app.desired_state != DesiredState::Running {
        return Ok(None);
    }
    let run = db::snapshots::of(shared.db.read(), &app, Some(&live)).await?.run;
    Ok(Some((app, run)))
}

/// Takes a stop for what somebody wants, when nothing has started the container again.
async fn confirm_stop(shared: &Shared, happening: &Happening) -> Result<(), Failure> {
    let container = &happening.container;
    let Some(seen) = shared.platform.runtime.look(container).await? else { return Ok(()) };
    if seen.running || seen.restarting || shared.is_owed(container) || shared.is_stopped_by_us(container) {
        return Ok(());
    }
    if let Some((app, _)) = serving(shared, container, seen.app).await.map_err(Failure::internal)? {
        lifecycle::set_stopped(shared, &app, &Actor::at_the_engine(), "its container was stopped outside µPaaS")
            .await
            .map_err(Failure::internal)?;
    }
    Ok(())
}

async fn halt(shared: &Shared, app: &App, run: &RunConfig, seen: &Observed, restarts: usize, span: Duration) -> Result<(), Failure> {
    // A deployment may be at work there: its container crashes while the old one is still being stopped.
    let at_once = shared.seats.try_take(seen.app);
    let waits = at_once.is_none();
    let taking = async {
        match at_once {
            Some(seat) => seat,
            None => shared.seats.take(seen.app).await,
        }
    };
    let Some(_seat) = shared.stop.run_until_cancelled(taking).await else { return Ok(()) };
    let serves = serving(shared, &seen.id, seen.app).await.map_err(Failure::internal)?.is_some();
    let Some(now) = shared.platform.runtime.look(&seen.id).await?.filter(|_| serves) else { return Ok(()) };
    if waits && has_recovered(&now, seen, shared.limits.settle) {
        return Ok(());
    }
    let code = seen.exit_code.map(|code| format!(", the last time with code {code}")).unwrap_or_default();
    let span = duration(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
    let why = format!("Stopped after {restarts} restarts within {span}: the container keeps exiting{code}.");
    tracing::warn!(app = %app.slug, restarts, exit_code = seen.exit_code, "a container that keeps exiting is stopped");
    shared.stop_container(&seen.id, run.process.stop_grace.into()).await?;
    set_halted(shared, app, &why).await.map_err(Failure::internal)
}

/// Whether a container that kept exiting has stayed up meanwhile, and not only between two restarts, or somebody has started it anew.
fn has_recovered(now: &Observed, before: &Observed, settle: Duration) -> bool {
    let stays = || now.started_at.is_some_and(|at| u128::from(Moment::now().since(at)) >= settle.as_millis());
    now.running && (now.restarts < before.restarts || now.restarts == before.restarts && stays())
}

async fn set_halted(shared: &Shared, app: &App, why: &str) -> Result<(), db::Error> {
    let mut tx = shared.db.begin().await?;
    db::apps::set_halted(&mut *tx, app.id, Some(why)).await?;
    audit::record(&mut tx, &AuditAct::done(Action::ContainerStop, &Actor::upaas(), Subject::app(app)).detail(why)).await?;
    Ok(tx.commit().await?)
}

/// A container that was stopped for crashing and was started again has another try.
async fn unhalt(shared: &Shared, seen: &Observed) -> Result<(), db::Error> {
    match serving(shared, &seen.id, seen.app).await? {
        Some((app, _)) if app.halted.is_some() => db::apps::set_halted(shared.db.write(), app.id, None).await,
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_over_when_the_container_has_stayed_up_or_was_started_anew() {
        let settle = Duration::from_secs(3);
        let looping = Observed { restarts: 10, ..Observed::bare("c1") };
        let since = |started_at| Observed { started_at: Some(started_at), ..looping.clone() };
        let long_ago = Moment::now().before(60 * 60 * 1000);
        assert!(has_recovered(&since(long_ago), &looping, settle));
        assert!(!has_recovered(&since(Moment::now()), &looping, Duration::from_secs(60 * 60)), "between two restarts");
        assert!(!has_recovered(&looping, &looping, settle), "nobody says since when it runs");
        assert!(!has_recovered(&Observed { restarts: 11, ..since(long_ago) }, &looping, settle));
        assert!(!has_recovered(&Observed { running: false, ..since(long_ago) }, &looping, settle));
        assert!(has_recovered(&Observed { restarts: 0, ..looping.clone() }, &looping, settle), "its count began anew");
    }
}
