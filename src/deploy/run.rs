//! The run of one deployment: fetch, build, switch. Whatever happens, it ends in a truthful row, and what did not become live is undone.

mod fetch;
mod settings;
mod space;
mod switch;
mod undo;

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{sync::OwnedSemaphorePermit, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Shared, ends,
    platform::{Failure, FailureKind, Target},
    seat::Seat,
};
use crate::{
    db,
    domain::{
        app::App,
        app_config::AppConfig,
        commit::CommitFacts,
        deployment::{Cause, Deployment, Ending, Status},
        ids::DeploymentId,
        moment::{Moment, duration},
    },
    logs::{archive, journal::Journal},
};
use undo::Made;

/// How long undoing may take when µPaaS itself is being stopped.
const HURRIED_UNDO_DEADLINE: Duration = Duration::from_secs(8);

/// Why a run stops before its end.
enum Stop {
    Failed(Failure),
    Cancelled,
    /// Nothing that is watched has changed, in words.
    Skipped(String),
    /// µPaaS stops, or the engine went away: the row stays as it is and is tried again.
    Interrupted,
    /// Somebody else ended the row while it waited.
    EndedElsewhere,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        if failure.kind == FailureKind::EngineLost { Self::Interrupted } else { Self::Failed(failure) }
    }
}

impl From<db::Error> for Stop {
    fn from(err: db::Error) -> Self {
        Self::Failed(Failure::internal(err))
    }
}

/// One run, as far as it has come.
struct Run<'a> {
    shared: &'a Arc<Shared>,
    app: App,
    /// What it uses: as kept in its snapshot.
    config: AppConfig,
    row: Deployment,
    journal: Journal,
    cancel: CancellationToken,
    made: Made,
    /// One of the few that are fetched and built at once; given back when that is done.
    permit: Option<OwnedSemaphorePermit>,
    /// The right to touch the app's containers, from the switch on.
    seat: Option<Seat>,
    /// How often the engine had gone away when the present phase began.
    absences: u64,
}

/// How a run came to its end.
pub(super) enum Outcome {
    /// The row has its end.
    Ended,
    /// The row stays as it is, for [`super::recover`].
    Interrupted,
}

/// Runs a queued deployment of the app to its end.
pub(super) async fn run(
    shared: &Arc<Shared>,
    app: App,
    id: DeploymentId,
    permit: Option<OwnedSemaphorePermit>,
) -> Result<Outcome, db::Error> {
    let active = Active::register(shared, id);
    // Read after it can be cancelled: a cancellation before that shows in the row.
    let row = match db::deployments::get(shared.db.read(), id).await {
        // Its app was deleted meanwhile.
        Err(db::Error::Stale(_)) => return Ok(Outcome::Ended),
        row => row?,
    };
    if row.status != Status::Queued {
        return Ok(Outcome::Ended);
    }
    if row.cancel.is_some() {
        active.cancel.cancel();
    }
    forget_another_life(shared, &row);
    let journal = match Journal::open(&shared.files.journal(app.id, row.number), shared.journals.growth(row.id)) {
        Ok(journal) => journal,
        Err(err) => {
            let failure = Failure::new(Cause::Internal, "The journal could not be written.").hint("Is µPaaS's disk full?").source(err);
            log_failure(&app, &row, &failure);
            ends::end(shared, &app, &row, Status::Failed, Some(&ending(failure, Status::Queued))).await?;
            return Ok(Outcome::Ended);
        }
    };
    let cancel = active.cancel.clone();
    let config = app.config.clone();
    let mut run = Run { shared, app, config, row, journal, cancel, made: Made::default(), permit, seat: None, absences: shared.absences() };
    let stop = run.steps().await.err();
    run.remove_build_folder().await;
    run.end(stop).await
}

/// Numbers are given again after an older backup was restored: the journal of then is not this deployment's.
fn forget_another_life(shared: &Shared, row: &Deployment) {
    if row.attempt == 1
        && let Err(err) = archive::remove(&shared.files.journal(row.app, row.number))
    {
        tracing::warn!(deployment = row.number, error = %err, "the journal of an earlier deployment of this number could not be removed");
    }
}

