//! Deployments: the façade that the pages use, and behind it the queue's workers, the run of one deployment, and what brings
//! everything back to the truth after an interruption.
//!
//! The queue is the table: a request is a row, a wake-up only says that there may be one. One worker an app, so an app's deployments
//! never overlap; across apps a few run at once. Workers wait while the engine is away: nothing queued is lost or failed by that.

pub mod files;
pub mod platform;

mod connection;
mod create;
mod disorder;
mod engine;
mod reconcile;
mod recover;
mod run;
mod settle;
mod worker;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    db::{self, Db},
    domain::{
        app::{App, AppConfig, DesiredState},
        commit::CommitId,
        connection::ConnectionCheck,
        container::Observed,
        deployment::{Deployment, Ending, Status, Trigger},
        engine::EngineState,
        ids::{AppId, DeploymentId},
        secret::Secret,
        slug::Slug,
    },
    vault::{self, Vault},
};
use disorder::Disorder;
use files::Files;
use platform::{Failure, Origin, Platform};

/// How many deployments run at once, over all apps.
const RUNNING_AT_ONCE: usize = 2;

/// How long the parts of a deployment may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Fetching and exporting the commit.
    pub fetch: Duration,
    /// Building the image.
    pub build: Duration,
    /// Creating, starting and settling the container, each.
    pub deploy: Duration,
    /// How long a container without a health check has to run before it counts as settled.
    pub settle: Duration,
    /// How long the old container keeps running beside the new one, for requests that are under way.
    pub drain: Duration,
    /// How often an engine that does not answer is asked again.
    pub engine_retry: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fetch: Duration::from_secs(10 * 60),
            build: Duration::from_secs(30 * 60),
            deploy: Duration::from_secs(6 * 60),
            settle: Duration::from_secs(3),
            drain: Duration::from_secs(5),
            engine_retry: Duration::from_secs(2),
        }
    }
}
/// How long a page waits for the engine's word about a container.
const PAGE_LOOK_DEADLINE: Duration = Duration::from_secs(1);
/// An interrupted deployment is tried this often before it fails.
const ATTEMPTS_MAX: i64 = 3;

/// What can go wrong when a page asks for something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request makes no sense any more, in words for the page.
    #[error("{0}")]
    Refused(String),
    /// Another app has this slug.
    #[error("the slug is taken")]
    SlugTaken,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] db::Error),
    /// A secret does not open.
    #[error(transparent)]
    Vault(#[from] vault::Error),
}

/// Everything about deployments that the rest of µPaaS may ask for. Cheap to clone.
#[derive(Clone)]
pub struct Deployer {
    shared: Arc<Shared>,
}

struct Shared {
    db: Db,
    vault: Vault,
    files: Files,
    platform: Platform,
    limits: Limits,
    engine: watch::Sender<EngineState>,
    /// Asks the engine's watch to look now.
    look_at_engine: Notify,
    /// Whether workers may take from the queue: the engine is there and interruptions are dealt with.
    ready: watch::Sender<bool>,
    /// Held for a look-up; nothing awaits under it.
    workers: Mutex<HashMap<AppId, Arc<Notify>>>,
    /// The deployments that run now. Held for a look-up.
    active: Mutex<HashMap<DeploymentId, Running>>,
    /// What is out of order. Held for a look-up.
    disorder: Mutex<Disorder>,
    permits: Semaphore,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A deployment that a worker is at.
struct Running {
    app: AppId,
    cancel: CancellationToken,
}

/// What is known of a container right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// It is there.
    There(Observed),
    /// The engine says that it is gone, or there never was one.
    Gone,
    /// The engine does not say.
    Unknown,
}

impl Sight {
    /// The container, when it is there.
    pub fn there(&self) -> Option<&Observed> {
        match self {
            Self::There(container) => Some(container),
            Self::Gone | Self::Unknown => None,
        }
    }
}

impl Deployer {
    /// Starts the engine's watch and, once the engine is there, whatever the queue holds. Ends when `stop` is cancelled.
    pub fn start(db: Db, vault: Vault, files: Files, platform: Platform, limits: Limits, stop: CancellationToken) -> Self {
        let shared = Arc::new(Shared {
            db,
            vault,
            files,
            platform,
            limits,
            engine: watch::Sender::new(EngineState::Unknown),
            look_at_engine: Notify::new(),
            ready: watch::Sender::new(false),
            workers: Mutex::default(),
            active: Mutex::default(),
            disorder: Mutex::default(),
            permits: Semaphore::new(RUNNING_AT_ONCE),
            tasks: TaskTracker::new(),
            stop,
        });
        shared.tasks.spawn(engine::watch(shared.clone()));
        Self { shared }
    }

