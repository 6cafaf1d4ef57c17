//! Apps that are deleted. At once nobody finds the app any more; then a task of its own takes away what it has on the engine and in the
//! data directory, and its rows last, some at a time. What does not work now is tried again until it does, also after another start.

mod folder;

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{task::spawn_blocking, time::sleep};

use super::{
    Error, Shared, cleanup, lifecycle,
    platform::{Failure, FailureKind},
    recover,
    sight::expect_all_shown,
};
use crate::{
    audit, db,
    domain::{
        app::App,
        app_config::process::StopGrace,
        audit::{Act, Action, Actor, Resource, Subject},
        container::Listed,
        deletion::Deletion,
        deployment::{Cause, Status},
        engine::EngineState,
        ids::AppId,
        image::{BuiltImage, Removal},
        moment::Moment,
    },
};

/// So many rows go at once: a webhook that comes meanwhile waits for milliseconds.
const ROWS_AT_ONCE: i64 = 200;
/// How long others have the database for themselves in between.
const PAUSE: Duration = Duration::from_millis(20);
/// What does not work is tried again this late at most.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// Why deletions do not get on.
#[derive(Default)]
pub(super) struct Hindered(Mutex<HashMap<AppId, String>>);

impl Hindered {
    /// Held for what is done with it.
    fn with<T>(&self, look: impl FnOnce(&mut HashMap<AppId, String>) -> T) -> T {
        look(&mut self.0.lock().expect("no panic while held"))
    }
}

/// A deleted app of which something is left.
#[derive(Debug, Clone)]
pub struct Leaving {
    /// What is left to do.
    pub deletion: Deletion,
    /// What it waits for, in a sentence; none while it gets on.
    pub waits_for: Option<String>,
}

