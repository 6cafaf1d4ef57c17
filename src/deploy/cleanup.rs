//! The clean-up: images and configurations that no app needs any more. After each deployment for its app; daily, before a build that finds
//! little space, and on request for all. What is not ours, what is kept, and what somebody uses is never touched.
//!
//! A decision and its note in the rows are one transaction, and what goes back to an older deployment looks at that note in its own: so
//! of the two the later one sees the earlier one. Only then the engine is asked; of what stays all the same the note is taken back, after a
//! loss of the engine by the next clean-up. It goes in small pieces, between which everybody else writes.

mod daily;
mod jobs;
mod plan;
mod removed;
mod snapshots;
mod strays;

pub use jobs::Going;
pub use plan::Fate;

pub(super) use daily::daily;
pub(super) use jobs::{cache_subject, remove_image, start, start_pruning};
pub(super) use plan::is_made_here;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};

use super::{
    Shared,
    job::Job,
    kept,
    platform::{Failure, FailureKind},
};
use crate::{
    audit, db,
    domain::{
        app::App,
        audit::{Act, Action, Actor, Resource, Subject},
        deployment::Cause,
        ids::AppId,
        image::{BuiltImage, Removal},
    },
};
use plan::{Known, fate};
use removed::Removed;

/// So much of an image's id is its name for people.
const SHORT_ID_CHARS: usize = 12;
/// So many images are decided on in one transaction: a webhook that comes meanwhile waits for milliseconds.
const AT_ONCE: usize = 100;
/// How long others have the database for themselves in between.
const PAUSE: Duration = Duration::from_millis(20);

/// Who cleans up, and for whom it is to be done next.
#[derive(Default)]
pub(super) struct CleanUp {
    /// Held by whoever cleans up.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Apps with a deployment that has ended. Held for a look-up.
    wanted: Mutex<BTreeSet<AppId>>,
    wake: Notify,
    /// For a person.
    job: Job,
    pruning: Job,
}

/// What clean-ups are done to.
pub(super) fn subject() -> Subject {
    Subject::new(Resource::Engine, "", "clean-up")
}

/// What the removal of an image is done to.
pub(super) fn image_subject(id: &str) -> Subject {
    let short: String = id.trim_start_matches("sha256:").chars().take(SHORT_ID_CHARS).collect();
    Subject::new(Resource::Image, id, short)
}

/// Cleans up after deployments until µPaaS stops.
pub(super) async fn after_deployments(shared: Arc<Shared>) {
    let woken = async || shared.cleaning.wake.notified().await;
    while shared.stop.run_until_cancelled(woken()).await.is_some() {
        let wanted = std::mem::take(&mut *shared.cleaning.wanted.lock().expect("no panic while held"));
        if wanted.is_empty() {
            continue;
        }
        let cleaned = shared.stop.run_until_cancelled(clean(&shared, Some(wanted.clone()), &Actor::upaas())).await;
        if let Some(Err(failure)) = cleaned.map(|cleaned| cleaned.and_then(Cleaned::whole)) {
            shared.cleaning.wanted.lock().expect("no panic while held").extend(wanted);
            tracing::warn!(
                reason = %failure.sentence, error = failure.chain(), "the clean-up after a deployment failed; the next one goes on with it"
            );
        }
    }
}

/// A clean-up that went to its end.
pub(super) struct Cleaned {
    /// What went.
    said: String,
    /// The images that could not be removed, if there are any.
    stuck: Option<Failure>,
}

impl Cleaned {
    /// What went, when nothing is left that should have gone, too.
    pub(super) fn whole(self) -> Result<String, Failure> {
        self.stuck.map_or(Ok(self.said), Err)
    }
}

/// Cleans up for these apps, or for all of them, and records what went. Waits for a clean-up that goes on. Once it is
/// its turn it goes on to its end, or until µPaaS stops, whether or not its caller still waits: what went is recorded.
pub(super) async fn clean(shared: &Arc<Shared>, only: Option<BTreeSet<AppId>>, by: &Actor) -> Result<Cleaned, Failure> {
    let turn = shared.cleaning.turn.clone().lock_owned().await;
    let (task_shared, by) = (shared.clone(), by.clone());
    let cleaning = shared.tasks.spawn(async move {
        let _turn = turn;
        clean_and_sum_up(&task_shared, only.as_ref(), &by).await
    });
    cleaning.await.unwrap_or_else(|panicked| Err(Failure::internal(panicked)))
}

