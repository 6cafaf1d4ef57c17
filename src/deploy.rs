//! Deployments: the façade that the pages use, and behind it the queue's workers, the run of one deployment, and what brings
//! everything back to the truth after an interruption.
//!
//! The queue is the table: a request is a row, a wake-up only says that there may be one. One worker an app, so an app's deployments
//! never overlap; across apps a few run at once. Workers wait while the engine is away: nothing queued is lost or failed by that.
//!
//! Of what pushes ask for, the newest replaces what waits. What a person asks for goes first and cancels what pushes asked for.

pub mod files;
pub mod platform;

mod acts;
mod adopt;
mod build_secrets;
mod cleanup;
mod commits;
mod config_files;
mod connection;
mod create;
mod daily;
mod deletions;
mod disk;
mod disorder;
mod ends;
mod engine;
mod job;
mod journals;
mod kept;
mod keys;
mod lifecycle;
mod line;
mod networks;
mod picture;
mod ports;
mod pulse;
mod queue;
mod receive;
mod reconcile;
mod recover;
mod registries;
mod retention;
mod rollback;
mod run;
mod sealed_items;
mod seat;
mod settle;
mod sight;
mod usage;
mod variables;
mod verdict;
mod views;
mod wanted;
mod watch;
mod worker;

pub use adopt::Orphan;
pub use cleanup::{Fate, Going};
pub use deletions::Leaving;
pub use disk::Costs;
pub use job::Came;
pub use line::Place;
pub use queue::Wish;
pub use receive::{Arrival, Headers};
pub use registries::LoginKept;
pub use sealed_items::{Difference, Edit, Item, Key};
pub use sight::Sight;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    audit::Flood,
    db::{self, Db},
    domain::{
        app::App,
        engine::EngineState,
        ids::{AppId, DeploymentId},
    },
    events::Changes,
    metrics::Metrics,
    vault::{self, Vault},
};
use cleanup::CleanUp;
use disk::Disk;
use disorder::Disorder;
use files::Files;
use job::Job;
use journals::Journals;
use line::Line;
use picture::Picture;
use platform::{Failure, Origin, Platform};
use seat::Seats;
use usage::Usages;

/// How many deployments are fetched and built at once, over all apps. Starting and stopping containers takes patience and little else.
const RUNNING_AT_ONCE: usize = 2;

/// How long the parts of a deployment may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Fetching and exporting the commit.
    pub fetch: Duration,
    /// Building the image, whatever the app's settings say.
    pub build: Duration,
    /// Creating, starting and settling the container, each.
    pub deploy: Duration,
    /// How long a container without a health check has to run before it counts as settled.
    pub settle: Duration,
    /// How long the old container keeps running beside the new one, for requests that are under way.
    pub drain: Duration,
    /// How often an engine that does not answer is asked again.
    pub engine_retry: Duration,
    /// A container that somebody has stopped is believed to stay so after this long: a restart is a stop, too, and so is an engine
    /// that goes.
    pub stop_confirmed: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fetch: Duration::from_secs(10 * 60),
            build: Duration::from_secs(24 * 60 * 60),
            deploy: Duration::from_secs(6 * 60),
            settle: Duration::from_secs(3),
            drain: Duration::from_secs(5),
            engine_retry: Duration::from_secs(2),
            stop_confirmed: Duration::from_secs(2),
        }
    }
}
/// Of an app's rejected deliveries so many are kept, and so many recorded in the audit log.
const REJECTIONS_A_MINUTE: u32 = 30;
const REJECTIONS_IN_TEN_MINUTES: u32 = 30;
/// An interrupted deployment is tried this often before it fails.
const ATTEMPTS_MAX: i64 = 3;

