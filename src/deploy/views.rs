//! What pages and programs are told: how things stand, without changing any of them.

use std::{collections::HashSet, path::PathBuf, time::Duration};

use tokio::time::timeout;

use super::{
    Costs, Deployer, Difference, Edit, Error, Item, Key, Leaving, Orphan, Place, adopt, commits, connection, deletions, disk, kept, line,
    networks, platform::Failure, ports, receive, recover, rollback, sealed_items,
};
use crate::{
    db,
    domain::{
        Invalid,
        app::App,
        app_config::{
            AppConfig,
            volume::{Danger, Mounted},
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
    metrics::Metrics,
};

/// How long a page waits for what the engine says of its disk.
const PAGE_PATIENCE: Duration = Duration::from_millis(500);

impl Deployer {
    /// The engine, as last seen.
    pub fn engine(&self) -> EngineState {
        self.shared.engine.borrow().clone()
    }

    /// Whether a container that does not run is started again and again until it does.
    pub fn keeps_starting(&self, container: &str) -> bool {
        self.shared.is_owed(container)
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

    /// The bytes that each part of this installation takes, as measured in the last five minutes or before; what is not known is left out.
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
    pub async fn dangers(&self, app: AppId, mounted: &[Mounted]) -> Vec<Option<Danger>> {
        self.shared.platform.runtime.dangers(app, mounted).await
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
