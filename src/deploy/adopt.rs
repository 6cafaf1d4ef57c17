//! Adoption: a container of ours that the database does not know becomes the live one of its app, because a person says so.

use std::sync::Arc;

use super::{Error, Shared, lifecycle, platform::Origins, recover};
use crate::{
    audit,
    db::{self, deployments::Adopted},
    domain::{
        app::App,
        audit::{Act, Action, Actor, Subject},
        commit::CommitFacts,
        container::Observed,
        deployment::Deployment,
        moment::Moment,
    },
};

/// A container with this installation's label that its database does not know.
#[derive(Debug, Clone)]
pub struct Orphan {
    /// The container.
    pub seen: Observed,
    /// Where it comes from.
    pub origins: Origins,
}

/// The orphan with this container's id. Refused when it is none, or none any more.
pub(super) async fn find(shared: &Shared, container: &str) -> Result<Orphan, Error> {
    let seen = recover::orphan(shared, container).await?;
    let origins = shared.platform.runtime.origins(&seen.id).await.map_err(Error::from_engine)?.ok_or_else(recover::no_orphan)?;
    Ok(Orphan { seen, origins })
}

/// Makes an orphan the live container of its app, which is there.
pub(super) async fn adopt(shared: &Arc<Shared>, container: &str, by: &Actor) -> Result<(App, Deployment), Error> {
    let orphan = find(shared, container).await?;
    let unknown = || Error::Refused("Its app is not in the database. Create the app anew from it first.".to_owned());
    let app = db::apps::find(shared.db.read(), orphan.seen.app).await?.ok_or_else(unknown)?;
    let _seat = lifecycle::seat(shared, &app).await?;
    let mut tx = shared.db.begin().await?;
    let deployment = take_in(&mut tx, &app, &orphan, by).await?;
    let detail = format!("adopted container {} as #{}", orphan.seen.id, deployment.number);
    audit::record(&mut tx, &Act::done(Action::AppUpdate, by, Subject::app(&app)).detail(detail)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    settle_in(shared, &orphan).await;
    Ok((app, deployment))
}

/// The rows of it. With its own number, when that is free, it is its own deployment again.
pub(super) async fn take_in(tx: &mut db::Transaction, app: &App, orphan: &Orphan, by: &Actor) -> Result<Deployment, Error> {
    let Orphan { seen, origins } = orphan;
    let its_own = seen.deployment > 0 && db::deployments::by_number(&mut **tx, app.id, seen.deployment).await?.is_none();
    let number = match its_own {
        true => {
            db::apps::raise_last_number(&mut **tx, app.id, seen.deployment).await?;
            seen.deployment
        }
        false => db::apps::next_number(tx, app.id).await?,
    };
    let since = seen.created_at.unwrap_or_else(Moment::now);
    // Whoever wrote the commit, and what about, is not known any more.
    let facts = |id| CommitFacts { id, message: String::new(), author: String::new(), committed_at: since };
    let commit = origins.commit.clone().map(facts);
    let snapshot = db::snapshots::take(tx, app.id, &app.config).await?;
    let adopted = Adopted {
        app: app.id,
        number,
        requested_by: &by.name,
        image: &origins.image,
        container: &seen.id,
        commit: commit.as_ref(),
        snapshot,
    };
    Ok(db::deployments::insert_adopted(tx, &adopted).await?)
}

/// The container that served until now is over, and goes.
pub(super) async fn settle_in(shared: &Shared, orphan: &Orphan) {
    shared.tidy_later();
    shared.look_again(&orphan.seen.id).await;
    shared.look_at_engine.notify_one();
}
