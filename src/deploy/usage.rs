//! What the containers that serve use, asked of the engine for all at once, and not more often than it is worth.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

use super::Shared;
use crate::domain::container::Usage;

/// How long all measurements together may take. Docker 20.10 needs up to a second for one.
const DEADLINE: Duration = Duration::from_millis(1500);
/// So many containers are measured at once.
const AT_ONCE: usize = 64;
/// How long what was measured is good enough for whoever asks next.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// What was measured last. Held while measuring: who asks meanwhile gets the same numbers.
#[derive(Default)]
pub(super) struct Usages(Mutex<Option<Measured>>);

struct Measured {
    at: Instant,
    /// What was asked about.
    asked: Vec<String>,
    /// What was answered in time.
    usages: HashMap<String, Usage>,
}

/// What these containers use, as far as the engine says so in time.
pub(super) async fn of(shared: &Arc<Shared>, containers: Vec<String>) -> HashMap<String, Usage> {
    let task_shared = shared.clone();
    // As a task: whoever asks may hang up, and the next one shall not wait for the engine anew.
    shared.tasks.spawn(async move { measured(&task_shared, containers).await }).await.unwrap_or_default()
}

async fn measured(shared: &Shared, containers: Vec<String>) -> HashMap<String, Usage> {
    if containers.is_empty() || !shared.engine_is_up() {
        return HashMap::new();
    }
    let mut last = shared.usages.0.lock().await;
    if let Some(last) = &*last
        && last.at.elapsed() < KEPT_FOR
        && containers.iter().all(|it| last.asked.contains(it))
    {
        return last.usages.clone();
    }
    let measuring = measure(shared, &containers);
    let Some(usages) = shared.stop.run_until_cancelled(measuring).await else { return HashMap::new() };
    *last = Some(Measured { at: Instant::now(), asked: containers, usages: usages.clone() });
    usages
}

async fn measure(shared: &Shared, containers: &[String]) -> HashMap<String, Usage> {
    let deadline = Instant::now() + DEADLINE;
    let ask = |id: &String| {
        let id = id.clone();
        async move { (shared.platform.runtime.usage(&id).await, id) }
    };
    let mut answers = stream::iter(containers.iter().map(ask)).buffer_unordered(AT_ONCE);
    let mut usages = HashMap::new();
    while let Ok(Some((answer, id))) = timeout_at(deadline, answers.next()).await {
        match answer {
            Ok(Some(usage)) => drop(usages.insert(id, usage)),
            Ok(None) => {}
            Err(failure) => tracing::debug!(container = id, error = failure.chain(), "a container could not be measured"),
        }
    }
    usages
}
