//! The line of the apps that wait for their turn: as many deployments run at once as there are permits, in order of arrival.

use std::sync::Mutex;

use super::{RUNNING_AT_ONCE, Shared};
use crate::{
    db,
    domain::{
        deployment::{Deployment, Status},
        ids::AppId,
    },
};

/// What a queued deployment waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The engine is away.
    EngineAway,
    /// What was interrupted is put in order first.
    PuttingInOrder,
    /// This many deployments of its own app go first; the next of them has this number.
    BehindItsOwn {
        /// How many.
        ahead: usize,
        /// The first of them.
        next: i64,
    },
    /// All permits are taken; its app has this place in the line, from 1.
    InLine {
        /// Its place.
        place: usize,
        /// How many run at once.
        at_once: usize,
    },
    /// Nothing: it starts now.
    Next,
}

/// The apps whose workers wait for a permit, in order.
#[derive(Default)]
pub(super) struct Line {
    /// Held for a look-up.
    waiting: Mutex<Vec<AppId>>,
}

/// A place in the line; given up when dropped.
pub(super) struct Waiting<'a> {
    line: &'a Line,
    app: AppId,
}

impl Line {
    pub(super) fn join(&self, app: AppId) -> Waiting<'_> {
        self.waiting.lock().expect("no panic while held").push(app);
        Waiting { line: self, app }
    }

    fn place(&self, app: AppId) -> Option<usize> {
        self.waiting.lock().expect("no panic while held").iter().position(|it| *it == app)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.line.waiting.lock().expect("no panic while held").retain(|it| *it != self.app);
    }
}

/// What a deployment waits for; none when it does not wait.
pub(super) async fn place(shared: &Shared, deployment: &Deployment) -> Result<Option<Place>, db::Error> {
    if deployment.status != Status::Queued {
        return Ok(None);
    }
    if !shared.engine_is_up() {
        return Ok(Some(Place::EngineAway));
    }
    if !*shared.ready.borrow() {
        return Ok(Some(Place::PuttingInOrder));
    }
    let queue = db::deployments::unfinished(shared.db.read(), deployment.app).await?;
    let ahead = queue.iter().take_while(|it| it.id != deployment.id).count();
    Ok(Some(match (queue.first(), shared.line.place(deployment.app)) {
        (Some(first), _) if ahead > 0 => Place::BehindItsOwn { ahead, next: first.number },
        (_, Some(before)) => Place::InLine { place: before + 1, at_once: RUNNING_AT_ONCE },
        _ => Place::Next,
    }))
}
