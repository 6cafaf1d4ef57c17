//! What is done to apps and deployments: each act to its end, and recorded whether it works or not.

use std::sync::Arc;

use tracing::Instrument;

use super::{
    Arrival, Deployer, Difference, Edit, Error, Key, LoginKept, Shared, Wish, adopt, cleanup, connection, create, deletions, keys,
    lifecycle, networks, queue, receive, recover, registries, retention, rollback, sealed_items,
};
use crate::domain::{
    app::App,
    app_config::{AppConfig, network::NetworkName},
    audit::{Act, Action, Actor, Resource, Subject},
    connection::ConnectionCheck,
    delivery::Delivery,
    deployment::{Deployment, Rollback},
    moment::Moment,
    registry::RegistryHost,
    secret::Secret,
    slug::Slug,
};

impl Deployer {
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

    /// Creates an app with its deploy key and webhook secret; [`Error::SlugTaken`] when the slug is in use. Around an orphan it is the app
    /// of that container, which it has live then.
    pub async fn create_app(&self, slug: Slug, config: AppConfig, around: Option<String>, by: &Actor) -> Result<App, Error> {
        let act = Act::done(Action::AppCreate, by, Subject::new(Resource::App, "", slug.as_str()));
        self.audited(act, move |shared, by| async move { create::create(&shared, slug, config, around.as_deref(), &by).await }).await
    }

