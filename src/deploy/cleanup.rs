//! The clean-up: images and configurations that no app needs any more. After each deployment for its app; daily, before a build that finds
//! little space, and on request for all. What is not ours, what is kept, and what somebody uses is never touched.
//!
//! The decision and its note in the rows are one transaction, and what goes back to an older deployment looks at that note in its own: so
//! of the two the later one sees the earlier one. Only then the engine is asked, and what it refuses stays.

mod plan;

pub use plan::Fate;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex},
};

use tokio::sync::Notify;

use super::{
    Error, Shared,
    job::{Came, Job},
    kept,
    platform::Failure,
};
use crate::{
    audit, db,
    domain::{
        app::App,
        audit::{Act, Action, Actor, Resource, Subject},
        ids::AppId,
        image::{BuiltImage, Removal},
        moment::Moment,
        size::size,
    },
};
use plan::{Known, fate};

/// So much of an image's id is its name for people.
const SHORT_ID_CHARS: usize = 12;

/// Who cleans up, and for whom it is to be done next.
#[derive(Default)]
pub(super) struct CleanUp {
    /// Held by whoever cleans up.
    turn: tokio::sync::Mutex<()>,
    /// Apps with a deployment that has ended. Held for a look-up.
    wanted: Mutex<BTreeSet<AppId>>,
    wake: Notify,
    /// For a person.
    job: Job,
    pruning: Job,
}

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

/// What a clean-up has removed.
#[derive(Default)]
struct Removed {
    /// Of each app how many images.
    images: Vec<(String, usize)>,
    /// At most what they gave back.
    bytes: u64,
    /// How many configurations.
    snapshots: usize,
}

impl Removed {
    /// `3 images of shop, 1 of blog went, up to 12 MB; 4 configurations went`.
    fn said(&self) -> String {
        let images: Vec<String> = self.images.iter().map(|(app, count)| format!("{count} of {app}")).collect();
        let images = (!images.is_empty()).then(|| format!("images: {} went, up to {}", images.join(", "), size(self.bytes)));
        let snapshots = match self.snapshots {
            0 => None,
            1 => Some("1 configuration went".to_owned()),
            many => Some(format!("{many} configurations went")),
        };
        let said: Vec<String> = images.into_iter().chain(snapshots).collect();
        if said.is_empty() { "nothing was there to go".to_owned() } else { said.join("; ") }
    }
}

/// What clean-ups are done to.
pub(super) fn subject() -> Subject {
    Subject::new(Resource::Engine, "", "clean-up")
}

/// What pruning the builder's cache is done to.
pub(super) fn cache_subject() -> Subject {
    Subject::new(Resource::Engine, "", "builder cache")
}

/// Cleans up after deployments until µPaaS stops.
pub(super) async fn after_deployments(shared: Arc<Shared>) {
    let woken = async || shared.cleaning.wake.notified().await;
    while shared.stop.run_until_cancelled(woken()).await.is_some() {
        let wanted = std::mem::take(&mut *shared.cleaning.wanted.lock().expect("no panic while held"));
        if let Some(Err(err)) = shared.stop.run_until_cancelled(clean(&shared, Some(&wanted), &Actor::upaas())).await {
            tracing::warn!(reason = %err.sentence, error = err.chain(), "the clean-up after a deployment failed; the next one goes on with it");
        }
    }
}

/// Cleans up for all apps, by itself, and lets git tidy up their mirrors.
pub(super) async fn daily(shared: &Shared) {
    if let Err(failure) = clean(shared, None, &Actor::upaas()).await {
        tracing::warn!(reason = %failure.sentence, error = failure.chain(), "the daily clean-up failed; it is tried again");
    }
    let apps = db::apps::all(shared.db.read()).await.unwrap_or_default();
    for app in apps {
        match shared.platform.source.compact(app.id).await {
            Ok(true) => {}
            Ok(false) => tracing::debug!(app = %app.slug, "a mirror is tidied up the next time: a fetch goes first"),
            Err(failure) => {
                tracing::warn!(app = %app.slug, reason = %failure.sentence, error = failure.chain(), "a mirror could not be tidied up");
            }
        }
    }
}

