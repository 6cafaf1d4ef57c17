//! Adoption: a container of ours that the database does not know becomes the live one of its app, because a person says so.

use std::{sync::Arc, time::Duration};

use super::{
    Error, Shared, lifecycle,
    platform::{Failure, Origins},
    recover,
};
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

/// So much of a container's id is enough for people and for the engine.
const SHORT_ID: usize = 12;
/// What to do when the commit of an adopted container is not known.
pub(super) const BUILD_ANEW: &str = "“Deploy now” builds the app anew.";

/// A container that this installation made and its database does not know.
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
    let unknown = || Error::Refused("Its app is not in the database. Create the app anew from it first.".to_owned());
    let orphan = find(shared, container).await?;
    let app = db::apps::find(shared.db.read(), orphan.seen.app).await?.ok_or_else(unknown)?;
    let _seat = lifecycle::seat(shared, &app).await?;
    // Once more, now that nobody else can adopt or remove it meanwhile.
    let orphan = find(shared, container).await?;
    let former = former(shared, &app, &orphan).await?;
    let mut tx = shared.db.begin().await?;
    // In the transaction: a secret that is replaced meanwhile would be gone.
    let app = db::apps::get(&mut *tx, app.id).await?;
    let deployment = take_in(&mut tx, &app, &orphan, by).await?;
    let detail = format!("adopted container {} as #{}", orphan.seen.id, deployment.number);
    audit::record(&mut tx, &Act::done(Action::AppUpdate, by, Subject::app(&app)).detail(detail)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    if let Some(former) = &former
        && let Err(failure) = former.retire(shared).await
    {
        tracing::warn!(app = %app.slug, reason = %failure.sentence, error = failure.chain(), "the container before an adopted one is not gone yet");
    }
    settle_in(shared, &orphan).await;
    Ok((app, deployment))
}

/// The container that an adopted one takes the place of.
struct Former {
    container: String,
    grace: Duration,
}

impl Former {
    /// Stops it as any other, and removes it. What does not work is left to the next recovery.
    async fn retire(&self, shared: &Shared) -> Result<(), Failure> {
        shared.stop_container(&self.container, self.grace).await?;
        shared.platform.runtime.remove(&self.container).await?;
        shared.forget_stop(&self.container);
        shared.picture.forget(&self.container);
        Ok(())
    }
}

/// The live container of the app. Refused when it runs and the orphan does not: nothing would serve any more.
async fn former(shared: &Shared, app: &App, orphan: &Orphan) -> Result<Option<Former>, Error> {
    let Some(live) = lifecycle::live(shared, app).await? else { return Ok(None) };
    let Some(container) = live.container.clone() else { return Ok(None) };
    let runtime = &shared.platform.runtime;
    let look = async |id: &str| Ok::<_, Error>(runtime.look(id).await.map_err(Error::from_engine)?.is_some_and(|it| it.running));
    if look(&container).await? && !look(&orphan.seen.id).await? {
        let (short, number) = (orphan.seen.id.chars().take(SHORT_ID).collect::<String>(), live.number);
        return Err(Error::Refused(format!(
            "The container {short} does not run and #{number} serves. Start it first with “docker start {short}”, then adopt it."
        )));
    }
    let grace = db::snapshots::of(shared.db.read(), app, Some(&live)).await?.run.process.stop_grace.into();
    Ok(Some(Former { container, grace }))
}

/// Why nothing can be made anew of an adopted container that does not say its commit.
pub(super) fn commit_is_unknown(number: i64) -> String {
    format!("The commit of #{number} is not known, because it was adopted.")
}

/// The rows of it. With its own number, when that is free, it is its own deployment again. Refused when somebody has adopted it by now.
pub(super) async fn take_in(tx: &mut db::Transaction, app: &App, orphan: &Orphan, by: &Actor) -> Result<Deployment, Error> {
    let Orphan { seen, origins } = orphan;
    if db::deployments::by_container(&mut **tx, &seen.id).await?.is_some() {
        return Err(recover::no_orphan());
    }
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

/// What else there is of the app's is over, and goes.
pub(super) async fn settle_in(shared: &Shared, orphan: &Orphan) {
    shared.tidy_later();
    shared.look_again(&orphan.seen.id).await;
    shared.look_at_engine.notify_one();
}
