//! The system's page: each component, the engine, the queue, the machine, the database's integrity, and containers that nobody knows.

mod components;
mod costs;
mod integrity;
mod machine;

pub(super) use costs::{clean_up, prune_builder_cache, remove_image};
pub(super) use integrity::check as check_integrity;

use std::time::Duration;

use axum::response::{Redirect, Response};
use serde::Serialize;

use super::{
    error::Error,
    form::Typed,
    frame::When,
    live,
    present::{self, Badge},
    ui::Ui,
    view::{Mood, Piece, View, Watched},
};
use crate::{
    db,
    domain::{app::App, container::Observed, deployment::Deployment, engine::EngineState, moment::Moment},
};
use components::Components;
use costs::{ByApp, CleanUp};
use integrity::Integrity;
use machine::{Disk, Host};

/// What would become of each image and container takes several questions for each app.
const PAUSE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Show {
    as_of: When,
    components: Components,
    engine: Engine,
    queue: Vec<Queued>,
    host: Host,
    disk: Disk,
    by_app: ByApp,
    clean_up: CleanUp,
    integrity: Integrity,
    orphans: Listed<Orphan>,
}

impl View for Show {
    const TEMPLATE: &'static str = "system/show.html";
}

impl Watched for Show {
    const PIECES: &'static [Piece] = &[
        Piece { id: "components", template: "system/_components.html" },
        Piece { id: "system-engine", template: "system/_engine.html" },
        Piece { id: "queue", template: "system/_queue.html" },
        Piece { id: "disk-by-app", template: "system/_disk_by_app.html" },
        Piece { id: "clean-up", template: "system/_clean_up.html" },
        Piece { id: "integrity", template: "system/_integrity.html" },
        Piece { id: "orphans", template: "system/_orphans.html" },
    ];
    const PAUSE: Duration = PAUSE;

    fn title(&self) -> String {
        present::title(self.mood(), "System".to_owned())
    }

    fn mood(&self) -> Mood {
        match (self.engine.badge.kind, self.components.badge.kind) {
            ("failed", _) | (_, "failed") => Mood::Failed,
            _ if self.queue.is_empty() && !self.integrity.checking && !self.clean_up.is_busy() => Mood::Ok,
            _ => Mood::Busy,
        }
    }
}

#[derive(Serialize)]
struct Engine {
    badge: Badge,
    version: Option<String>,
    api: Option<String>,
    down_since: Option<When>,
}

/// A deployment that has not ended.
#[derive(Serialize)]
struct Queued {
    app: String,
    number: i64,
    url: String,
    badge: Badge,
    trigger: String,
    waits_for: Option<String>,
    when: When,
}

/// So many of what only a person removes are shown.
const LISTED_MAX: usize = 50;

/// The first of many.
#[derive(Serialize)]
struct Listed<T> {
    first: Vec<T>,
    /// How many there are beside them.
    more: usize,
}

impl<T> Listed<T> {
    fn new(mut all: impl ExactSizeIterator<Item = T>) -> Self {
        let first: Vec<T> = all.by_ref().take(LISTED_MAX).collect();
        Self { first, more: all.len() }
    }
}

/// A container that we made and the database does not know.
#[derive(Serialize)]
struct Orphan {
    container: String,
    short: String,
    app: String,
    /// Its app, when that is in the database.
    app_name: Option<String>,
    app_url: Option<String>,
    number: i64,
    running: bool,
    since: Option<When>,
}

pub(super) async fn show(ui: Ui) -> Result<Response, Error> {
    let page = load(&ui).await?;
    ui.watched(&page, "/system/events".to_owned())
}

pub(super) async fn events(ui: Ui) -> Result<Response, Error> {
    live::stream(ui, None, |ui| async move { load(&ui).await }).await
}

async fn load(ui: &Ui) -> Result<Show, Error> {
    let apps = db::apps::all(ui.state.db.read()).await?;
    let mut queue = Vec::new();
    for deployment in db::deployments::all_unfinished(ui.state.db.read()).await? {
        if let Some(app) = apps.iter().find(|app| app.id == deployment.app) {
            queue.push(Queued {
                app: app.name.clone(),
                number: deployment.number,
                url: present::deployment_url(app, deployment.number),
                badge: deployment.status.into(),
                trigger: deployment.trigger.to_string(),
                waits_for: waits_for(ui, &deployment).await?,
                when: deployment.times.queued.into(),
            });
        }
    }
    let deployer = &ui.state.deployer;
    let (report, used, costs, engine_space) =
        tokio::join!(ui.state.health.report(), deployer.disk_used(), deployer.costs(), deployer.engine_space());
    let costs = costs?;
    let orphans = ui.state.deployer.orphans().await;
    Ok(Show {
        as_of: Moment::now().into(),
        components: Components::from(&report),
        engine: engine(ui.state.deployer.engine()),
        queue,
        host: Host::now(),
        disk: Disk::new(report.space(), used),
        by_app: ByApp::new(&costs, &apps),
        clean_up: CleanUp::new(costs, &apps, engine_space),
        integrity: ui.state.health.integrity().seen().into(),
        orphans: Listed::new(orphans.into_iter().map(|seen| Orphan::new(seen, &apps))),
    })
}

/// What a queued deployment waits for, for people.
async fn waits_for(ui: &Ui, deployment: &Deployment) -> Result<Option<String>, Error> {
    Ok(ui.state.deployer.place(deployment).await?.map(|place| present::place(&place)))
}

fn engine(state: EngineState) -> Engine {
    match state {
        EngineState::Up(it) => {
            let badge = Badge { kind: "success", icon: "check", word: "Up" };
            Engine { badge, version: Some(it.version), api: Some(it.api), down_since: None }
        }
        EngineState::Down { since } => {
            let badge = Badge { kind: "failed", icon: "cross", word: "Unreachable" };
            Engine { badge, version: None, api: None, down_since: Some(since.into()) }
        }
        EngineState::Unknown => {
            let badge = Badge { kind: "idle", icon: "clock", word: "Not asked yet" };
            Engine { badge, version: None, api: None, down_since: None }
        }
    }
}

impl Orphan {
    fn new(seen: Observed, apps: &[App]) -> Self {
        let app = apps.iter().find(|app| app.id == seen.app);
        Self {
            app_name: app.map(|app| app.name.clone()),
            app_url: app.map(present::app_url),
            short: present::short_id(&seen.id),
            container: seen.id,
            app: seen.app.to_string(),
            number: seen.deployment,
            running: seen.running,
            since: seen.started_at.map(When::from),
        }
    }
}

pub(super) async fn remove_orphan(ui: Ui, typed: Typed) -> Result<Redirect, Error> {
    ui.state.deployer.remove_orphan(typed.text("container"), &ui.actor()).await?;
    Ok(Redirect::to("/system#orphans"))
}

pub(super) async fn adopt_orphan(ui: Ui, typed: Typed) -> Result<Redirect, Error> {
    let (app, _) = ui.state.deployer.adopt_orphan(typed.text("container"), &ui.actor()).await?;
    Ok(Redirect::to(&present::app_url(&app)))
}