impl Run<'_> {
    async fn steps(&mut self) -> Result<(), Stop> {
        if self.row.trigger.takes_an_image_over() {
            self.begin(Status::Deploying).await?;
            let (commit, image) = match self.row.rollback {
                Some(rollback) => self.go_back(rollback).await?,
                None => self.take_over().await?,
            };
            return self.switch(&commit, &image).await;
        }
        let commit = self.fetch().await?;
        let image = self.build(&commit).await?;
        self.begin(Status::Deploying).await?;
        self.switch(&commit, &image).await
    }

    async fn build(&mut self, commit: &CommitFacts) -> Result<String, Stop> {
        self.begin(Status::Building).await?;
        self.discard_earlier_attempt().await?;
        self.make_room().await?;
        let checkout = self.shared.files.checkout(self.app.id, self.row.number);
        let recipe = self.shared.recipe(self.target(), &commit.id, &self.config, self.row.no_cache).await.map_err(Failure::from)?;
        // Some may have come since the deployment began.
        self.journal.hide(recipe.secrets.iter().map(|(_, value)| value).chain(recipe.logins.iter().map(|login| &login.password)));
        if recipe.no_cache {
            self.journal.say("Building without what earlier builds have left, as asked for");
        }
        let build = self.shared.platform.builder.build(&recipe, &checkout, &self.journal);
        let limit = self.shared.limits.build.min(self.config.build.time_limit.into());
        let image = self.within(limit, space::watched(&*self.shared.platform.runtime, build)).await?;
        db::deployments::set_image(self.shared.db.write(), self.row.id, &image).await?;
        self.row.image = Some(image.clone());
        self.journal.say(&format!("Built image {image}"));
        Ok(image)
    }

    /// Takes away what an interrupted attempt has built: this one takes its name, and without that nobody would find it again. The engine
    /// keeps what a container is made of.
    async fn discard_earlier_attempt(&self) -> Result<(), Stop> {
        if self.row.attempt == 1 {
            return Ok(());
        }
        let target = self.target();
        let discarding = self.shared.platform.builder.discard(&target);
        match self.within(self.shared.limits.deploy, discarding).await {
            Err(Stop::Failed(failure)) => {
                let (reason, error) = (&failure.sentence, failure.chain());
                tracing::warn!(app = %self.app.slug, deployment = self.row.number, reason, error, "an earlier attempt's image could not be removed");
                Ok(())
            }
            discarded => discarded,
        }
    }

    /// Enters a phase, in the row and in the journal.
    async fn begin(&mut self, phase: Status) -> Result<(), Stop> {
        match db::deployments::advance(self.shared.db.write(), &self.row, phase, self.journal.next_number()).await {
            Err(db::Error::Stale(_)) if self.row.status == Status::Queued => return Err(Stop::EndedElsewhere),
            advanced => advanced?,
        }
        self.row.status = phase;
        if phase == Status::Deploying {
            self.permit = None;
        }
        self.absences = self.shared.absences();
        self.journal.phase(phase.as_str());
        Ok(())
    }

    /// Waits for work under a deadline; a cancellation or a shutdown ends it, by dropping it.
    async fn within<T>(&self, limit: Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Stop> {
        tokio::select! {
            biased;
            () = self.shared.stop.cancelled() => Err(Stop::Interrupted),
            () = self.cancel.cancelled() => Err(Stop::Cancelled),
            done = timeout(limit, work) => match done {
                Ok(done) => Ok(done?),
                Err(_) => Err(Stop::Failed(too_long(self.row.status, limit))),
            },
        }
    }

    /// As [`Run::within`], for a request whose effect on the engine cannot be taken back by dropping it: a cancellation waits for it.
    async fn steadily<T>(&self, limit: Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Stop> {
        tokio::select! {
            biased;
            () = self.shared.stop.cancelled() => Err(Stop::Interrupted),
            done = timeout(limit, work) => match done {
                Ok(done) => Ok(done?),
                Err(_) => Err(Stop::Failed(too_long(self.row.status, limit))),
            },
        }
    }

    fn target(&self) -> Target {
        Target { app: self.app.id, slug: self.app.slug.clone(), number: self.row.number }
    }

    async fn remove_build_folder(&self) {
        let folder = self.shared.files.build(self.app.id, self.row.number);
        if let Err(err) = tokio::fs::remove_dir_all(&folder).await
            && err.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(error = %err, "a build folder could not be removed");
        }
    }

    async fn end(mut self, stop: Option<Stop>) -> Result<Outcome, db::Error> {
        let phase = self.row.status;
        let stop = stop.map(|stop| match stop {
            Stop::Failed(failure) => Stop::Failed(self.without_secrets(failure)),
            stop => stop,
        });
        let (status, mut ending) = match stop {
            None => (Status::Success, None),
            Some(Stop::Interrupted) => return Ok(self.interrupted().await),
            Some(Stop::EndedElsewhere) => return Ok(Outcome::Ended),
            Some(Stop::Failed(failure)) if self.engine_went_away().await => {
                tracing::info!(app = %self.app.slug, deployment = self.row.number, reason = %failure.sentence, "not believed: the engine went away");
                return Ok(self.interrupted().await);
            }
            Some(Stop::Cancelled) => {
                let row = db::deployments::get(self.shared.db.read(), self.row.id).await?;
                let sentence = format!("{} while {phase}.", row.cancel.as_deref().unwrap_or("Cancelled"));
                self.journal.say(&sentence);
                (row.end_of_cancellation(), Some(Ending::without_fault(phase, sentence)))
            }
            Some(Stop::Skipped(sentence)) => {
                self.journal.say(&sentence);
                self.forget_config().await?;
                (Status::Skipped, Some(Ending::without_fault(phase, sentence)))
            }
            Some(Stop::Failed(failure)) => {
                log_failure(&self.app, &self.row, &failure);
                self.journal.fail(&failure.sentence);
                if let Some(hint) = &failure.hint {
                    self.journal.fail(hint);
                }
                (Status::Failed, Some(ending(failure, phase)))
            }
        };
        if !matches!(status, Status::Success | Status::Skipped)
            && let Some(is_down) = self.undo().await
        {
            ending = ending.map(|ending| ending.and_hint(is_down));
        }
        let took = Moment::now().since(self.row.times.queued);
        // Before the row ends: who sees that reads the journal for the last time, or compresses it.
        self.journal.say(&format!("Ended: {status} after {}", duration(took)));
        drop(self.journal);
        ends::end(self.shared, &self.app, &self.row, status, ending.as_ref()).await?;
        Ok(Outcome::Ended)
    }

    /// A failure may quote what a program has printed.
    fn without_secrets(&self, failure: Failure) -> Failure {
        let masked = |text: &str| self.journal.masked(text);
        let source = failure.chain().map(|chain| anyhow::anyhow!(masked(&chain)));
        Failure { sentence: masked(&failure.sentence), hint: failure.hint.as_deref().map(masked), source, ..failure }
    }

    /// An engine that is being stopped ends builds and containers as if they had failed by themselves.
    async fn engine_went_away(&self) -> bool {
        let concerns_it = matches!(self.row.status, Status::Building | Status::Deploying);
        concerns_it && (self.shared.absences() != self.absences || self.shared.platform.runtime.hello().await.is_err())
    }

    /// Leaves the row as it is, for [`super::recover`]; brings the old container back if there is time.
    async fn interrupted(mut self) -> Outcome {
        self.journal.say("Interrupted; it goes on by itself.");
        tracing::warn!(app = %self.app.slug, deployment = self.row.number, status = %self.row.status, "deployment interrupted");
        if self.shared.stop.is_cancelled() && timeout(HURRIED_UNDO_DEADLINE, self.undo()).await.is_err() {
            tracing::warn!("undoing was cut short by the shutdown; the next start goes on with it");
        }
        Outcome::Interrupted
    }
}

