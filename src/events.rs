//! The news that something may have changed, for whoever shows it. It says no more than that: listeners look for themselves, so news that
//! comes twice, or once for many changes, loses nothing.

use tokio::sync::watch;

/// Where changes are told and heard. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Changes(watch::Sender<()>);

impl Changes {
    /// Tells that something may have changed. Call it after the change can be seen.
    pub fn tell(&self) {
        self.0.send_replace(());
    }

    /// Hears of every change from now on.
    pub fn listen(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}
