//! What a person starts at the engine, and an image of no app that a person removes.

use std::sync::Arc;

use super::{Cleaned, Fate, clean, image_subject, known, plan::fate, record, unless_stopped};
use crate::{
    audit,
    deploy::{
        Error, Shared,
        job::{Came, Job},
        platform::Failure,
    },
    domain::{
        audit::{Act, Action, Actor, Resource, Subject},
        image::Removal,
        moment::Moment,
        size::size,
    },
};

/// What goes on, and what came of it the last time.
#[derive(Debug, Clone)]
pub struct Going {
    /// Since when.
    pub since: Option<Moment>,
    /// The last time.
    pub last: Option<Came>,
}

impl Going {
    fn of(job: &Job) -> Self {
        Self { since: job.since(), last: job.last() }
    }
}

/// What pruning the builder's cache is done to.
pub(in crate::deploy) fn cache_subject() -> Subject {
    Subject::new(Resource::Engine, "", "builder cache")
}

/// Starts a clean-up for a person. Refused while one is going on.
pub(in crate::deploy) fn start(shared: &Arc<Shared>, by: &Actor) -> Result<(), Error> {
    let Some(begun) = shared.cleaning.job.begin() else {
        return Err(Error::Refused("A clean-up is running already. Its result is shown when it is done.".to_owned()));
    };
    let (task_shared, by) = (shared.clone(), by.clone());
    shared.tasks.spawn(async move {
        let cleaned =
            task_shared.stop.run_until_cancelled(clean(&task_shared, None, &by)).await.map(|cleaned| cleaned.and_then(Cleaned::whole));
        let said = match cleaned {
            Some(Ok(said)) => Ok(said),
            Some(Err(failure)) => {
                tracing::warn!(reason = %failure.sentence, error = failure.chain(), "a clean-up failed");
                Err(failure.sentence)
            }
            None => Err("It was interrupted.".to_owned()),
        };
        begun.end_with(said);
        task_shared.changes.tell();
    });
    Ok(())
}

/// Starts the pruning of the builder's cache for a person. Refused while it is going on. That it was asked for is recorded before it
/// begins: once it has, something may be gone whether or not its end is seen.
pub(in crate::deploy) async fn start_pruning(shared: &Arc<Shared>, by: &Actor) -> Result<(), Error> {
    let Some(begun) = shared.cleaning.pruning.begin() else {
        return Err(Error::Refused("The builder's cache is being pruned already. The result is shown when that is done.".to_owned()));
    };
    audit::record_alone(&shared.db, &Act::done(Action::Cleanup, by, cache_subject()).detail("pruning asked for")).await?;
    let (task_shared, by) = (shared.clone(), by.clone());
    shared.tasks.spawn(async move {
        let act = Act::done(Action::Cleanup, &by, cache_subject());
        let (act, said) = match prune(&task_shared).await {
            Ok(said) => (act.detail(&said), Ok(said)),
            Err(failure) => {
                tracing::warn!(reason = %failure.sentence, error = failure.chain(), "the builder's cache could not be pruned");
                (act.failed(&failure.sentence), Err(failure.sentence))
            }
        };
        record(&task_shared, &act).await;
        task_shared.disk.look_again();
        begun.end_with(said);
        task_shared.changes.tell();
    });
    Ok(())
}

async fn prune(shared: &Shared) -> Result<String, Failure> {
    let bytes = unless_stopped(shared, shared.platform.builder.prune_cache()).await??;
    Ok(format!("{} of the builder's cache went", size(bytes)))
}

/// Removes an image of no app for a person. Refused while a clean-up is going on.
pub(in crate::deploy) async fn remove_image(shared: &Shared, id: &str, by: &Actor) -> Result<(), Error> {
    let Ok(_turn) = shared.cleaning.turn.try_lock() else {
        return Err(Error::Refused("A clean-up is running. Try again when it is done.".to_owned()));
    };
    let images = shared.platform.builder.images().await.map_err(Error::from_engine)?;
    let known = known(shared, &images).await?;
    let Some(image) = images.into_iter().find(|it| it.id == id && fate(it, &known) == Fate::Unknown) else {
        return Err(Error::Refused("There is no such image of no app any more.".to_owned()));
    };
    let removal = shared.platform.builder.remove_image(&image).await.map_err(Error::from_engine)?;
    shared.disk.look_again();
    if removal == Removal::Stays {
        return Err(Error::Refused(
            "The image stays: a container is made of it, another image is built on it, or somebody else has given it a name.".to_owned(),
        ));
    }
    let detail = format!("image of no app removed, up to {}", size(image.gives_back()));
    audit::record_alone(&shared.db, &Act::done(Action::Cleanup, by, image_subject(id)).detail(detail)).await?;
    Ok(())
}

impl Shared {
    /// What a person has started.
    pub(in crate::deploy) fn cleans_up(&self) -> Going {
        Going::of(&self.cleaning.job)
    }

    /// What a person has started at the builder's cache.
    pub(in crate::deploy) fn prunes(&self) -> Going {
        Going::of(&self.cleaning.pruning)
    }

    /// Waits a moment for what a person has just started.
    pub(in crate::deploy) async fn cleaned_soon(&self) {
        tokio::join!(self.cleaning.job.end_soon(), self.cleaning.pruning.end_soon());
    }
}
