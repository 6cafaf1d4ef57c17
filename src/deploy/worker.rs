//! One worker an app: takes from the app's queue, in its order, as long as it holds something.

use std::{pin::pin, sync::Arc};

use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Error, Shared,
    run::{self, Outcome},
};
use crate::{
    db,
    domain::{deployment::Status, ids::AppId},
};

/// An app's worker; it ends when this is dropped.
pub(super) struct Worker {
    wake: Arc<Notify>,
    _end: DropGuard,
}

impl Worker {
    /// Wakes it. Wake-ups coalesce.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// Makes the app's worker.
pub(super) fn spawn(shared: &Arc<Shared>, app: AppId) -> Worker {
    let (wake, end) = (Arc::new(Notify::new()), shared.stop.child_token());
    let (task_shared, task_wake, task_end) = (shared.clone(), wake.clone(), end.clone());
    shared.tasks.spawn(async move {
        loop {
            tokio::select! {
                () = task_end.cancelled() => return,
                () = task_wake.notified() => drain(&task_shared, app, &task_wake, &task_end).await,
            }
        }
    });
    Worker { wake, _end: end.drop_guard() }
}

async fn drain(shared: &Arc<Shared>, app: AppId, wake: &Notify, end: &CancellationToken) {
    loop {
        match turn(shared, app, wake, end).await {
            Ok(Taken::Nothing) => return,
            Ok(Taken::Ended) => {}
            Ok(Taken::Interrupted) => shared.pause_until_in_order(),
            Err(err) => {
                tracing::error!(%app, error = format!("{:#}", anyhow::Error::from(err)), "the queue could not be worked on");
                shared.pause_until_in_order();
            }
        }
    }
}

/// What a worker found in its queue.
enum Taken {
    Nothing,
    Ended,
    Interrupted,
}

/// Waits for its turn, if the queue holds something, and runs the first deployment in it.
async fn turn(shared: &Arc<Shared>, app: AppId, wake: &Notify, end: &CancellationToken) -> Result<Taken, Error> {
    if !db::deployments::has_queued(shared.db.read(), app).await? {
        return Ok(Taken::Nothing);
    }
    let mut ready = shared.ready.subscribe();
    let permit = tokio::select! {
        () = end.cancelled() => return Ok(Taken::Nothing),
        permit = async {
            ready.wait_for(|ready| *ready).await.expect("the sender lives in `shared`");
            permit(shared, app, wake).await
        } => permit?,
    };
    if !*shared.ready.borrow() {
        return Ok(Taken::Ended);
    }
    let task_shared = shared.clone();
    // As a task of its own: what panics there must not end the worker.
    let taken = shared.tasks.spawn(async move { take_one(&task_shared, app, permit).await }).await;
    // The panic is in the log; what it left is put in order.
    taken.unwrap_or(Ok(Taken::Interrupted))
}

/// Waits for one of the permits to fetch and build, unless what goes first does neither: who goes back in need waits for nobody's build.
async fn permit(shared: &Shared, app: AppId, wake: &Notify) -> Result<Option<OwnedSemaphorePermit>, Error> {
    let _waiting = shared.line.join(app);
    let mut acquiring = pin!(shared.permits.clone().acquire_owned());
    loop {
        let unfinished = db::deployments::unfinished(shared.db.read(), app).await?;
        if unfinished.first().is_some_and(|next| next.trigger.takes_an_image_over()) {
            return Ok(None);
        }
        tokio::select! {
            permit = &mut acquiring => return Ok(Some(permit.expect("the semaphore is never closed"))),
            // What goes first may be another one now.
            () = wake.notified() => {}
        }
    }
}

async fn take_one(shared: &Arc<Shared>, app: AppId, permit: Option<OwnedSemaphorePermit>) -> Result<Taken, Error> {
    let unfinished = db::deployments::unfinished(shared.db.read(), app).await?;
    let Some(next) = unfinished.iter().find(|it| it.status == Status::Queued) else { return Ok(Taken::Nothing) };
    if let Some(left) = unfinished.iter().find(|it| it.status != Status::Queued) {
        tracing::warn!(%app, deployment = left.number, "an interrupted deployment is put in order before the next one begins");
        return Ok(Taken::Interrupted);
    }
    if permit.is_none() && !next.trigger.takes_an_image_over() {
        return Ok(Taken::Ended);
    }
    let Some(app) = db::apps::find(shared.db.read(), app).await? else { return Ok(Taken::Nothing) };
    Ok(match run::run(shared, app, next.id, permit).await? {
        Outcome::Ended => Taken::Ended,
        Outcome::Interrupted => Taken::Interrupted,
    })
}
