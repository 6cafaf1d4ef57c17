//! Who is at work at an app's containers: a deployment that switches, a person's act, or the recovery. One at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::OwnedMutexGuard;

use crate::domain::ids::AppId;

/// The right to work at an app; given back when dropped.
pub(super) type Seat = OwnedMutexGuard<()>;

/// One seat an app.
#[derive(Default)]
pub(super) struct Seats {
    /// Held for a look-up.
    seats: Mutex<HashMap<AppId, Arc<tokio::sync::Mutex<()>>>>,
}

impl Seats {
    fn of(&self, app: AppId) -> Arc<tokio::sync::Mutex<()>> {
        self.seats.lock().expect("no panic while held").entry(app).or_default().clone()
    }

    /// Forgets an app that is no more.
    pub(super) fn forget(&self, app: AppId) {
        self.seats.lock().expect("no panic while held").remove(&app);
    }

    /// Waits for the seat.
    pub(super) async fn take(&self, app: AppId) -> Seat {
        self.of(app).lock_owned().await
    }

    /// The seat, if it is free.
    pub(super) fn try_take(&self, app: AppId) -> Option<Seat> {
        self.of(app).try_lock_owned().ok()
    }
}
