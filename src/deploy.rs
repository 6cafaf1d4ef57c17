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
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    audit::Flood,
    db::{self, Db},
    domain::{
        Invalid,
        app::App,
        app_config::{
            AppConfig,
            volume::{Danger, VolumeSource},
        },
        commit::{Between, CommitFacts, CommitId, CommitName},
        connection::ConnectionCheck,
        container::Observed,
        deployment::{Deployment, Rollback},
        disk::{Space, Used},
        engine::{EngineState, EngineVersion, Network},
        ids::{AppId, DeploymentId, WebhookId},
        port::{Port, Taken},
        secret::Secret,
        slug::Slug,
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
/// How long a page waits for what the engine says of its disk.
const PAGE_PATIENCE: Duration = Duration::from_millis(500);
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
        shared.tasks.spawn(cleanup::after_deployments(shared.clone()));
        shared.tasks.spawn(deletions::resume(shared.clone()));
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

    /// Where what happens is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Asks the engine itself, now. How long that may take is the caller's matter.
    pub async fn ask_engine(&self) -> Result<EngineVersion, Failure> {
        self.shared.platform.runtime.hello().await
    }

    /// The version of git on this machine, as of the last minute.
    pub async fn git_version(&self) -> Result<String, Failure> {
        self.shared.platform.source.version().await
    }

    /// What a queued deployment waits for.
    pub async fn place(&self, deployment: &Deployment) -> Result<Option<Place>, Error> {
        Ok(line::place(&self.shared, deployment).await?)
    }

    /// The app whose webhook URL has this id.
    pub async fn app_of_webhook(&self, webhook: WebhookId) -> Result<Option<App>, Error> {
        Ok(db::apps::by_webhook(self.shared.db.read(), webhook).await?)
    }

    /// The secret that signs the app's deliveries, in clear: for the page of the person who asks for it.
    pub async fn webhook_secret(&self, app: &App) -> Result<Secret, Error> {
        receive::webhook_secret(&self.shared, app).await
    }

    /// What the app has under keys of one kind, in its order, the values sealed.
    pub async fn items<K: Key>(&self, app: &App) -> Result<Vec<Item<K>>, Error> {
        sealed_items::items(&self.shared, app).await
    }

    /// Some of the values that the app has under keys of one kind, in clear: for the page of the person who asks for them.
    pub async fn reveal_items<K: Key>(&self, app: &App, wanted: impl Fn(&K) -> bool + Send) -> Result<Vec<(K, Secret)>, Error> {
        sealed_items::reveal(&self.shared, app.id, wanted).await
    }

    /// What [`Deployer::edit_items`] would do now.
    pub async fn preview_items<K: Key>(&self, app: &App, edit: &Edit<K>) -> Result<Difference<K>, Error> {
        sealed_items::preview(&self.shared, app.id, edit).await
    }

    /// The newest commits of the app's branch as last fetched; none when it never was. What git cannot read is refused in words.
    pub async fn recent_commits(&self, app: &App) -> Result<Vec<CommitFacts>, Error> {
        commits::recent(&self.shared, app).await
    }

    /// Fetches what is new on the app's branch. What stands in the way is refused in words.
    pub async fn look_for_commits(&self, app: &App) -> Result<(), Error> {
        commits::look(&self.shared, app).await
    }

    /// The commit that somebody means by its id, whole or abbreviated.
    pub async fn find_commit(&self, app: &App, name: &CommitName) -> Result<Result<CommitId, Invalid>, Error> {
        commits::find(&self.shared, app, name).await
    }

    /// Containers with this installation's label that its database does not know, as far as the engine shows them now.
    pub async fn orphans(&self) -> Vec<Observed> {
        recover::orphans(&self.shared).await
    }

    /// The orphan with this container's id, and what it says of where it comes from. Refused when it is none.
    pub async fn orphan(&self, container: &str) -> Result<Orphan, Error> {
        adopt::find(&self.shared, container).await
    }

    /// What is left of apps that were deleted.
    pub async fn deletions(&self) -> Result<Vec<Leaving>, Error> {
        Ok(deletions::all(&self.shared).await?)
    }

    /// What is left of the deleted app that still has this name.
    pub async fn deletion_of(&self, slug: &Slug) -> Result<Option<Leaving>, Error> {
        let deletion = db::deletions::by_slug(self.shared.db.read(), slug).await?;
        Ok(deletion.map(|it| deletions::leaving(&self.shared, it)))
    }

    /// Looks at the repository as a deployment would, and keeps what was found.
    pub async fn test_connection(&self, app: &App) -> Result<ConnectionCheck, Error> {
        connection::test(&self.shared, app).await
    }

    /// The bytes that each part of this installation takes, as measured in the last minute or before; what is not known is left out.
    pub async fn disk_used(&self) -> Used {
        disk::used(&self.shared).await
    }

    /// What each app takes on the engine and in the data directory, what a clean-up would do about it, and what goes on.
    pub async fn costs(&self) -> Result<Costs, Error> {
        disk::costs(&self.shared).await
    }

    /// What is left where the engine keeps its things; none when that cannot be seen from here, or not soon.
    pub async fn engine_space(&self) -> Option<Space> {
        timeout(PAGE_PATIENCE, self.shared.platform.runtime.engine_space()).await.ok().flatten()
    }

    /// Who besides µPaaS holds ports of the engine's host, or is going to: the other apps by their configurations, those that are saved
    /// and those that run, and whatever the host shows now. An engine that is away shows nothing.
    pub async fn taken_ports(&self, app: Option<AppId>, wanted: &[Port]) -> Result<Vec<Taken>, Error> {
        ports::taken(&self.shared, app, wanted).await
    }

    /// Whether the engine's host is the machine that µPaaS sees around itself.
    pub async fn shares_host(&self) -> bool {
        self.shared.platform.runtime.shares_host().await
    }

    /// Whether containers can be asked over HTTP at all: the failure says why not, and what to do.
    pub fn can_ask(&self) -> Result<(), Failure> {
        self.shared.platform.runtime.can_ask()
    }

    /// Where an app's relative volumes lie, as the engine's host sees it; none when that is not known.
    pub async fn volumes_folder(&self, app: AppId) -> Option<PathBuf> {
        self.shared.platform.runtime.volumes_folder(app).await
    }

    /// Why mounting each of these into an app's container needs a person's confirmation, in their order; none where it does not.
    pub async fn dangers(&self, app: AppId, sources: &[VolumeSource]) -> Vec<Option<Danger>> {
        self.shared.platform.runtime.dangers(app, sources).await
    }

    /// The engine's networks that containers can join; none when it does not show them.
    pub async fn networks(&self) -> Option<Vec<Network>> {
        networks::all(&self.shared).await
    }

    /// The kept set of an app: what can be gone back to, and what serves.
    pub async fn kept(&self, app: &App) -> Result<HashSet<DeploymentId>, Error> {
        Ok(kept::of(&self.shared, app).await?)
    }

    /// The configuration with which going back to a deployment would run it. Refused when [`Deployer::roll_back`] would be.
    pub async fn plan_rollback(&self, app: &App, target: &Deployment, keeps_values: bool) -> Result<AppConfig, Error> {
        rollback::plan(&self.shared, app, target, Rollback { to: target.number, keeps_values }).await
    }

    /// The commits between two of an app, at most `limit` on either side, without asking the git server; none when the mirror does not have
    /// both.
    pub async fn commits_between(&self, app: AppId, from: &CommitId, to: &CommitId, limit: usize) -> Result<Option<Between>, Failure> {
        self.shared.platform.source.between(app, from, to, limit).await
    }

    /// Where a deployment's journal lies.
    pub fn journal(&self, deployment: &Deployment) -> PathBuf {
        self.shared.files.journal(deployment.app, deployment.number)
    }

    /// How far a deployment's journal has grown, as it grows.
    pub fn journal_growth(&self, deployment: DeploymentId) -> tokio::sync::watch::Receiver<u64> {
        self.shared.journals.growth(deployment).subscribe()
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