/// Deletes an app, unless a deployment runs.
pub(super) async fn begin(shared: &Arc<Shared>, app: &App, volumes: bool, by: &Actor) -> Result<(), Error> {
    let seat = lifecycle::seat(shared, app).await?;
    let mut tx = shared.db.begin().await?;
    let unfinished = db::deployments::unfinished(&mut *tx, app.id).await?;
    if let Some(running) = unfinished.iter().find(|it| it.status != Status::Queued) {
        return Err(lifecycle::is_busy(running));
    }
    let now = db::apps::get(&mut *tx, app.id).await?;
    let stop_grace = match now.live_deployment {
        Some(live) => {
            let live = db::deployments::get(&mut *tx, live).await?;
            db::snapshots::of(&mut *tx, &now, Some(&live)).await?.run.process.stop_grace
        }
        None => StopGrace::default(),
    };
    let deletion = Deletion {
        app: app.id,
        slug: app.slug.clone(),
        volumes,
        stop_grace: stop_grace.into(),
        requested_by: by.name.clone(),
        requested_at: Moment::now(),
    };
    db::deletions::begin(&mut tx, &deletion).await?;
    let volumes = if volumes { "the folders of its volumes go, too" } else { "its volumes stay" };
    let detail = format!("its container, images, mirror, journals, keys and history go; {volumes}");
    audit::record(&mut tx, &Act::done(Action::AppDelete, by, Subject::app(app)).detail(detail)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    drop(seat);
    carry_out(shared, deletion);
    Ok(())
}

/// Goes on with what an earlier µPaaS has begun.
pub(super) async fn resume(shared: Arc<Shared>) {
    loop {
        match db::deletions::all(shared.db.read()).await {
            Ok(deletions) => return deletions.into_iter().for_each(|it| carry_out(&shared, it)),
            Err(err) => tracing::error!(error = ?err, "which apps are being deleted cannot be read; it is tried again"),
        }
        if shared.stop.run_until_cancelled(sleep(shared.limits.engine_retry)).await.is_none() {
            return;
        }
    }
}

/// What is left of deleted apps.
pub(super) async fn all(shared: &Shared) -> Result<Vec<Leaving>, db::Error> {
    let deletions = db::deletions::all(shared.db.read()).await?;
    Ok(deletions.into_iter().map(|deletion| leaving(shared, deletion)).collect())
}

/// With what a deletion waits for.
pub(super) fn leaving(shared: &Shared, deletion: Deletion) -> Leaving {
    let waits_for = match *shared.engine.borrow() {
        EngineState::Down { .. } => Some("It waits for the engine, which cannot be reached.".to_owned()),
        EngineState::Up(_) | EngineState::Unknown => shared.hindered.with(|why| why.get(&deletion.app).cloned()),
    };
    Leaving { deletion, waits_for }
}

/// Carries a deletion out, as a task that ends with it. Two of one app wait for each other, and the second one finds nothing.
fn carry_out(shared: &Arc<Shared>, deletion: Deletion) {
    let task_shared = shared.clone();
    shared.tasks.spawn(async move {
        let stop = task_shared.stop.clone();
        stop.run_until_cancelled(until_done(&task_shared, &deletion)).await
    });
}

async fn until_done(shared: &Shared, deletion: &Deletion) {
    let app = deletion.app;
    shared.workers.lock().expect("no panic while held").remove(&app);
    // For as long as it takes: nobody else has anything to do there any more.
    let _seat = shared.seats.take(app).await;
    let mut pause = shared.limits.engine_retry;
    while let Err(failure) = remove(shared, deletion).await {
        let before = shared.hindered.with(|why| why.insert(app, failure.sentence.clone()));
        if before.as_ref() != Some(&failure.sentence) {
            tracing::warn!(app = %deletion.slug, reason = %failure.sentence, error = failure.chain(), "an app is not deleted yet");
            shared.changes.tell();
            pause = shared.limits.engine_retry;
        }
        if failure.kind == FailureKind::EngineLost && !shared.engine_is_up() {
            let mut engine = shared.engine.subscribe();
            let up = engine.wait_for(EngineState::is_up).await;
            drop(up.expect("the sender lives in `shared`"));
            pause = shared.limits.engine_retry;
        }
        sleep(pause).await;
        pause = later(pause);
    }
    shared.hindered.with(|why| why.remove(&app));
    shared.seats.forget(app);
    tracing::info!(app = %deletion.slug, "an app is deleted");
    shared.changes.tell();
}

/// The pause after this one.
fn later(pause: Duration) -> Duration {
    (pause * 2).min(RETRY_MAX)
}

/// Removes everything of it: first what runs, last what it is found by.
async fn remove(shared: &Shared, deletion: &Deletion) -> Result<(), Failure> {
    let app = deletion.app;
    remove_containers(shared, deletion).await?;
    let mut left = Left::default();
    let builder = &shared.platform.builder;
    let rows = db::images::of_ended(shared.db.read(), app).await.map_err(Failure::internal)?;
    let known = rows.into_iter().map(|row| row.image).collect();
    let is_its = |it: &&BuiltImage| it.app == Some(app) && cleanup::is_made_here(it, &known);
    for image in builder.images().await?.iter().filter(is_its) {
        left.images += usize::from(builder.remove_image(image).await? == Removal::Stays);
    }
    // Who waits there to fetch would make a mirror anew.
    shared.platform.source.close(app).await;
    let mut folders = shared.files.of_app(app);
    folders.extend(builds(shared, app).await?);
    for folder in folders {
        remove_folder(folder).await.map_err(in_the_data_directory)?;
    }
    if deletion.volumes {
        let (folder, stop) = (shared.files.volumes(app), shared.stop.clone());
        let removed = spawn_blocking(move || folder::remove(&folder, &stop)).await.map_err(Failure::internal)?;
        left.volumes = removed.err();
    }
    remove_rows(shared, deletion, &left).await
}

/// Removes its containers, and sees to it that the engine has none of them any more: what they use is in their way until then.
async fn remove_containers(shared: &Shared, deletion: &Deletion) -> Result<(), Failure> {
    for container in containers(shared, deletion.app).await?.shown {
        shared.stop_container(&container.id, deletion.stop_grace).await?;
        shared.platform.runtime.remove(&container.id).await?;
        shared.forget_stop(&container.id);
        shared.picture.forget(&container.id);
    }
    let left = containers(shared, deletion.app).await?;
    expect_all_shown(&left.unshown)?;
    match left.shown.first() {
        Some(left) => {
            let sentence = format!("The engine has not removed the container {:.12} yet.", left.id);
            Err(Failure::new(Cause::Engine, sentence).kind(FailureKind::EngineSlow))
        }
        None => Ok(()),
    }
}

/// Its containers that µPaaS has made; of those that are not shown that is not known.
async fn containers(shared: &Shared, app: AppId) -> Result<Listed, Failure> {
    let Listed { shown, unshown } = shared.containers_of(app).await?;
    let mut ours = Vec::new();
    for container in shown {
        if recover::is_ours(shared, &container).await.map_err(Failure::internal)? {
            ours.push(container);
        }
    }
    Ok(Listed { shown: ours, unshown })
}

/// What a deletion leaves.
#[derive(Default)]
struct Left {
    /// Images that somebody else uses, or has given a name.
    images: usize,
    /// Why files of its volumes are left: they may be somebody else's, and not µPaaS's to remove.
    volumes: Option<String>,
}

impl Left {
    /// What is said of it; none when nothing is left.
    fn said(&self, shared: &Shared, deletion: &Deletion) -> Option<Act> {
        let act = Act::done(Action::AppDelete, &Actor::upaas(), Subject::new(Resource::App, deletion.app, deletion.slug.as_str()));
        let images = match self.images {
            0 => None,
            1 => Some("1 image stays: somebody else uses it or has given it a name".to_owned()),
            many => Some(format!("{many} images stay: somebody else uses them or has given them a name")),
        };
        let folder = shared.files.volumes(deletion.app);
        let volumes = self.volumes.as_ref().map(|why| {
            format!("µPaaS could not remove all files of its volumes: {why}; look into {} and remove it by hand", folder.display())
        });
        match (images, volumes) {
            (None, None) => None,
            (Some(images), None) => Some(act.detail(images)),
            (None, Some(volumes)) => Some(act.failed(volumes)),
            (Some(images), Some(volumes)) => Some(act.detail(images).failed(volumes)),
        }
    }
}

/// The folders in which deployments of the app were built.
async fn builds(shared: &Shared, app: AppId) -> Result<Vec<PathBuf>, Failure> {
    let (root, prefix) = (shared.files.builds(), format!("{app}-"));
    let list = move || -> io::Result<Vec<PathBuf>> {
        let entries = match std::fs::read_dir(root) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?.flatten(),
        };
        Ok(entries.filter(|it| it.file_name().to_string_lossy().starts_with(&prefix)).map(|it| it.path()).collect())
    };
    spawn_blocking(list).await.map_err(Failure::internal)?.map_err(in_the_data_directory)
}