/// Cleans up; what a person has asked for has an entry of its own about the whole.
async fn clean_and_sum_up(shared: &Shared, only: Option<&BTreeSet<AppId>>, by: &Actor) -> Result<Cleaned, Failure> {
    let mut removed = Removed::default();
    let broken = clean_apps(shared, only, by, &mut removed).await.err();
    let stuck = removed.failure();
    let said = removed.said();
    if by.user.is_some() {
        let act = Act::done(Action::Cleanup, by, subject());
        let act = match broken.as_ref().or(stuck.as_ref()) {
            None => act.detail(&said),
            Some(failure) => act.failed(format!("{} Before that: {said}", failure.sentence)),
        };
        record(shared, &act).await;
    }
    if removed.has_images() || by.user.is_some() {
        shared.disk.look_again();
        shared.changes.tell();
    }
    broken.map_or(Ok(Cleaned { said, stuck }), Err)
}

/// Cleans up for app after app, and records of each what went. What cannot be removed holds nothing else up, unless the engine is lost.
async fn clean_apps(shared: &Shared, only: Option<&BTreeSet<AppId>>, by: &Actor, removed: &mut Removed) -> Result<(), Failure> {
    let builder = &shared.platform.builder;
    let images = unless_stopped(shared, async {
        // What it gave back is said to a person as truly as it was promised.
        if by.user.is_some() { measured_if_soon(shared).await } else { builder.images().await }
    })
    .await??;
    for app in db::apps::all(shared.db.read()).await.map_err(Failure::internal)? {
        if only.is_some_and(|only| !only.contains(&app.id)) {
            continue;
        }
        let mut of_app = Removed::default();
        let mut cleaned = clean_images(shared, &app, &images, &mut of_app).await;
        if cleaned.is_ok() {
            cleaned = snapshots::remove(shared, &app, &mut of_app).await;
        }
        if of_app.has_images() {
            record(shared, &Act::done(Action::Cleanup, by, Subject::app(&app)).detail(of_app.said())).await;
        }
        removed.add(of_app);
        cleaned?;
    }
    Ok(())
}

/// Our images, with what they share where the engine measures that in time: without it, it is only said how much goes at most.
async fn measured_if_soon(shared: &Shared) -> Result<Vec<BuiltImage>, Failure> {
    let builder = &shared.platform.builder;
    match builder.measured_images().await {
        Err(failure) if failure.kind == FailureKind::EngineSlow => builder.images().await,
        listed => listed,
    }
}

/// An image that the engine shows, or that only a row names.
type Named<'a> = (String, Option<&'a BuiltImage>);

/// Piece by piece: decides, notes and commits; then asks the engine.
async fn clean_images(shared: &Shared, app: &App, images: &[BuiltImage], removed: &mut Removed) -> Result<(), Failure> {
    let rows = db::images::of_ended(shared.db.read(), app.id).await.map_err(Failure::internal)?;
    let mut named: BTreeMap<String, Option<&BuiltImage>> = rows.into_iter().map(|row| (row.image, None)).collect();
    named.extend(images.iter().filter(|image| image.app == Some(app.id)).map(|image| (image.id.clone(), Some(image))));
    let named: Vec<Named> = named.into_iter().collect();
    for piece in named.chunks(AT_ONCE) {
        for image in note(shared, app.id, piece).await.map_err(Failure::internal)? {
            remove(shared, app, image, removed).await?;
        }
        pause(shared).await?;
    }
    Ok(())
}

