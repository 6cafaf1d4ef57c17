//! How an app stands: what the list of apps, the app's page and those of its deployments show of that is decided here, once.

use crate::{
    deploy::{Deployer, Sight},
    domain::{
        app::App,
        app_config::RunConfig,
        deployment::{Deployment, Status},
        drift::{Drift, drift},
    },
};

/// The deployment by which one sees how an app stands: of those that are under way or wait the first, or else the newest.
pub(super) fn foremost<'a>(app: &App, unfinished: &'a [Deployment], newest: Option<&'a Deployment>) -> Option<&'a Deployment> {
    unfinished.iter().find(|it| it.app == app.id).or(newest)
}

/// Whether a deployment is at work at its app, and does not wait for its turn.
pub(super) fn is_at_work(deployment: &Deployment) -> bool {
    !deployment.status.is_end() && deployment.status != Status::Queued
}

/// What was changed of the live container outside µPaaS; nothing while a deployment is about to replace it.
pub(super) fn drift_of(
    app: &App,
    live: Option<&Deployment>,
    foremost: Option<&Deployment>,
    container: &Sight,
    made_with: &RunConfig,
) -> Vec<Drift> {
    let seen = container.there().filter(|_| !foremost.is_some_and(is_at_work));
    seen.map(|it| drift(it, &app.slug, made_with, is_adopted(live, container))).unwrap_or_default()
}

/// Whether the live container was not made with the app's settings, but adopted.
pub(super) fn is_adopted(live: Option<&Deployment>, container: &Sight) -> bool {
    live.zip(container.there()).is_some_and(|(live, seen)| seen.was_adopted_by(live))
}

/// That the live container does not run, and what is done about it, where that needs nobody.
pub(super) fn is_started_again(deployer: &Deployer, live: &Deployment, container: &Sight) -> Option<String> {
    container.there().filter(|it| !it.running && !it.restarting && deployer.keeps_starting(&it.id))?;
    Some(format!(
        "The container of #{} does not run. µPaaS tries to start it until it does; the log of µPaaS says what is in the way.",
        live.number
    ))
}

/// That the live deployment serves, whatever came of another one; nothing unless that is seen.
pub(super) fn still_serves(live: &Deployment, container: &Sight) -> Option<String> {
    container.serves().then(|| format!("#{} still serves.", live.number))
}