async fn remove_folder(folder: PathBuf) -> io::Result<()> {
    let removed = spawn_blocking(move || std::fs::remove_dir_all(folder)).await.map_err(io::Error::other)?;
    match removed {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        _ => Ok(()),
    }
}

fn in_the_data_directory(err: io::Error) -> Failure {
    let sentence = format!("Its files in µPaaS's data directory could not be removed: {err}.");
    Failure { sentence, ..Failure::internal(err) }
}

async fn remove_rows(shared: &Shared, deletion: &Deletion, left: &Left) -> Result<(), Failure> {
    while remove_some_rows(shared, deletion, left).await.map_err(Failure::internal)? {
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Whether there are more. With the last ones it is said what is left.
async fn remove_some_rows(shared: &Shared, deletion: &Deletion, left: &Left) -> Result<bool, db::Error> {
    let mut tx = shared.db.begin().await?;
    let more = db::deletions::remove_some(&mut tx, deletion.app, ROWS_AT_ONCE).await? > 0;
    if !more {
        db::deletions::finish(&mut tx, deletion.app).await?;
        if let Some(act) = left.said(shared, deletion) {
            audit::record(&mut tx, &act).await?;
        }
    }
    tx.commit().await?;
    Ok(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_minute() {
        let pauses: Vec<u64> =
            std::iter::successors(Some(Duration::from_secs(2)), |it| Some(later(*it))).take(7).map(|it| it.as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60]);
    }
}