    /// Deletes an app: nobody finds it from now on, and what it has goes by and by ([`Deployer::deletions`]). Named volumes and networks
    /// stay, and so do the folders of its volumes unless they are to go. Refused while a deployment runs.
    pub async fn delete_app(&self, app: &App, volumes: bool, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::AppDelete, by, Subject::app(app));
        let app = app.clone();
        self.audited(act, move |shared, by| async move { deletions::begin(&shared, &app, volumes, &by).await }).await
    }

    /// Puts a deployment into the app's queue for a person, before what pushes ask for and in its place. One that waits already is the
    /// answer to a second press.
    pub async fn deploy_now(&self, app: &App, wish: Wish, by: &Actor) -> Result<Deployment, Error> {
        let act = Act::done(Action::Deploy, by, Subject::app(app));
        let app = app.clone();
        self.audited(act, move |shared, by| async move { queue::deploy_now(&shared, &app, &wish, &by).await }).await
    }

    /// Queues a deployment that gives the app's container its present settings, from the image that serves now.
    pub async fn apply(&self, app: &App, by: &Actor) -> Result<Deployment, Error> {
        let act = Act::done(Action::Deploy, by, Subject::app(app));
        let app = app.clone();
        self.audited(act, move |shared, by| async move { queue::apply(&shared, &app, &by).await }).await
    }

    /// Cancels a deployment: one that waits ends at once, one that runs is told to. Refused once its container is live.
    pub async fn cancel(&self, app: &App, deployment: &Deployment, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::DeployCancel, by, Subject::deployment(app, deployment));
        let (app, deployment) = (app.clone(), deployment.clone());
        self.audited(act, move |shared, by| async move { queue::cancel(&shared, &app, &deployment, &by).await }).await
    }

    /// Decides about a delivery to the app's webhook URL, keeps it, and queues the deployment that it asks for.
    pub async fn receive(&self, app: App, arrival: Arrival) -> Result<Delivery, Error> {
        self.to_the_end(|shared| async move { receive::receive(&shared, app, arrival).await }).await
    }

    /// Gives the app another deploy key, with which the forge must be told to let it read.
    pub async fn rotate_deploy_key(&self, app: &App, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::KeyRotate, by, Subject::app(app));
        let app = app.clone();
        self.audited(act, move |shared, by| async move { keys::rotate_deploy_key(&shared, &app, &by).await }).await
    }

    /// Gives the app another webhook secret, and returns it in clear: for the page of the person who asks for it.
    pub async fn rotate_webhook_secret(&self, app: &App, by: &Actor) -> Result<Secret, Error> {
        let act = Act::done(Action::SecretRotate, by, Subject::app(app));
        let app = app.clone();
        self.audited(act, move |shared, by| async move { keys::rotate_webhook_secret(&shared, &app, &by).await }).await
    }

    /// Pauses auto-deploy, so that pushes are ignored, or resumes it.
    pub async fn set_auto_deploy_paused(&self, app: &App, paused: bool, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::AppUpdate, by, Subject::app(app));
        let app = app.clone();
        self.audited(act, move |shared, by| async move { lifecycle::set_paused(&shared, &app, paused, &by).await }).await
    }

    /// Edits what the app has under keys of one kind, as it is now; the next deployment uses it. Refused when it would be too much, when one
    /// that is to be added is there or has no place, and when one that is to be changed is not there.
    pub async fn edit_items<K: Key>(&self, app: &App, edit: Edit<K>, by: &Actor) -> Result<Difference<K>, Error> {
        let act = Act::done(Action::AppUpdate, by, Subject::app(app));
        let app = app.id;
        self.audited(act, move |shared, by| async move { sealed_items::edit(&shared, app, &edit, &by).await }).await
    }

    /// Sets the login at a registry, instead of the one that was there, after the engine has tried it: [`Error::LoginRefused`] when the
    /// registry does not take it. Refused when there are too many.
    pub async fn set_registry(&self, host: RegistryHost, username: String, password: Secret, by: &Actor) -> Result<LoginKept, Error> {
        let act = Act::done(Action::SettingsChange, by, registries::subject(&host));
        self.audited(act, move |shared, by| async move { registries::set(&shared, host, username, &password, &by).await }).await
    }

    /// Removes the login at a registry. One that is gone already is as the person wants it.
    pub async fn remove_registry(&self, host: RegistryHost, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::SettingsChange, by, registries::subject(&host));
        self.audited(act, move |shared, by| async move { registries::remove(&shared, &host, &by).await }).await
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

    /// Stops the app's container and starts the same one again, and says so when it does not stay. Refused while a deployment runs, and
    /// when there is nothing that could be restarted.
    pub async fn restart_app(&self, app: &App, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::ContainerRestart, by, Subject::app(app));
        let app = app.clone();
        self.audited(act, move |shared, by| async move { lifecycle::restart(&shared, &app, &by).await }).await
    }

    /// Makes a network on the engine, for the app's settings. Refused when its name is taken.
    pub async fn create_network(&self, app: &App, name: &NetworkName, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::SettingsChange, by, Subject::app(app));
        let (app, name) = (app.clone(), name.clone());
        self.audited(act, move |shared, by| async move { networks::create(&shared, &app, &name, &by).await }).await
    }

    /// Removes an orphan. Refused when it is none.
    pub async fn remove_orphan(&self, container: &str, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::Cleanup, by, Subject::new(Resource::Container, container, ""));
        let container = container.to_owned();
        self.audited(act, move |shared, by| async move { recover::remove_orphan(&shared, &container, &by).await }).await
    }

    /// Makes an orphan the live container of its app. Refused when it is none, when its app is not there, and while a deployment runs.
    pub async fn adopt_orphan(&self, container: &str, by: &Actor) -> Result<(App, Deployment), Error> {
        let act = Act::done(Action::AppUpdate, by, Subject::new(Resource::Container, container, ""));
        let container = container.to_owned();
        self.audited(act, move |shared, by| async move { adopt::adopt(&shared, &container, &by).await }).await
    }

    /// Begins to remove what is older than the settings say, and waits a moment for the end of that. Refused while it is going on.
    pub async fn run_retention(&self, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::Retention, by, retention::subject());
        self.audited(act, |shared, by| async move { retention::start(&shared, &by) }).await?;
        self.shared.retention.end_soon().await;
        Ok(())
    }

    /// Since when retention runs, if it does.
    pub fn retention_runs_since(&self) -> Option<Moment> {
        self.shared.retention.since()
    }

    /// Begins to remove what no app needs any more, and waits a moment for the end of that. Refused while it is going on.
    pub async fn clean_up(&self, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::Cleanup, by, cleanup::subject());
        self.audited(act, |shared, by| async move { cleanup::start(&shared, &by) }).await?;
        self.shared.cleaned_soon().await;
        Ok(())
    }

    /// Begins to prune the engine's builder cache, everybody's, and waits a moment for the end of that. Refused while it is going on.
    pub async fn prune_builder_cache(&self, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::Cleanup, by, cleanup::cache_subject());
        self.audited(act, |shared, by| async move { cleanup::start_pruning(&shared, &by).await }).await?;
        self.shared.cleaned_soon().await;
        Ok(())
    }

    /// Removes an image of this installation that belongs to no app. Refused when it is none, and when somebody else uses it.
    pub async fn remove_image(&self, image: &str, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::Cleanup, by, cleanup::image_subject(image));
        let image = image.to_owned();
        self.audited(act, move |shared, by| async move { cleanup::remove_image(&shared, &image, &by).await }).await
    }

    /// Pins the host key that the last connection test showed, provided it is the one the operator saw; then tests again.
    pub async fn confirm_host_key(&self, app: &App, fingerprint: &str, by: &Actor) -> Result<ConnectionCheck, Error> {
        let act = Act::done(Action::SettingsChange, by, connection::server(app));
        let (app, fingerprint) = (app.clone(), fingerprint.to_owned());
        self.audited(act, move |shared, by| async move { connection::confirm_host_key(&shared, &app, &fingerprint, &by).await }).await
    }

    /// Puts a rollback to an older deployment into the app's queue, by its number, and pauses auto-deploy. With `keeps_values` sealed values
    /// are those of today, where the app still has their keys. Refused when the deployment is not kept, or nothing would change.
    pub async fn roll_back(&self, app: &App, to: i64, keeps_values: bool, by: &Actor) -> Result<Deployment, Error> {
        let act = Act::done(Action::Rollback, by, Subject::app(app));
        let (app, rollback) = (app.clone(), Rollback { to, keeps_values });
        self.audited(act, move |shared, by| async move { rollback::roll_back(&shared, &app, rollback, &by).await }).await
    }

    /// Pins a deployment, so that no clean-up touches what it needs to be gone back to, or lets it go. Refused when it has not left that, or
    /// when too many of the app's are pinned.
    pub async fn set_pinned(&self, app: &App, deployment: &Deployment, pinned: bool, by: &Actor) -> Result<(), Error> {
        let act = Act::done(Action::AppUpdate, by, Subject::app(app));
        let (app, deployment) = (app.clone(), deployment.clone());
        self.audited(act, move |shared, by| async move { rollback::set_pinned(&shared, &app, &deployment, pinned, &by).await }).await
    }
}