/// What can go wrong when a page asks for something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request makes no sense any more, in words for the page.
    #[error("{0}")]
    Refused(String),
    /// The engine does not answer, so that cannot be done now, in words for the page.
    #[error("{0}")]
    EngineAway(String),
    /// The registry does not take the login, in words for the page.
    #[error("{0}")]
    LoginRefused(String),
    /// Another app has this slug.
    #[error("the slug is taken")]
    SlugTaken,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] db::Error),
    /// A secret does not open.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// Something that is our fault.
    #[error("internal error")]
    Internal(#[source] anyhow::Error),
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
    engine: tokio::sync::watch::Sender<EngineState>,
    /// How often the engine was seen to go away.
    absences: AtomicU64,
    /// Asks the engine's watch to look now.
    look_at_engine: Notify,
    /// Whether workers may take from the queue: the engine is there and interruptions are dealt with.
    ready: tokio::sync::watch::Sender<bool>,
    /// Held for a look-up; nothing awaits under it.
    workers: Mutex<HashMap<AppId, worker::Worker>>,
    /// What cancels each deployment that runs now. Held for a look-up.
    active: Mutex<HashMap<DeploymentId, CancellationToken>>,
    seats: Seats,
    /// What is out of order. Held for a look-up.
    disorder: Mutex<Disorder>,
    picture: Picture,
    hindered: deletions::Hindered,
    journals: Journals,
    /// Of rejected deliveries those that are kept, and those that are in the audit log.
    rejections: Flood<AppId>,
    recorded_rejections: Flood<AppId>,
    retention: Job,
    cleaning: CleanUp,
    permits: Arc<Semaphore>,
    line: Line,
    usages: Usages,
    disk: Disk,
    tasks: TaskTracker,
    changes: Changes,
    metrics: Metrics,
    stop: CancellationToken,
}

/// Who is told of what happens.
#[derive(Clone)]
pub struct Listeners {
    /// The pages that are open.
    pub changes: Changes,
    /// Where it is counted.
    pub metrics: Metrics,
}

impl Deployer {
    /// Starts the engine's watch and, once the engine is there, whatever the queue holds. Ends when `stop` is cancelled.
    pub fn start(
        db: Db,
        vault: Vault,
        files: Files,
        platform: Platform,
        limits: Limits,
        listeners: Listeners,
        stop: CancellationToken,
    ) -> Self {
        let Listeners { changes, metrics } = listeners;
        let shared = Arc::new(Shared {
            db,
            vault,
            files,
            platform,
            limits,
            engine: tokio::sync::watch::Sender::new(EngineState::Unknown),
            absences: AtomicU64::new(0),
            look_at_engine: Notify::new(),
            ready: tokio::sync::watch::Sender::new(false),
            workers: Mutex::default(),
            active: Mutex::default(),
            seats: Seats::default(),
            disorder: Mutex::default(),
            picture: Picture::new(changes.clone()),
            hindered: deletions::Hindered::default(),
            journals: Journals::default(),
            rejections: Flood::new(REJECTIONS_A_MINUTE, Duration::from_secs(60)),
            recorded_rejections: Flood::new(REJECTIONS_IN_TEN_MINUTES, Duration::from_secs(10 * 60)),
            retention: Job::default(),
            cleaning: CleanUp::default(),
            permits: Arc::new(Semaphore::new(RUNNING_AT_ONCE)),
            line: Line::default(),
            usages: Usages::default(),
            disk: Disk::default(),
            tasks: TaskTracker::new(),
            changes,
            metrics,
            stop,
        });
        shared.tasks.spawn(engine::watch(shared.clone()));
        shared.tasks.spawn(watch::follow(shared.clone()));
        shared.tasks.spawn(pulse::keep(shared.clone()));
        shared.tasks.spawn(journals::compress(shared.clone()));
        shared.tasks.spawn(retention::daily(shared.clone()));
        shared.tasks.spawn(cleanup::daily(shared.clone()));
        shared.tasks.spawn(cleanup::after_deployments(shared.clone()));
        shared.tasks.spawn(deletions::resume(shared.clone()));
        Self { shared }
    }

    /// Waits until every task has ended, after `stop` was cancelled.
    pub async fn stopped(&self) {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Shared {
    /// Tells the app's worker that its queue may hold something; makes the worker if there is none.
    fn wake(self: &Arc<Self>, app: AppId) {
        let mut workers = self.workers.lock().expect("no panic while held");
        workers.entry(app).or_insert_with(|| worker::spawn(self, app)).wake();
    }

    /// Where the app's files come from, its secrets opened.
    async fn origin(&self, app: &App) -> Result<Origin, Error> {
        let url = app.config.source.repo_url.clone();
        let host_key = db::connections::host_key(self.db.read(), url.host(), url.port()).await?;
        let (id, key) = db::secrets::deploy_key(self.db.read(), app.id).await?;
        let key = self.vault.open_sealed(id, &key)?;
        Ok(Origin { app: app.id, url, branch: app.config.source.branch.clone(), key, host_key })
    }
}

impl From<Error> for Failure {
    fn from(err: Error) -> Self {
        Self::internal(err)
    }
}
