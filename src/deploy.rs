//! Deployments: the façade that the pages use, and behind it the queue's workers, the run of one deployment, and what brings
//! everything back to the truth after an interruption.
//!
//! The queue is the table: a request is a row, a wake-up only says that there may be one. One worker an app, so an app's deployments
//! never overlap; across apps a few run at once. Workers wait while the engine is away: nothing queued is lost or failed by that.
//!
//! Of what pushes ask for, the newest replaces what waits. What a person asks for goes first and cancels what pushes asked for.

pub mod files;
pub mod platform;

mod connection;
mod create;
mod disk;
mod disorder;
mod ends;
mod engine;
mod journals;
mod lifecycle;
mod line;
mod picture;
mod queue;
mod receive;
mod reconcile;
mod recover;
mod rejections;
mod retention;
mod run;
mod seat;
mod settle;
mod usage;
mod verdict;
mod watch;
mod worker;

pub use line::Place;
pub use receive::{Arrival, Headers};

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use tokio::{
    sync::{Notify, Semaphore},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use crate::{
    db::{self, Db},
    domain::{
        app::{App, AppConfig},
        audit::{Act, Action, Actor, Resource, Subject},
        commit::CommitId,
        connection::ConnectionCheck,
        container::{Observed, Usage},
        delivery::Delivery,
        deployment::Deployment,
        disk::Part,
        engine::{EngineState, EngineVersion},
        ids::{AppId, DeploymentId, WebhookId},
        retention::LastRun,
        secret::Secret,
        slug::Slug,
    },
    events::Changes,
    metrics::Metrics,
    vault::{self, Vault},
};
use disk::Disk;
use disorder::Disorder;
use files::Files;
use journals::Journals;
use line::Line;
use picture::Picture;
use platform::{Failure, Origin, Platform};
use rejections::Rejections;
use seat::Seats;
use usage::Usages;

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
    /// A container that somebody has stopped is believed to stay so after this long: a restart is a stop, too, and so is an engine
    /// that goes.
    pub stop_confirmed: Duration,
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
            stop_confirmed: Duration::from_secs(2),
        }
    }
}
/// How long a page waits for the engine's word about a container.
const PAGE_LOOK_DEADLINE: Duration = Duration::from_secs(1);
/// So many containers that nobody has seen yet are looked at at once.
const LOOKS_AT_ONCE: usize = 16;
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
    workers: Mutex<HashMap<AppId, Arc<Notify>>>,
    /// What cancels each deployment that runs now. Held for a look-up.
    active: Mutex<HashMap<DeploymentId, CancellationToken>>,
    seats: Seats,
    /// What is out of order. Held for a look-up.
    disorder: Mutex<Disorder>,
    picture: Picture,
    journals: Journals,
    rejections: Rejections,
    /// Held while retention runs.
    retention: tokio::sync::Mutex<()>,
    permits: Semaphore,
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

    /// Whether the container does its work; none when the engine does not say.
    pub fn is_healthy(&self) -> Option<bool> {
        match self {
            Self::There(container) => Some(container.is_healthy()),
            Self::Gone => Some(false),
            Self::Unknown => None,
        }
    }
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
            journals: Journals::default(),
            rejections: Rejections::default(),
            retention: tokio::sync::Mutex::default(),
            permits: Semaphore::new(RUNNING_AT_ONCE),
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
        shared.tasks.spawn(journals::compress(shared.clone()));
        shared.tasks.spawn(retention::daily(shared.clone()));
        Self { shared }
    }

    /// Does something to its end, also when whoever asked for it hangs up meanwhile: half an act, or one that nobody was woken for, would
    /// be worse than none.
    async fn to_the_end<T, F>(&self, act: impl FnOnce(Arc<Shared>) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let act = act(self.shared.clone()).in_current_span();
        self.shared.tasks.spawn(act).await.map_err(|err| Error::Internal(err.into()))?
    }

    /// As [`Deployer::to_the_end`], for an act of somebody's: it records itself when it works, and `act` is recorded when it does not.
    async fn audited<T, F>(&self, act: Act, does: impl FnOnce(Arc<Shared>, Actor) -> F + Send + 'static) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        self.to_the_end(|shared| async move {
            let done = does(shared.clone(), act.actor.clone()).await;
            shared.or_record(done, || act).await
        })
        .await
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

    /// Creates an app with its deploy key and webhook secret; [`Error::SlugTaken`] when the slug is in use.
    pub async fn create_app(&self, slug: Slug, config: AppConfig, by: &Actor) -> Result<App, Error> {
        let act = Act::done(Action::AppCreate, by, Subject::new(Resource::App, "", slug.as_str()));
        self.audited(act, move |shared, by| async move { create::create(&shared, slug, config, &by).await }).await
    }

    /// Puts a deployment into the app's queue for a person, before what pushes ask for and in its place. One that waits already is the
    /// answer to a second press.
    pub async fn deploy_now(&self, app: &App, commit: Option<&CommitId>, by: &Actor) -> Result<Deployment, Error> {
        let act = Act::done(Action::Deploy, by, Subject::app(app));
        let (app, commit) = (app.clone(), commit.cloned());
        self.audited(act, move |shared, by| async move { queue::deploy_now(&shared, &app, commit.as_ref(), &by).await }).await
    }

    /// Cancels a deployment: one that waits ends at once, one that runs is told to. Refused once its container is live.
    pub async fn cancel(&self, app: &App, deployment: &Deployment, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::DeployCancel, by, Subject::deployment(app, deployment));
        let (app, deployment) = (app.clone(), deployment.clone());
        self.audited(act, move |shared, by| async move { queue::cancel(&shared, &app, &deployment, &by).await }).await
    }

    /// What a queued deployment waits for.
    pub async fn place(&self, deployment: &Deployment) -> Result<Option<Place>, Error> {
        Ok(line::place(&self.shared, deployment).await?)
    }

    /// The app whose webhook URL has this id.
    pub async fn app_of_webhook(&self, webhook: WebhookId) -> Result<Option<App>, Error> {
        Ok(db::apps::by_webhook(self.shared.db.read(), webhook).await?)
    }

    /// Decides about a delivery to the app's webhook URL, keeps it, and queues the deployment that it asks for.
    pub async fn receive(&self, app: App, arrival: Arrival) -> Result<Delivery, Error> {
        self.to_the_end(|shared| async move { receive::receive(&shared, app, arrival).await }).await
    }

    /// The secret that signs the app's deliveries, in clear: for the page of the person who asks for it.
    pub async fn webhook_secret(&self, app: &App) -> Result<Secret, Error> {
        receive::webhook_secret(&self.shared, app).await
    }

    /// Pauses auto-deploy, so that pushes are ignored, or resumes it.
    pub async fn set_auto_deploy_paused(&self, app: &App, paused: bool, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::AppUpdate, by, Subject::app(app));
        let app = app.clone();
        self.audited(act, move |shared, by| async move { lifecycle::set_paused(&shared, &app, paused, &by).await }).await
    }

    /// Stops the app's container. Refused while a deployment runs.
    pub async fn stop_app(&self, app: &App, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::ContainerStop, by, Subject::app(app));
        let app = app.clone();
        self.audited(act, move |shared, by| async move { lifecycle::stop(&shared, &app, &by).await }).await
    }

    /// Starts the app's container; one that was removed is made anew. Refused while a deployment runs.
    pub async fn start_app(&self, app: &App, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::ContainerStart, by, Subject::app(app));
        let app = app.clone();
        self.audited(act, move |shared, by| async move { lifecycle::start(&shared, &app, &by).await }).await
    }

    /// Containers with this installation's label that its database does not know, as far as the engine shows them now.
    pub async fn orphans(&self) -> Vec<Observed> {
        recover::orphans(&self.shared).await
    }

    /// Removes an orphan. Refused when it is none.
    pub async fn remove_orphan(&self, container: &str, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::Cleanup, by, Subject::new(Resource::Container, container, ""));
        let container = container.to_owned();
        self.audited(act, move |shared, by| async move { recover::remove_orphan(&shared, &container, &by).await }).await
    }

    /// Removes what is older than the settings say, now. Refused while that is going on.
    pub async fn run_retention(&self, by: &Actor) -> Result<LastRun, Error> {
        let act = Act::done(Action::Retention, by, retention::subject());
        self.audited(act, |shared, by| async move { retention::run(&shared, &by).await }).await
    }

    /// Looks at the repository as a deployment would, and keeps what was found.
    pub async fn test_connection(&self, app: &App) -> Result<ConnectionCheck, Error> {
        connection::test(&self.shared, app).await
    }

    /// Pins the host key that the last connection test showed, provided it is the one the operator saw; then tests again.
    pub async fn confirm_host_key(&self, app: &App, fingerprint: &str, by: &Actor) -> Result<ConnectionCheck, Error> {
        let act = Act::done(Action::SettingsChange, by, connection::server(app));
        let (app, fingerprint) = (app.clone(), fingerprint.to_owned());
        self.audited(act, move |shared, by| async move { connection::confirm_host_key(&shared, &app, &fingerprint, &by).await }).await
    }

    /// The container of a deployment, as the engine shows it now.
    pub async fn container(&self, deployment: &Deployment) -> Sight {
        let Some(container) = deployment.container.as_deref() else { return Sight::Gone };
        if !self.shared.engine_is_up() {
            return Sight::Unknown;
        }
        if let Some(seen) = self.shared.picture.get(container) {
            return Sight::There(seen);
        }
        match timeout(PAGE_LOOK_DEADLINE, self.shared.platform.runtime.look(container)).await {
            Ok(Ok(Some(seen))) => Sight::There(seen),
            Ok(Ok(None)) => Sight::Gone,
            Ok(Err(_)) | Err(_) => Sight::Unknown,
        }
    }

    /// The containers of these deployments. Those that the engine does not show in time, for all of them together, are left out.
    pub async fn containers(&self, deployments: &[Deployment]) -> HashMap<DeploymentId, Sight> {
        let deadline = Instant::now() + PAGE_LOOK_DEADLINE;
        let looks = deployments.iter().cloned().map(|it| {
            let deployer = self.clone();
            async move { (it.id, deployer.container(&it).await) }
        });
        let mut looks = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
        let mut sights = HashMap::new();
        while let Ok(Some((id, sight))) = timeout_at(deadline, looks.next()).await {
            sights.insert(id, sight);
        }
        sights
    }

    /// What the containers of these deployments use, as far as the engine says so in time; at most some seconds old.
    pub async fn usage(&self, deployments: &[Deployment]) -> HashMap<DeploymentId, Usage> {
        let containers = deployments.iter().filter_map(|it| it.container.clone()).collect();
        let usages = usage::of(&self.shared, containers).await;
        let found = |it: &Deployment| Some((it.id, *usages.get(it.container.as_ref()?)?));
        deployments.iter().filter_map(found).collect()
    }

    /// The bytes that each part of this installation takes, as measured in the last minute or before; what is not known is left out.
    pub async fn disk_used(&self) -> BTreeMap<Part, u64> {
        disk::used(&self.shared).await
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
