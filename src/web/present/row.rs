//! A deployment in a list.

use std::collections::HashSet;

use serde::Serialize;

use super::{Badge, Commit, cause, commit, deployment_url, phases::PhaseBar, took};
use crate::{
    domain::{
        app::App,
        deployment::{Deployment, Status, Trigger},
        ids::DeploymentId,
        moment::Moment,
    },
    web::frame::When,
};

/// A line of a list of deployments.
#[derive(Serialize)]
pub(in crate::web) struct DeploymentRow {
    number: i64,
    url: String,
    badge: Badge,
    commit: Option<Commit>,
    trigger: Trigger,
    by: Option<String>,
    when: When,
    duration: Option<String>,
    bar: PhaseBar,
    cause: Option<&'static str>,
    reason: Option<String>,
    attempt: i64,
    journal_removed: bool,
    live: bool,
    /// What it is about besides a commit: `rollback to #3`.
    about: Option<String>,
    /// Where going back to it begins, when that is possible.
    rollback_url: Option<String>,
    pinned: bool,
}

impl DeploymentRow {
    /// With the app's kept set.
    pub(in crate::web) fn new(app: &App, deployment: &Deployment, kept: &HashSet<DeploymentId>) -> Self {
        Self {
            number: deployment.number,
            url: deployment_url(app, deployment.number),
            badge: deployment.status.into(),
            commit: commit(deployment),
            trigger: deployment.trigger,
            by: deployment.requested_by.clone(),
            when: deployment.times.queued.into(),
            duration: took(deployment),
            bar: PhaseBar::new(deployment, Moment::now()),
            cause: deployment.ending.as_ref().and_then(|ending| ending.cause).map(cause),
            reason: deployment.ending.as_ref().map(|ending| ending.sentence.clone()),
            attempt: deployment.attempt,
            journal_removed: deployment.journal_removed.is_some(),
            live: app.live_deployment == Some(deployment.id),
            about: about(deployment),
            rollback_url: rollback_url(app, deployment, kept),
            pinned: deployment.pinned.is_some(),
        }
    }
}

/// What a deployment is about besides a commit.
fn about(deployment: &Deployment) -> Option<String> {
    match (deployment.rollback, deployment.trigger, deployment.status) {
        (Some(rollback), ..) => Some(format!("rollback to #{}", rollback.to)),
        (None, Trigger::Config, Status::Success) => Some("settings applied".to_owned()),
        (None, Trigger::Config, _) => Some("settings to apply".to_owned()),
        _ => None,
    }
}

/// Where going back to a deployment begins, when it is kept for that and does not serve anyway.
pub(in crate::web) fn rollback_url(app: &App, deployment: &Deployment, kept: &HashSet<DeploymentId>) -> Option<String> {
    let other = kept.contains(&deployment.id) && app.live_deployment != Some(deployment.id);
    other.then(|| format!("{}/rollback", deployment_url(app, deployment.number)))
}
