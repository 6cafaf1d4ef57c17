//! Taking back what a run has done, so that the old version serves as before.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Run,
    switch::{Old, millis},
};
use crate::{
    deploy::{platform::Failure, sight::expect_all_shown},
    domain::moment::duration,
};

/// How long a container may take to stop when µPaaS itself is being stopped.
const HURRIED_STOP_GRACE: Duration = Duration::from_secs(2);

/// What a run has made or changed and an undo has to take back.
#[derive(Default)]
pub(super) struct Made {
    /// Whether a container was asked for: it may exist even when the answer never came.
    pub(super) container: bool,
    /// The old version, stopped by us for a replace, and since when.
    pub(super) stopped: Option<(Old, Instant)>,
}

impl Run<'_> {
    /// Takes back what this run has done. The old version comes first: for it only the new container has to make way. What does not work
    /// now is tried again later; that the old version did not run again is returned, in words.
    pub(super) async fn undo(&mut self) -> Option<String> {
        let made = std::mem::take(&mut self.made);
        let mut is_down = None;
        if let Some((old, since)) = made.stopped {
            self.make_way().await;
            match self.bring_back(&old).await {
                Ok(()) => {
                    let away = duration(millis(since.elapsed()));
                    self.journal.say(&format!("Started the previous version again, {away} after it was asked to stop"));
                }
                Err(failure) => {
                    is_down = self.is_down(&old, &failure).await;
                    self.undo_failed("The previous version could not be started again", failure);
                    old.row.container.iter().for_each(|container| self.shared.owe_start_after_stop(container, old.grace()));
                }
            }
        }
        if made.container
            && let Err(failure) = self.remove_own_containers().await
        {
            self.undo_failed("The new container could not be removed", failure);
            self.shared.tidy_later();
        }
        if let Err(failure) = self.shared.platform.builder.discard(&self.target()).await {
            self.undo_failed("The image could not be removed", failure);
        }
        is_down
    }

    /// Frees what the new container holds, if it is known. That it could not is said when it is tried again.
    async fn make_way(&self) {
        if let Some(container) = &self.row.container
            && let Err(failure) = self.shared.platform.runtime.remove(container).await
        {
            let failure = self.without_secrets(failure);
            tracing::debug!(reason = %failure.sentence, error = failure.chain(), "the new container is in the way of the old one");
        }
    }

    /// Found by label: a container whose creation was cut off is not known by id.
    async fn remove_own_containers(&self) -> Result<(), Failure> {
        let listed = self.shared.containers_of(self.app.id).await?;
        for container in listed.shown.iter().filter(|it| it.is_of(&self.row)) {
            self.shared.platform.runtime.remove(&container.id).await?;
        }
        expect_all_shown(&listed.unshown)
    }

    /// A stop that was cut off goes on in the engine, and a start before its end would do nothing: so it is waited for first.
    async fn bring_back(&self, old: &Old) -> Result<(), Failure> {
        let Some(container) = &old.row.container else { return Ok(()) };
        let grace = if self.shared.stop.is_cancelled() { HURRIED_STOP_GRACE.min(old.grace()) } else { old.grace() };
        self.shared.stop_container(container, grace).await?;
        self.shared.platform.runtime.start(container, &old.config.run.ports).await
    }

    /// That the old version did not run again at that moment, for the page of this deployment; nothing when it runs all the same.
    async fn is_down(&self, old: &Old, failure: &Failure) -> Option<String> {
        let container = old.row.container.as_deref()?;
        self.shared.look_again(container).await;
        if self.shared.picture.get(container).is_some_and(|seen| seen.running) {
            return None;
        }
        let (number, why) = (old.row.number, self.journal.masked(&failure.sentence));
        Some(format!("At that moment #{number} could not be started again, for which µPaaS goes on trying: {why}"))
    }

    fn undo_failed(&self, what: &str, failure: Failure) {
        let failure = self.without_secrets(failure);
        self.journal.fail(&format!("{what}: {}", failure.sentence));
        let (reason, error) = (&failure.sentence, failure.chain());
        tracing::error!(app = %self.app.slug, deployment = self.row.number, reason, error, "{what}");
    }
}