    /// Waits until every task has ended, after `stop` was cancelled.
    pub async fn stopped(&self) {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    /// The engine, as last seen.
    pub fn engine(&self) -> EngineState {
        self.shared.engine.borrow().clone()
    }

    /// Creates an app with its deploy key and webhook secret; [`Error::SlugTaken`] when the slug is in use.
    pub async fn create_app(&self, slug: Slug, config: AppConfig) -> Result<App, Error> {
        create::create(&self.shared, slug, config).await
    }

    /// Puts a deployment into the app's queue for a person. One that waits already is the answer to a second press.
    pub async fn deploy_now(&self, app: &App, commit: Option<&CommitId>, by: &str) -> Result<Deployment, Error> {
        let mut tx = self.shared.db.begin().await?;
        let waiting = db::deployments::unfinished(&mut *tx, app.id).await?;
        let same = |it: &Deployment| it.status == Status::Queued && it.trigger == Trigger::Manual && it.requested_commit.as_ref() == commit;
        if let Some(waiting) = waiting.into_iter().find(same) {
            drop(tx);
            self.shared.wake(app.id);
            return Ok(waiting);
        }
        db::apps::set_desired_state(&mut *tx, app.id, DesiredState::Running).await?;
        let new = db::deployments::NewDeployment { app: app.id, trigger: Trigger::Manual, requested_by: Some(by), commit };
        let deployment = db::deployments::enqueue(&mut tx, &new).await?;
        tx.commit().await.map_err(db::Error::from)?;
        tracing::info!(app = %app.slug, deployment = deployment.number, trigger = %deployment.trigger, by, "deployment queued");
        self.shared.wake(app.id);
        Ok(deployment)
    }

    /// Cancels a deployment: one that waits ends at once, one that runs is told to. Refused once its container is live.
    pub async fn cancel(&self, deployment: &Deployment, by: &str) -> Result<(), Error> {
        let ending = Ending::without_fault(Status::Queued, format!("Cancelled by {by} before it began."));
        let queued = Deployment { status: Status::Queued, ..deployment.clone() };
        match db::deployments::finish(self.shared.db.write(), &queued, Status::Cancelled, Some(&ending)).await {
            Ok(()) => return Ok(()),
            Err(db::Error::Stale(_)) => {}
            Err(err) => return Err(err.into()),
        }
        if !db::deployments::request_cancel(self.shared.db.write(), deployment.id).await? {
            return Err(Error::Refused(format!(
                "#{} cannot be cancelled any more: it is over, or its container serves already.",
                deployment.number
            )));
        }
        if let Some(running) = self.shared.active.lock().expect("no panic while held").get(&deployment.id) {
            running.cancel.cancel();
        }
        Ok(())
    }

    /// Looks at the repository as a deployment would, and keeps what was found.
    pub async fn test_connection(&self, app: &App) -> Result<ConnectionCheck, Error> {
        connection::test(&self.shared, app).await
    }

    /// Pins the host key that the last connection test showed, provided it is the one the operator saw; then tests again.
    pub async fn confirm_host_key(&self, app: &App, fingerprint: &str) -> Result<ConnectionCheck, Error> {
        connection::confirm_host_key(&self.shared, app, fingerprint).await
    }

    /// The container of a deployment, as the engine shows it now.
    pub async fn container(&self, deployment: &Deployment) -> Sight {
        let Some(container) = deployment.container.as_deref() else { return Sight::Gone };
        if !self.shared.engine_is_up() {
            return Sight::Unknown;
        }
        match timeout(PAGE_LOOK_DEADLINE, self.shared.platform.runtime.look(container)).await {
            Ok(Ok(Some(seen))) => Sight::There(seen),
            Ok(Ok(None)) => Sight::Gone,
            Ok(Err(_)) | Err(_) => Sight::Unknown,
        }
    }

    /// Where a deployment's journal lies.
    pub fn journal(&self, deployment: &Deployment) -> std::path::PathBuf {
        self.shared.files.journal(deployment.app, deployment.number)
    }
}

impl Shared {
    /// Tells the app's worker that its queue may hold something; makes the worker if there is none.
    fn wake(self: &Arc<Self>, app: AppId) {
        let mut workers = self.workers.lock().expect("no panic while held");
        workers.entry(app).or_insert_with(|| worker::spawn(self, app)).notify_one();
    }

    /// Where the app's files come from, its secrets opened.
    async fn origin(&self, app: &App) -> Result<Origin, Error> {
        let sealed = db::secrets::get(self.db.read(), app.deploy_key).await?;
        let url = app.config.repo_url.clone();
        let host_key = db::connections::host_key(self.db.read(), url.host(), url.port()).await?;
        let key: Secret = self.vault.open_sealed(app.deploy_key, &sealed)?;
        Ok(Origin { app: app.id, url, branch: app.config.branch.clone(), key, host_key })
    }
}

impl From<Error> for Failure {
    fn from(err: Error) -> Self {
        Self::internal(err)
    }
}