/// Starts a clean-up for a person. Refused while one is going on.
pub(super) fn start(shared: &Arc<Shared>, by: &Actor) -> Result<(), Error> {
    if !shared.cleaning.job.begin() {
        return Err(Error::Refused("A clean-up is running already. Its result is shown when it is done.".to_owned()));
    }
    let (task_shared, by) = (shared.clone(), by.clone());
    shared.tasks.spawn(async move {
        let cleaned = task_shared.stop.run_until_cancelled(clean(&task_shared, None, &by)).await;
        let said = match cleaned {
            Some(Ok(said)) => Ok(said),
            Some(Err(failure)) => Err(failed(&task_shared, subject(), &by, &failure).await),
            None => Err("It was interrupted.".to_owned()),
        };
        task_shared.cleaning.job.end_with(said);
        task_shared.changes.tell();
    });
    Ok(())
}

/// Starts the pruning of the builder's cache for a person. Refused while it is going on.
pub(super) fn start_pruning(shared: &Arc<Shared>, by: &Actor) -> Result<(), Error> {
    if !shared.cleaning.pruning.begin() {
        return Err(Error::Refused("The builder's cache is being pruned already. The result is shown when that is done.".to_owned()));
    }
    let (task_shared, by) = (shared.clone(), by.clone());
    shared.tasks.spawn(async move {
        let pruned = task_shared.stop.run_until_cancelled(task_shared.platform.builder.prune_cache()).await;
        let said = match pruned {
            Some(Ok(bytes)) => {
                let said = format!("{} of the builder's cache went", size(bytes));
                record(&task_shared, &Act::done(Action::Cleanup, &by, cache_subject()).detail(&said)).await;
                Ok(said)
            }
            Some(Err(failure)) => Err(failed(&task_shared, cache_subject(), &by, &failure).await),
            None => Err("It was interrupted.".to_owned()),
        };
        task_shared.disk.look_again();
        task_shared.cleaning.pruning.end_with(said);
        task_shared.changes.tell();
    });
    Ok(())
}

/// Removes an image of no app for a person.
pub(super) async fn remove_image(shared: &Shared, id: &str, by: &Actor) -> Result<(), Error> {
    let _turn = shared.cleaning.turn.lock().await;
    let images = shared.platform.builder.images().await.map_err(Error::from_engine)?;
    let known = known(shared).await?;
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

/// What the removal of an image is done to.
pub(super) fn image_subject(id: &str) -> Subject {
    let short: String = id.trim_start_matches("sha256:").chars().take(SHORT_ID_CHARS).collect();
    Subject::new(Resource::Image, id, short)
}

/// Cleans up for these apps, or for all of them, and records what went; says what that was.
pub(super) async fn clean(shared: &Shared, only: Option<&BTreeSet<AppId>>, by: &Actor) -> Result<String, Failure> {
    let _turn = shared.cleaning.turn.lock().await;
    let images = shared.platform.builder.images().await?;
    let apps = db::apps::all(shared.db.read()).await.map_err(Failure::internal)?;
    let mut removed = Removed::default();
    let mut broken = None;
    for app in apps.iter().filter(|app| only.is_none_or(|only| only.contains(&app.id))) {
        broken = clean_app(shared, app, &images, &mut removed).await.err();
        if broken.is_some() {
            break;
        }
    }
    let said = removed.said();
    if !removed.images.is_empty() || by.user.is_some() {
        shared.disk.look_again();
        let subject = match apps.iter().find(|app| only.is_some_and(|only| only.len() == 1 && only.contains(&app.id))) {
            Some(app) => Subject::app(app),
            None => subject(),
        };
        record(shared, &Act::done(Action::Cleanup, by, subject).detail(&said)).await;
        shared.changes.tell();
    }
    broken.map_or(Ok(said), Err)
}

/// Decides, notes and commits; then asks the engine.
async fn clean_app(shared: &Shared, app: &App, images: &[BuiltImage], removed: &mut Removed) -> Result<(), Failure> {
    let (going, snapshots) = decide(shared, app, images).await.map_err(Failure::internal)?;
    removed.snapshots += snapshots;
    let mut gone = 0;
    let mut failed = None;
    for image in going {
        match shared.platform.builder.remove_image(image).await {
            Ok(Removal::Gone) => {
                gone += 1;
                removed.bytes += image.gives_back();
            }
            Ok(Removal::Stays) => {}
            Err(failure) => failed = Some(failure),
        }
        if failed.is_some() {
            break;
        }
    }
    if gone > 0 {
        removed.images.push((app.slug.to_string(), gone));
    }
    failed.map_or(Ok(()), Err)
}

/// Notes in the rows what goes; returns the images, and how many configurations went.
async fn decide<'a>(shared: &Shared, app: &App, images: &'a [BuiltImage]) -> Result<(Vec<&'a BuiltImage>, usize), db::Error> {
    // Nobody else writes until this is committed, so what is read beside it is as it will be.
    let mut tx = shared.db.begin().await?;
    let Some(app) = db::apps::find(&mut *tx, app.id).await? else { return Ok((Vec::new(), 0)) };
    let kept = kept::of(shared, &app).await?;
    let known = HashMap::from([(app.id, known_of(shared, &app).await?)]);
    let of_app: Vec<&BuiltImage> = images.iter().filter(|image| image.app == Some(app.id)).collect();
    let (going, staying): (Vec<&BuiltImage>, Vec<&BuiltImage>) = of_app.into_iter().partition(|image| fate(image, &known) == Fate::Goes);
    let staying: HashSet<&String> = staying.into_iter().map(|image| &image.id).chain(&known[&app.id].needed).collect();
    for row in db::images::of_ended(&mut *tx, app.id).await? {
        if !staying.contains(&row.image) {
            db::images::set_removed(&mut *tx, row.id).await?;
        }
    }
    let mut snapshots = 0;
    if let Some(live) = app.live_deployment {
        let live = db::deployments::get(&mut *tx, live).await?;
        for (deployment, snapshot) in db::snapshots::before(&mut *tx, app.id, live.number).await? {
            if !kept.contains(&deployment) {
                db::deployments::set_snapshot(&mut *tx, deployment, None).await?;
                db::snapshots::remove(&mut tx, snapshot).await?;
                snapshots += 1;
            }
        }
    }
    tx.commit().await?;
    Ok((going, snapshots))
}

