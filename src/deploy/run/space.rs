//! Space for a build: enough before it begins, and how little there was when it failed.

use std::{sync::Mutex, time::Duration};

use tokio::time::{sleep, timeout};

use super::{Run, Stop};
use crate::{
    deploy::{
        cleanup::{self, Cleaned},
        platform::{Failure, FailureKind, Runtime},
    },
    domain::{audit::Actor, deployment::Cause, disk::Space},
};

/// How often it is looked while a build runs: what fills a disk is gone again soon after it has failed.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A disk that a build needs.
#[derive(Clone, Copy)]
enum Disk {
    Engine,
    Data,
}

impl Disk {
    const fn name(self) -> &'static str {
        match self {
            Self::Engine => "The engine's disk",
            Self::Data => "The disk of µPaaS's data directory",
        }
    }

    /// What to do when it is full.
    const fn hint(self) -> &'static str {
        match self {
            Self::Engine => "Under System clean up, prune the builder's cache, or free space there by other means. Then deploy again.",
            Self::Data => {
                "Free space there: System shows what takes it, and under Settings journals can be kept for a shorter time. Images and the \
                 builder's cache count only if the engine has the same disk. Then deploy again."
            }
        }
    }
}

impl Run<'_> {
    /// Refuses a build for which there is too little space even after a clean-up. What cannot be seen counts as enough.
    pub(super) async fn make_room(&self) -> Result<(), Stop> {
        let Some((disk, _)) = self.low().await else { return Ok(()) };
        self.journal.say(&format!("{} has little space left: cleaning up first", disk.name()));
        self.clean_up().await?;
        match self.low().await {
            None => Ok(()),
            Some((disk, space)) => {
                let sentence = format!("{} has {space}: too little for a build, so it was not begun.", disk.name());
                Err(Stop::Failed(Failure::new(Cause::Engine, sentence).hint(disk.hint())))
            }
        }
    }

    /// Waits for a clean-up, though not for ever: it goes on by itself.
    async fn clean_up(&self) -> Result<(), Stop> {
        let by = Actor::upaas();
        let cleaning = cleanup::clean(self.shared, None, &by);
        tokio::select! {
            biased;
            () = self.shared.stop.cancelled() => return Err(Stop::Interrupted),
            () = self.cancel.cancelled() => return Err(Stop::Cancelled),
            cleaned = timeout(self.shared.limits.deploy, cleaning) => match cleaned {
                Ok(cleaned) => {
                    if let Err(failure) = cleaned.and_then(Cleaned::whole) {
                        tracing::warn!(reason = %failure.sentence, error = failure.chain(), "the clean-up before a build failed");
                    }
                }
                Err(_) => self.journal.say("The clean-up takes long, and is not waited for any longer"),
            },
        }
        Ok(())
    }

    async fn low(&self) -> Option<(Disk, Space)> {
        let runtime = &self.shared.platform.runtime;
        let (engine, data) = tokio::join!(runtime.engine_space(), runtime.data_space());
        let known = [engine.map(|space| (Disk::Engine, space)), data.map(|space| (Disk::Data, space))];
        known.into_iter().flatten().find(|(_, space)| space.is_low())
    }
}

/// Waits for work that fills the engine's disk. Where that becomes full, a failure says so, whatever else it says.
pub(super) async fn watched<T>(runtime: &dyn Runtime, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let least = Mutex::new(None::<Space>);
    let look = async || {
        if let Some(space) = runtime.engine_space().await {
            let mut least = least.lock().expect("no panic while held");
            *least = Some(least.filter(|it| it.free <= space.free).unwrap_or(space));
        }
    };
    let looking = async {
        loop {
            look().await;
            sleep(LOOK_EVERY).await;
        }
    };
    let failure = tokio::select! {
        biased;
        done = work => match done {
            Ok(done) => return Ok(done),
            Err(failure) => failure,
        },
        () = looking => unreachable!("it never ends"),
    };
    look().await;
    let least = *least.lock().expect("no panic while held");
    Err(in_view_of(least, failure))
}

/// A failure beside the least space that was seen meanwhile.
fn in_view_of(least: Option<Space>, failure: Failure) -> Failure {
    let is_about_space = failure.kind == FailureKind::NoSpace;
    let is_it = |space: &Space| space.is_full() || is_about_space && space.is_low();
    match least {
        Some(space) if is_it(&space) && matches!(failure.kind, FailureKind::Final | FailureKind::NoSpace) => {
            let sentence = format!("{} became full during the build ({space}). {}", Disk::Engine.name(), failure.sentence);
            Failure { cause: Cause::Engine, sentence, hint: Some(Disk::Engine.hint().to_owned()), ..failure }
        }
        _ if is_about_space && failure.cause == Cause::User => {
            let hint = "The build has said that there was no space left. Is it the engine's disk that is full, or a file system of the build's own?";
            failure.hint(hint)
        }
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOTAL: u64 = 400_000_000;

    fn said(free: Option<u64>, kind: FailureKind) -> (Cause, String) {
        let failure = Failure::new(Cause::User, "Step 2 of 3 failed.").kind(kind);
        let failure = in_view_of(free.map(|free| Space { free, total: TOTAL }), failure);
        (failure.cause, failure.sentence)
    }

    #[test]
    fn a_full_disk_is_the_engine_s_fault_whatever_the_build_says() {
        let full = "The engine's disk became full during the build (0 B left of 400 MB). Step 2 of 3 failed.";
        assert_eq!(said(Some(0), FailureKind::Final), (Cause::Engine, full.to_owned()));
        let low = "The engine's disk became full during the build (12 MB left of 400 MB). Step 2 of 3 failed.";
        assert_eq!(said(Some(12_000_000), FailureKind::NoSpace), (Cause::Engine, low.to_owned()), "it was full in between");
        for (free, kind) in [
            (Some(12_000_000), FailureKind::Final),
            (Some(TOTAL / 2), FailureKind::NoSpace),
            (None, FailureKind::NoSpace),
            (Some(0), FailureKind::EngineLost),
        ] {
            assert_eq!(said(free, kind), (Cause::User, "Step 2 of 3 failed.".to_owned()), "{free:?} {kind:?}");
        }
    }
}
