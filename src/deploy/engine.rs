//! The watch over the engine: asks it regularly whether it is there, tells the pages, and puts in order what was interrupted before
//! the workers go on.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    Shared,
    platform::{Failure, FailureKind},
    recover,
};
use crate::{
    db,
    domain::{
        engine::{EngineState, EngineVersion},
        moment::Moment,
    },
};

/// How often an engine that answers is asked.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// How often rows and containers are compared although nothing is known to be out of order.
const RECONCILE_EVERY: Duration = Duration::from_secs(60);

pub(super) async fn watch(shared: Arc<Shared>) {
    let mut reconciled = Instant::now();
    loop {
        let pause = tokio::select! {
            () = shared.stop.cancelled() => return,
            pause = look(&shared, &mut reconciled) => pause,
        };
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.look_at_engine.notified() => {}
            () = sleep(pause) => {}
        }
    }
}

/// One look; returns how long to wait before the next.
async fn look(shared: &Arc<Shared>, reconciled: &mut Instant) -> Duration {
    match shared.platform.runtime.hello().await {
        Ok(version) => {
            seen_up(shared, version);
            let in_order = *shared.ready.borrow() && !shared.note(|disorder| disorder.is_any());
            if in_order && reconciled.elapsed() < RECONCILE_EVERY {
                return ASK_EVERY;
            }
            *reconciled = Instant::now();
            put_in_order_while_up(shared).await
        }
        Err(failure) => {
            seen_down(shared, &failure);
            shared.limits.engine_retry
        }
    }
}

fn seen_up(shared: &Shared, version: EngineVersion) {
    let state = EngineState::Up(version);
    let news = shared.engine.send_if_modified(|seen| std::mem::replace(seen, state.clone()) != state);
    if news {
        shared.changes.tell();
        tracing::info!(engine = ?state, "the engine answers");
    }
}

fn seen_down(shared: &Shared, failure: &Failure) {
    let news = shared.engine.send_if_modified(|seen| {
        let news = !matches!(seen, EngineState::Down { .. });
        if news {
            *seen = EngineState::Down { since: Moment::now() };
        }
        news
    });
    // A hung one may get lost, too.
    if news || failure.kind == FailureKind::EngineLost {
        shared.engine_is_away(failure.kind);
    }
    if news {
        shared.changes.tell();
        tracing::warn!(error = failure.chain(), "the engine cannot be reached");
    }
}

/// Puts in order, and asks meanwhile whether the engine is still there: an engine that hangs must not hide behind what waits for it.
async fn put_in_order_while_up(shared: &Arc<Shared>) -> Duration {
    let mut ordering = std::pin::pin!(put_in_order(shared));
    loop {
        tokio::select! {
            pause = &mut ordering => return pause,
            () = sleep(ASK_EVERY) => {
                if let Err(failure) = shared.platform.runtime.hello().await {
                    seen_down(shared, &failure);
                    return shared.limits.engine_retry;
                }
            }
        }
    }
}

/// Deals with what was interrupted, then opens the queue, unless something new was interrupted meanwhile.
async fn put_in_order(shared: &Arc<Shared>) -> Duration {
    let absence = shared.note(|disorder| {
        disorder.interrupted = false;
        disorder.untidy = false;
        disorder.absence.clone()
    });
    let unshown = match recover::recover(shared, absence.as_ref()).await {
        Ok(unshown) => unshown,
        Err(failure) => {
            tracing::warn!(reason = %failure.sentence, error = failure.chain(), "what was interrupted could not be put in order yet");
            shared.note(|disorder| disorder.interrupted = true);
            return shared.limits.engine_retry;
        }
    };
    if shared.note(|disorder| disorder.interrupted) {
        return shared.limits.engine_retry;
    }
    shared.absence_is_over(&unshown);
    shared.ready.send_replace(true);
    wake_all(shared).await;
    ASK_EVERY
}

/// Wakes the worker of every app that has something queued.
async fn wake_all(shared: &Arc<Shared>) {
    match db::deployments::apps_with_queue(shared.db.read()).await {
        Ok(apps) => apps.into_iter().for_each(|app| shared.wake(app)),
        Err(err) => {
            tracing::error!(error = format!("{:#}", anyhow::Error::from(err)), "the queue could not be read");
            shared.pause_until_in_order();
        }
    }
}
