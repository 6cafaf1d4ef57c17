//! The watch over the engine: asks it regularly whether it is there, tells the pages, and lets the workers go on when it is back.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{Shared, recover};
use crate::{
    db,
    domain::{engine::EngineState, moment::Moment},
};

/// How often an engine that answers is asked.
const ASK_EVERY: Duration = Duration::from_secs(5);

pub(super) async fn watch(shared: Arc<Shared>) {
    loop {
        let pause = look(&shared).await;
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.look_at_engine.notified() => {}
            () = sleep(pause) => {}
        }
    }
}

/// One look; returns how long to wait before the next.
async fn look(shared: &Arc<Shared>) -> Duration {
    let hello = tokio::select! {
        () = shared.stop.cancelled() => return shared.limits.engine_retry,
        hello = shared.platform.runtime.hello() => hello,
    };
    match hello {
        Ok(version) => {
            let state = EngineState::Up(version);
            let news = shared.engine.send_if_modified(|seen| {
                let news = *seen != state;
                *seen = state.clone();
                news
            });
            if news {
                tracing::info!(engine = ?state, "the engine answers");
            }
            if !*shared.ready.borrow() { resume(shared).await } else { ASK_EVERY }
        }
        Err(failure) => {
            shared.ready.send_replace(false);
            let news = shared.engine.send_if_modified(|seen| {
                let news = !matches!(seen, EngineState::Down { .. });
                if news {
                    *seen = EngineState::Down { since: Moment::now() };
                }
                news
            });
            if news {
                tracing::warn!(error = failure.source.as_ref().map(|source| format!("{source:#}")), "the engine cannot be reached");
            }
            shared.limits.engine_retry
        }
    }
}

/// Deals with what was interrupted, then opens the queue.
async fn resume(shared: &Arc<Shared>) -> Duration {
    if let Err(failure) = recover::recover(shared).await {
        tracing::warn!(reason = %failure.sentence, error = failure.source.as_ref().map(|source| format!("{source:#}")), "what was interrupted could not be brought in order yet");
        return shared.limits.engine_retry;
    }
    shared.ready.send_replace(true);
    match db::deployments::apps_with_queue(shared.db.read()).await {
        Ok(apps) => {
            for app in apps {
                shared.wake(app);
            }
            ASK_EVERY
        }
        Err(err) => {
            tracing::error!(error = %err, "the queue could not be read");
            shared.ready.send_replace(false);
            shared.limits.engine_retry
        }
    }
}
