//! Choosing a commit: the recent ones of the branch as the mirror knows them, a look for new ones, and what somebody means by an id.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    Error, Shared,
    platform::{Failure, Meant},
};
use crate::domain::{
    Invalid,
    app::App,
    commit::{CommitFacts, CommitId, CommitName},
};

/// So many commits are shown.
const RECENT: usize = 50;
/// How long a page waits for the git server. A deployment waits longer.
const LOOK_DEADLINE: Duration = Duration::from_secs(60);

/// The newest commits of the app's branch, as last fetched; none when it never was.
pub(super) async fn recent(shared: &Shared, app: &App) -> Result<Vec<CommitFacts>, Error> {
    let config = &app.config.source;
    shared.platform.source.recent(app.id, &config.repo_url, &config.branch, RECENT).await.map_err(refused)
}

/// Brings what is new on the branch into the app's mirror.
pub(super) async fn look(shared: &Shared, app: &App) -> Result<(), Error> {
    let origin = shared.origin(app).await?;
    let looking = timeout(LOOK_DEADLINE, shared.platform.source.refresh(&origin));
    let too_long = || {
        let server = format!("The git server did not give its commits within {} s.", LOOK_DEADLINE.as_secs());
        Error::Refused(format!("{server} A deployment waits longer for it, and fetches them, too."))
    };
    looking.await.map_err(|_| too_long())?.map_err(refused)
}

/// The commit with this id. One that is abbreviated must be in the mirror; one that is not is fetched when it is deployed.
pub(super) async fn find(shared: &Shared, app: &App, name: &CommitName) -> Result<Result<CommitId, Invalid>, Error> {
    let beginning = match name {
        CommitName::Full(id) => return Ok(Ok(id.clone())),
        CommitName::Abbreviated(beginning) => beginning,
    };
    let source = &shared.platform.source;
    Ok(match source.meant(app.id, &app.config.source.repo_url, beginning.as_str()).await.map_err(refused)? {
        Meant::One(id) => Ok(id),
        Meant::Several => Err(Invalid::because(format!("Several commits begin with {beginning}: type more of its id."))),
        Meant::None => Err(Invalid::because(format!(
            "No commit that was fetched begins with {beginning}. Look for new commits, or type its full id: then it is fetched."
        ))),
    })
}

/// What git could not do, in words for the page.
fn refused(failure: Failure) -> Error {
    tracing::info!(reason = %failure.sentence, error = failure.chain(), "commits could not be looked for");
    Error::Refused(match failure.hint {
        Some(hint) => format!("{} {hint}", failure.sentence),
        None => failure.sentence,
    })
}
