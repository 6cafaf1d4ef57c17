//! What a delivery leads to, as a pure decision: what it says and how the app stands go in, a verdict comes out.
//!
//! The reasons are what the operator reads in the forge's delivery history, so each says what to do when that is not obvious.

use crate::{
    domain::{
        app::{App, DesiredState},
        commit::CommitId,
        deployment::{Deployment, Status},
    },
    gitea::push::{Push, Ref},
};

/// How an app stands when a delivery comes.
pub(super) struct Standing<'a> {
    pub(super) app: &'a App,
    /// Its live deployment.
    pub(super) live: Option<&'a Deployment>,
    /// Its newest deployment that has not ended and is not being cancelled.
    pub(super) newest_unfinished: Option<&'a Deployment>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// Deploy: this commit was pushed.
    Deploy(CommitId),
    /// Nothing, and why.
    Ignore(String),
}

/// Decides about a delivery of another event than a push. Without a name it is no delivery of a forge's.
pub(super) fn other_event(event: &str) -> String {
    match event {
        "" => "the delivery names no event; only pushes deploy.".to_owned(),
        event => format!("the event is “{event}”; only pushes deploy."),
    }
}

/// Decides about a push.
pub(super) fn decide(push: &Push, standing: &Standing) -> Decision {
    let app = standing.app;
    let (slug, branch) = (&app.slug, &app.config.source.branch);
    if push.is_test() {
        return Decision::Ignore(format!("test received, signature valid. Pushes to {branch} reach “{slug}”."));
    }
    match &push.reference {
        Ref::Branch(pushed) if pushed == branch.as_str() => {}
        Ref::Branch(pushed) if push.is_deletion() => {
            return Decision::Ignore(format!("branch {pushed} was deleted; “{slug}” deploys {branch}."));
        }
        Ref::Branch(pushed) => return Decision::Ignore(format!("the push is to {pushed}; “{slug}” deploys {branch}.")),
        Ref::Tag(tag) => return Decision::Ignore(format!("{tag} is a tag; “{slug}” deploys branch {branch}.")),
        Ref::Other(other) => return Decision::Ignore(format!("{other} is no branch; “{slug}” deploys {branch}.")),
    }
    if push.is_deletion() {
        return Decision::Ignore(format!("branch {branch} was deleted; what runs keeps running."));
    }
    if app.desired_state == DesiredState::Stopped {
        return Decision::Ignore("the app is stopped. Start it on its page, then pushes deploy again.".to_owned());
    }
    if let Some(pause) = &app.auto_deploy_paused {
        return Decision::Ignore(format!("auto-deploy is paused (by {}). Resume it on the app's page.", pause.by));
    }
    match already(&push.after, standing) {
        Some(reason) => Decision::Ignore(reason),
        None => Decision::Deploy(push.after.clone()),
    }
}

/// Whether the newest unfinished deployment is about this commit already, or else the live one is.
fn already(pushed: &CommitId, standing: &Standing) -> Option<String> {
    let Some(newest) = standing.newest_unfinished else {
        let live = standing.live.filter(|live| live.commit.as_ref().is_some_and(|commit| commit.id == *pushed))?;
        return Some(format!("already live as #{}. To build it again press “Deploy now” on the app's page.", live.number));
    };
    let asked = newest.requested_commit.as_ref() == Some(pushed);
    // It may have found the branch moved on: then this commit is asked for anew.
    let fetched_another = newest.commit.as_ref().is_some_and(|commit| commit.id != *pushed);
    let doing = match newest.status {
        Status::Queued => "queued",
        _ => "running",
    };
    (asked && !fetched_another).then(|| format!("already {doing} as #{}.", newest.number))
}