/// Notes in the rows which images go; returns those that the engine shows.
async fn note<'a>(shared: &Shared, app: AppId, piece: &[Named<'a>]) -> Result<Vec<&'a BuiltImage>, db::Error> {
    // Nobody else writes until this is committed, so what is read beside it is as it will be.
    let mut tx = shared.db.begin().await?;
    let Some(app) = db::apps::find(&mut *tx, app).await? else { return Ok(Vec::new()) };
    let shown = piece.iter().filter_map(|(_, image)| *image);
    let known = HashMap::from([(app.id, known_of(shared, &app, shown).await?)]);
    let mut going = Vec::new();
    for (id, image) in piece {
        let goes = match image {
            Some(image) => fate(image, &known) == Fate::Goes,
            None => !known[&app.id].needed.contains(id),
        };
        if goes {
            db::images::set_removed(&mut *tx, app.id, id).await?;
            going.extend(*image);
        }
    }
    tx.commit().await?;
    Ok(going)
}

/// Asks the engine. What stays is noted to be there again; that it could not be removed is an error only when the engine is lost.
async fn remove(shared: &Shared, app: &App, image: &BuiltImage, removed: &mut Removed) -> Result<(), Failure> {
    match unless_stopped(shared, shared.platform.builder.remove_image(image)).await? {
        Ok(Removal::Gone) => {
            removed.image(app, image);
            return Ok(());
        }
        Ok(Removal::Stays) => {}
        Err(failure) if failure.kind == FailureKind::EngineLost => return Err(failure),
        Err(failure) => removed.stuck(app, image, failure),
    }
    db::images::set_there(shared.db.write(), app.id, &image.id).await.map_err(Failure::internal)
}

/// What the database knows of the images of all apps, as far as it matters for these.
async fn known(shared: &Shared, images: &[BuiltImage]) -> Result<HashMap<AppId, Known>, db::Error> {
    let mut known = HashMap::new();
    for app in db::apps::all(shared.db.read()).await? {
        let of_app = images.iter().filter(|image| image.app == Some(app.id));
        known.insert(app.id, known_of(shared, &app, of_app).await?);
    }
    Ok(known)
}

async fn known_of(shared: &Shared, app: &App, images: impl Iterator<Item = &BuiltImage>) -> Result<Known, db::Error> {
    let kept = kept::of(shared, app).await?;
    let unfinished = db::deployments::unfinished(shared.db.read(), app.id).await?;
    let ended = db::images::of_ended(shared.db.read(), app.id).await?;
    let needed = ended.iter().filter(|it| kept.contains(&it.id)).map(|it| it.image.clone());
    let numbers: Vec<i64> = images.filter_map(|image| image.deployment).collect();
    Ok(Known {
        needed: needed.chain(unfinished.iter().filter_map(|it| it.image.clone())).collect(),
        unfinished: unfinished.iter().map(|it| it.number).collect(),
        numbers: db::images::builders_among(shared.db.read(), app.id, &numbers).await?,
        images: ended.into_iter().map(|it| it.image).collect(),
    })
}

/// What becomes of each of these images, as far as the database knows now.
pub(super) async fn fates(shared: &Shared, images: Vec<BuiltImage>) -> Result<Vec<(BuiltImage, Fate)>, db::Error> {
    let known = known(shared, &images).await?;
    Ok(images.into_iter().map(|image| (fate(&image, &known), image)).map(|(fate, image)| (image, fate)).collect())
}

async fn record(shared: &Shared, act: &Act) {
    if let Err(err) = audit::record_alone(&shared.db, act).await {
        tracing::error!(error = ?err, "a clean-up could not be recorded");
    }
}

/// Lets others have the database.
async fn pause(shared: &Shared) -> Result<(), Failure> {
    unless_stopped(shared, sleep(PAUSE)).await
}

/// Waits for something; an error when µPaaS stops meanwhile.
async fn unless_stopped<T>(shared: &Shared, work: impl Future<Output = T>) -> Result<T, Failure> {
    let stopped = || Failure::new(Cause::Internal, "It was interrupted, because µPaaS was stopped.");
    shared.stop.run_until_cancelled(work).await.ok_or_else(stopped)
}

impl Shared {
    /// Cleans up for an app, soon.
    pub(super) fn clean_up_after(&self, app: AppId) {
        self.cleaning.wanted.lock().expect("no panic while held").insert(app);
        self.cleaning.wake.notify_one();
    }
}