/// What the database knows of the images of all apps.
async fn known(shared: &Shared) -> Result<HashMap<AppId, Known>, db::Error> {
    let mut known = HashMap::new();
    for app in db::apps::all(shared.db.read()).await? {
        known.insert(app.id, known_of(shared, &app).await?);
    }
    Ok(known)
}

async fn known_of(shared: &Shared, app: &App) -> Result<Known, db::Error> {
    let kept = kept::of(shared, app).await?;
    let unfinished = db::deployments::unfinished(shared.db.read(), app.id).await?;
    let ended = db::images::of_ended(shared.db.read(), app.id).await?;
    let needed = ended.into_iter().filter(|it| kept.contains(&it.id)).map(|it| it.image);
    Ok(Known {
        needed: needed.chain(unfinished.iter().filter_map(|it| it.image.clone())).collect(),
        unfinished: unfinished.iter().map(|it| it.number).collect(),
        last_number: db::apps::last_number(shared.db.read(), app.id).await?,
    })
}

/// What becomes of each of these images, as far as the database knows now.
pub(super) async fn fates(shared: &Shared, images: Vec<BuiltImage>) -> Result<Vec<(BuiltImage, Fate)>, db::Error> {
    let known = known(shared).await?;
    Ok(images.into_iter().map(|image| (fate(&image, &known), image)).map(|(fate, image)| (image, fate)).collect())
}

/// Records and says that something did not work.
async fn failed(shared: &Shared, subject: Subject, by: &Actor, failure: &Failure) -> String {
    tracing::warn!(reason = %failure.sentence, error = failure.chain(), "a clean-up failed");
    record(shared, &Act::done(Action::Cleanup, by, subject).failed(&failure.sentence)).await;
    failure.sentence.clone()
}

async fn record(shared: &Shared, act: &Act) {
    if let Err(err) = audit::record_alone(&shared.db, act).await {
        tracing::error!(error = ?err, "a clean-up could not be recorded");
    }
}

impl Shared {
    /// Cleans up for an app, soon.
    pub(super) fn clean_up_after(&self, app: AppId) {
        self.cleaning.wanted.lock().expect("no panic while held").insert(app);
        self.cleaning.wake.notify_one();
    }

    /// What a person has started.
    pub(super) fn cleans_up(&self) -> Going {
        Going::of(&self.cleaning.job)
    }

    /// What a person has started at the builder's cache.
    pub(super) fn prunes(&self) -> Going {
        Going::of(&self.cleaning.pruning)
    }

    /// Waits a moment for what a person has just started.
    pub(super) async fn cleaned_soon(&self) {
        tokio::join!(self.cleaning.job.end_soon(), self.cleaning.pruning.end_soon());
    }
}
