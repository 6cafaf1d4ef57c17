//! The live picture: what the engine shows of our containers, kept true by its event stream, by a full list at each connection, and by
//! another one now and then. Pages read it; nothing waits for the engine to show a page.
//!
//! A stream that ends means that the engine was away or is, never that anything happened to a container. Events are not told again
//! after that, so whatever was waited for is forgotten and the list decides.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::StreamExt;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::{Shared, platform::Failure, run::STOP_GRACE};
use crate::{
    db,
    domain::{
        app::{App, DesiredState},
        container::{Act, Happening, Observed},
        engine::EngineState,
        moment::{Moment, duration},
    },
};

/// How often everything is listed again, whatever the events say.
const LIST_EVERY: Duration = Duration::from_secs(30);
/// A container that is restarted this often within [`LOOP_WINDOW`] is stopped.
const RESTARTS_MAX: i64 = 10;
const LOOP_WINDOW: Duration = Duration::from_secs(10 * 60);

/// What is known of our containers.
#[derive(Default)]
pub(super) struct Picture {
    /// Held for a look-up.
    seen: Mutex<BTreeMap<String, Observed>>,
}

impl Picture {
    pub(super) fn get(&self, container: &str) -> Option<Observed> {
        self.seen.lock().expect("no panic while held").get(container).cloned()
    }

    pub(super) fn all(&self) -> Vec<Observed> {
        self.seen.lock().expect("no panic while held").values().cloned().collect()
    }

    pub(super) fn note(&self, seen: Observed) {
        self.seen.lock().expect("no panic while held").insert(seen.id.clone(), seen);
    }

    fn forget(&self, container: &str) {
        self.seen.lock().expect("no panic while held").remove(container);
    }

    fn replace(&self, all: Vec<Observed>) {
        *self.seen.lock().expect("no panic while held") = all.into_iter().map(|it| (it.id.clone(), it)).collect();
    }
}

/// Follows the engine until µPaaS stops.
pub(super) async fn follow(shared: Arc<Shared>) {
    let mut engine = shared.engine.subscribe();
    loop {
        let followed = async {
            let up = engine.wait_for(EngineState::is_up).await;
            drop(up.expect("the sender lives in `shared`"));
            let Err(failure) = follow_once(&shared).await;
            tracing::warn!(error = failure.chain(), "the engine's events ended; its containers are listed anew");
            shared.picture.replace(Vec::new());
            shared.engine_is_away();
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
    /// Since when restarts are counted, and how many there were then.
    restarts: HashMap<String, (Instant, i64)>,
}

async fn follow_once(shared: &Arc<Shared>) -> Result<std::convert::Infallible, Failure> {
    let mut events = shared.platform.runtime.events();
    let mut following = Following::default();
    let mut list = interval(LIST_EVERY);
    list.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let next_stop = following.stopped.first().map(|(at, _)| *at);
        tokio::select! {
            biased;
            event = events.next() => {
                let happening = event.unwrap_or_else(|| Err(Failure::engine_lost()))?;
                following.happened(shared, happening).await?;
            }
            () = sleep_until(next_stop.unwrap_or_else(Instant::now)), if next_stop.is_some() => {
                let (_, happening) = following.stopped.remove(0);
                confirm_stop(shared, &happening).await?;
            }
            _ = list.tick() => {
                let all = shared.platform.runtime.ours().await?;
                for container in &all {
                    following.judge(shared, container).await?;
                }
                following.restarts.retain(|id, _| all.iter().any(|it| it.id == *id));
                shared.picture.replace(all);
            }
        }
    }
}

impl Following {
    async fn happened(&mut self, shared: &Arc<Shared>, happening: Happening) -> Result<(), Failure> {
        match shared.platform.runtime.look(&happening.container).await? {
            Some(seen) => {
                self.judge(shared, &seen).await?;
                shared.picture.note(seen);
            }
            None => shared.picture.forget(&happening.container),
        }
        // Whoever is at work at the app stops containers itself.
        if happening.act == Act::Stopped && !shared.seats.is_taken(happening.app) {
            self.stopped.push((Instant::now() + shared.limits.stop_confirmed, happening));
        }
        Ok(())
    }

    /// Stops a container that crashes again and again.
    async fn judge(&mut self, shared: &Shared, seen: &Observed) -> Result<(), Failure> {
        let now = Instant::now();
        let (since, then) = self.restarts.entry(seen.id.clone()).or_insert((now, seen.restarts));
        if now.duration_since(*since) > LOOP_WINDOW || seen.restarts < *then {
            (*since, *then) = (now, seen.restarts);
        }
        let restarts = seen.restarts - *then;
        if restarts < RESTARTS_MAX {
            return Ok(());
        }
        let span = now.duration_since(*since);
        self.restarts.remove(&seen.id);
        halt(shared, seen, restarts, span).await
    }
}

/// The app whose live container this is, when it should run and nobody is at work at it.
async fn serving(shared: &Shared, container: &Observed) -> Result<Option<App>, db::Error> {
    let Some(row) = db::deployments::by_number(shared.db.read(), container.app, container.deployment).await? else { return Ok(None) };
    let app = db::apps::get(shared.db.read(), row.app).await?;
    let serves = app.live_deployment == Some(row.id) && row.container.as_deref() == Some(&*container.id);
    Ok(Some(app).filter(|app| serves && app.desired_state == DesiredState::Running && app.halted.is_none()))
}

/// Takes a stop for what somebody wants, when nothing has started the container again.
async fn confirm_stop(shared: &Shared, happening: &Happening) -> Result<(), Failure> {
    let Some(_seat) = shared.seats.try_take(happening.app) else { return Ok(()) };
    let Some(seen) = shared.platform.runtime.look(&happening.container).await? else { return Ok(()) };
    if seen.running || seen.restarting || shared.is_owed(&seen.id) {
        return Ok(());
    }
    if let Some(app) = serving(shared, &seen).await.map_err(Failure::internal)? {
        tracing::info!(app = %app.slug, "the container was stopped outside µPaaS: the app counts as stopped");
        db::apps::set_desired_state(shared.db.write(), app.id, DesiredState::Stopped).await.map_err(Failure::internal)?;
    }
    Ok(())
}

async fn halt(shared: &Shared, seen: &Observed, restarts: i64, span: Duration) -> Result<(), Failure> {
    let Some(_seat) = shared.seats.try_take(seen.app) else { return Ok(()) };
    let Some(app) = serving(shared, seen).await.map_err(Failure::internal)? else { return Ok(()) };
    let code = seen.exit_code.map(|code| format!(", the last time with code {code}")).unwrap_or_default();
    let span = duration(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
    let why = format!("Stopped after {restarts} restarts within {span}: the container keeps exiting{code}.");
    tracing::warn!(app = %app.slug, restarts, exit_code = seen.exit_code, at = %Moment::now().iso(), "a container that keeps exiting is stopped");
    db::apps::set_halted(shared.db.write(), app.id, Some(&why)).await.map_err(Failure::internal)?;
    shared.platform.runtime.stop(&seen.id, STOP_GRACE).await
}

impl Shared {
    /// Takes a container into the picture as it is now, without waiting for the engine's word of it.
    pub(super) async fn look_again(&self, container: &str) {
        match self.platform.runtime.look(container).await {
            Ok(Some(seen)) => self.picture.note(seen),
            Ok(None) => self.picture.forget(container),
            Err(failure) => tracing::debug!(error = failure.chain(), "a container could not be looked at"),
        }
    }
}