fn ending(failure: Failure, phase: Status) -> Ending {
    Ending { cause: Some(failure.cause), phase, sentence: failure.sentence, hint: failure.hint }
}

fn log_failure(app: &App, row: &Deployment, failure: &Failure) {
    let (reason, error) = (&failure.sentence, failure.chain());
    tracing::warn!(app = %app.slug, deployment = row.number, status = %row.status, cause = %failure.cause, reason, error, "deployment failed");
}

fn too_long(phase: Status, limit: Duration) -> Failure {
    let limit = duration(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
    let (cause, what, hint) = match phase {
        Status::Cloning => {
            (Cause::Forge, "Fetching", "Is the git server slow, or the repository very large? Deploy again: what was fetched is kept.")
        }
        Status::Building => (Cause::User, "The build", "The journal shows which step takes so long."),
        _ => (Cause::Engine, "Starting the container", "The journal shows how far it came; the engine may be overloaded."),
    };
    Failure::new(cause, format!("{what} took longer than {limit} and was stopped.")).hint(hint)
}

/// The deployment's entry among those that run now.
struct Active<'a> {
    shared: &'a Shared,
    id: DeploymentId,
    cancel: CancellationToken,
}

impl<'a> Active<'a> {
    fn register(shared: &'a Shared, id: DeploymentId) -> Self {
        let cancel = CancellationToken::new();
        shared.active.lock().expect("no panic while held").insert(id, cancel.clone());
        Self { shared, id, cancel }
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.shared.active.lock().expect("no panic while held").remove(&self.id);
    }
}
