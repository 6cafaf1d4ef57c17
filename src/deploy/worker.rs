//! One worker an app: takes from the app's queue, in its order, as long as it holds something.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{
    Shared,
    run::{self, Outcome},
};
use crate::{
    db,
    domain::{deployment::Status, ids::AppId},
};

/// Makes the app's worker; the returned handle wakes it. Wake-ups coalesce.
pub(super) fn spawn(shared: &Arc<Shared>, app: AppId) -> Arc<Notify> {
    let wake = Arc::new(Notify::new());
    let (task_shared, task_wake) = (shared.clone(), wake.clone());
    shared.tasks.spawn(async move {
        loop {
            tokio::select! {
                () = task_shared.stop.cancelled() => return,
                () = task_wake.notified() => drain(&task_shared, app).await,
            }
        }
    });
    wake
}

async fn drain(shared: &Arc<Shared>, app: AppId) {
    loop {
        let mut ready = shared.ready.subscribe();
        let permit = tokio::select! {
            () = shared.stop.cancelled() => return,
            permit = async {
                ready.wait_for(|ready| *ready).await.expect("the sender lives in `shared`");
                let _waiting = shared.line.join(app);
                shared.permits.acquire().await.expect("the semaphore is never closed")
            } => permit,
        };
        if !*shared.ready.borrow() {
            continue;
        }
        let taken = take_one(shared, app).await;
        drop(permit);
        match taken {
            Ok(Taken::Nothing) => return,
            Ok(Taken::Ended) => {}
            Ok(Taken::Interrupted) => shared.pause_until_in_order(),
            Err(err) => {
                tracing::error!(%app, error = ?err, "the queue could not be worked on");
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

/// Runs the first queued deployment.
async fn take_one(shared: &Arc<Shared>, app: AppId) -> Result<Taken, db::Error> {
    let _seat = tokio::select! {
        () = shared.stop.cancelled() => return Ok(Taken::Nothing),
        seat = shared.seats.take(app) => seat,
    };
    let unfinished = db::deployments::unfinished(shared.db.read(), app).await?;
    let Some(next) = unfinished.into_iter().find(|it| it.status == Status::Queued) else { return Ok(Taken::Nothing) };
    let app = db::apps::get(shared.db.read(), app).await?;
    match run::run(shared, app, next.id).await? {
        Outcome::Ended => Ok(Taken::Ended),
        Outcome::Interrupted => Ok(Taken::Interrupted),
    }
}
