//! An app's page: how it stands, what to do about it, and the acts on its container.

use std::borrow::Cow;

use axum::response::{Redirect, Response};
use serde::Serialize;

use super::{
    app_settings::Pending,
    apps::{by_slug, sight},
    connection::Connect,
    deployments,
    error::Error,
    extract::At,
    frame::When,
    live,
    present::{self, Address, AppLink, Badge, Commit, DeploymentRow, RecordView},
    standing::{drift_of, foremost, is_adopted, is_at_work, is_started_again},
    ui::Ui,
    view::{Mood, Piece, View, Watched},
    webhook::Webhook,
};
use crate::{
    db,
    deploy::Sight,
    domain::{
        app::{App, DesiredState},
        app_config::AppConfig,
        deployment::{Deployment, Status, Trigger},
        drift::Drift,
        moment::{Moment, duration},
        port::{Held, Port, Protocol},
    },
};

/// How many deployments it shows.
const RECENT: i64 = 8;

#[derive(Serialize)]
struct Show {
    app: AppPage,
    #[serde(skip)]
    link: AppLink,
    /// The number of the deployment that is under way, or else of the newest, and how it stands.
    #[serde(skip)]
    foremost: Option<(i64, Status)>,
    recent: Vec<DeploymentRow>,
    record: Option<RecordView>,
    connect: Connect,
    webhook: Webhook,
    pending: Option<Pending>,
}

impl View for Show {
    const TEMPLATE: &'static str = "apps/show.html";
}

impl Watched for Show {
    const PIECES: &'static [Piece] =
        &[Piece { id: "app-state", template: "apps/_state.html" }, Piece { id: "overview", template: "apps/_overview.html" }];

    fn title(&self) -> String {
        match self.foremost {
            Some((number, status)) if present::mood(status) != Mood::Ok => present::deployment_title(number, status, &self.link),
            _ => format!("{} {}: {}", self.app.badge.sign(), self.app.badge.word, self.app.name),
        }
    }

    fn mood(&self) -> Mood {
        match self.foremost.map(|(_, status)| present::mood(status)) {
            Some(mood @ (Mood::Busy | Mood::Failed)) => mood,
            _ if self.app.badge.kind == "failed" => Mood::Failed,
            _ => Mood::Ok,
        }
    }
}

#[derive(Serialize)]
struct AppPage {
    slug: String,
    name: String,
    url: String,
    badge: Badge,
    branch: String,
    repo_url: String,
    commit: Option<Commit>,
    since: Option<When>,
    address: Option<Address>,
    live: Option<Live>,
    /// Where going back from the live deployment begins.
    rollback_url: Option<String>,
    settings: Vec<Setting>,
    stopped: bool,
    /// Whether its container was not made with the app's settings, but adopted.
    adopted: bool,
    drift: Vec<Drifted>,
    hint: Option<String>,
    /// The verb of the button that starts its container.
    start: Option<&'static str>,
    restart: bool,
    stop: bool,
    switch_note: String,
    next_steps: bool,
}

/// Something of the container that is otherwise than it was made.
#[derive(Serialize)]
struct Drifted {
    what: &'static str,
    made: String,
    now: String,
}

impl From<Drift> for Drifted {
    fn from(it: Drift) -> Self {
        Self { what: it.what, made: it.made, now: it.now }
    }
}

/// The live deployment in short.
#[derive(Serialize)]
struct Live {
    number: i64,
    url: String,
    trigger: Trigger,
    by: Option<String>,
    built: Option<String>,
    switched: Option<String>,
    kind: Option<String>,
    gap: Option<String>,
}

#[derive(Serialize)]
struct Setting {
    label: Cow<'static, str>,
    value: String,
    mono: bool,
}

pub(super) async fn show(ui: Ui, At(slug): At<String>) -> Result<Response, Error> {
    let page = load(&ui, &slug).await?;
    ui.watched(&page, format!("{}/events", ui.path()))
}

pub(super) async fn events(ui: Ui, At(slug): At<String>) -> Result<Response, Error> {
    live::stream(ui, None, move |ui| {
        let slug = slug.clone();
        async move { load(&ui, &slug).await }
    })
    .await
}

async fn load(ui: &Ui, slug: &str) -> Result<Show, Error> {
    let app = by_slug(&ui.state, slug).await?;
    let webhook = Webhook::load(&ui.state, &app).await?;
    page(ui, &app, webhook).await
}

/// The answer to a form, with the secret on it: it is not renewed while it is open.
pub(super) async fn show_secret(ui: Ui, app: &App, webhook: Webhook) -> Result<Response, Error> {
    let page = page(&ui, app, webhook).await?;
    ui.page(&page.title(), &page)
}

pub(super) async fn stop(ui: Ui, At(slug): At<String>) -> Result<Redirect, Error> {
    let app = by_slug(&ui.state, &slug).await?;
    ui.state.deployer.stop_app(&app, &ui.actor()).await?;
    Ok(Redirect::to(&present::app_url(&app)))
}

pub(super) async fn start(ui: Ui, At(slug): At<String>) -> Result<Redirect, Error> {
    let app = by_slug(&ui.state, &slug).await?;
    ui.state.deployer.start_app(&app, &ui.actor()).await?;
    Ok(Redirect::to(&present::app_url(&app)))
}

pub(super) async fn restart(ui: Ui, At(slug): At<String>) -> Result<Redirect, Error> {
    let app = by_slug(&ui.state, &slug).await?;
    ui.state.deployer.restart_app(&app, &ui.actor()).await?;
    Ok(Redirect::to(&present::app_url(&app)))
}

async fn page(ui: &Ui, app: &App, webhook: Webhook) -> Result<Show, Error> {
    let recent = db::deployments::before(ui.state.db.read(), app.id, i64::MAX, RECENT).await?;
    let live = match app.live_deployment {
        Some(id) => Some(db::deployments::get(ui.state.db.read(), id).await?),
        None => None,
    };
    let container = sight(&ui.state, live.as_ref()).await;
    let connect = Connect::load(&ui.state, app).await?;
    let made_with = db::snapshots::of(ui.state.db.read(), app, live.as_ref()).await?;
    let address = container.there().and_then(|it| present::address(app, &made_with, it, ui.host()));
    let unfinished = db::deployments::unfinished(ui.state.db.read(), app.id).await?;
    let foremost = foremost(app, &unfinished, recent.first());
    let switch_note = present::switch_note(&app.config.run, live.as_ref().map(|_| held(&made_with.run.ports, &container)).as_deref());
    let drift = drift_of(app, live.as_ref(), foremost, &container, &made_with.run).into_iter().map(Drifted::from).collect();
    let page = AppPage { address, switch_note, drift, ..app_page(app, live.as_ref(), foremost, &container) };
    let is_wanted = app.desired_state == DesiredState::Running;
    let started_again = live.as_ref().filter(|_| is_wanted).and_then(|live| is_started_again(&ui.state.deployer, live, &container));
    let page = AppPage { hint: started_again.or(page.hint), ..page };
    // They are refused then; and that the container does not run for a moment is the deployment's own doing.
    let page = match foremost.is_some_and(is_at_work) {
        true => AppPage { start: None, restart: false, stop: false, hint: None, ..page },
        false => page,
    };
    let kept = ui.state.deployer.kept(app).await?;
    let rollback_url = match &live {
        Some(live) => deployments::way_back(&ui.state, app, live, &kept).await?,
        None => None,
    };
    let foremost = foremost.map(|it| (it.number, it.status));
    let recent = recent.iter().map(|it| DeploymentRow::new(app, it, &kept)).collect();
    let record = RecordView::new(&db::deployments::history::record(ui.state.db.read(), app.id).await?);
    let pending = Pending::load(&ui.state, app).await?;
    let page = AppPage { rollback_url, ..page };
    Ok(Show { app: page, link: AppLink::new(app), foremost, recent, record, connect, webhook, pending })
}

/// The ports of the host that a live container holds: those it is seen to have, or else those that are fixed.
pub(super) fn held(made_with: &[Port], container: &Sight) -> Vec<Held> {
    match container.there() {
        Some(there) => there.held(made_with),
        None => made_with.iter().filter_map(Port::held).collect(),
    }
}

fn app_page(app: &App, live: Option<&Deployment>, foremost: Option<&Deployment>, container: &Sight) -> AppPage {
    AppPage {
        slug: app.slug.to_string(),
        name: app.name.clone(),
        url: present::app_url(app),
        badge: present::app_badge(app, foremost, container),
        branch: app.config.source.branch.to_string(),
        repo_url: app.config.source.repo_url.to_string(),
        commit: live.and_then(present::commit),
        since: container.there().filter(|it| it.running).and_then(|it| it.started_at).map(When::from),
        address: None,
        live: live.map(|live| live_view(app, live)),
        rollback_url: None,
        settings: settings(&app.config),
        stopped: app.desired_state == DesiredState::Stopped,
        adopted: is_adopted(live, container),
        drift: Vec::new(),
        hint: live.and_then(|live| hint(app, live, container)),
        start: live.and_then(|_| start_verb(app, container)),
        restart: runs(container) && app.desired_state == DesiredState::Running,
        stop: runs(container),
        switch_note: String::new(),
        next_steps: live.is_none(),
    }
}

/// Whether the container runs, or the engine is about to restart it.
fn runs(container: &Sight) -> bool {
    container.there().is_some_and(|it| it.running || it.restarting)
}

/// What is not as it should be, and what to do about it.
fn hint(app: &App, live: &Deployment, container: &Sight) -> Option<String> {
    let number = live.number;
    let stopped = app.desired_state == DesiredState::Stopped;
    match container {
        Sight::Unknown => None,
        Sight::There(it) if it.paused => Some(format!(
            "The container of #{number} is paused, outside µPaaS: it answers nothing. “docker unpause” lets it go on; “Restart” starts it afresh."
        )),
        Sight::There(it) if it.running && stopped => {
            Some("The app should be stopped, but its container runs: it was started outside µPaaS, or the engine has not stopped it. Pushes are ignored until you press “Keep running”.".to_owned())
        }
        Sight::There(it) if it.running => it.was_adopted_by(live).then(|| format!(
            "The container of #{number} was adopted. Its variables, files, volumes, ports, labels, command, user and health check are not compared with the settings: set what it needs there before the next deployment."
        )),
        _ if stopped => Some("Stopped: pushes are ignored until it is started.".to_owned()),
        Sight::Gone => {
            Some(format!("The container of #{number} was removed behind µPaaS's back. “Start again” makes it anew from the same image."))
        }
        Sight::There(it) if it.restarting => {
            Some(format!("The container of #{number} keeps exiting and is started again and again; “docker logs” shows why."))
        }
        Sight::There(_) => Some(match &app.halted {
            Some(why) => format!("{why} “docker logs” shows why. Push a version that works, or start it again."),
            None => format!("The container of #{number} does not run. “Start” starts it as it is; “docker logs” shows its last words."),
        }),
    }
}

fn start_verb(app: &App, container: &Sight) -> Option<&'static str> {
    match container {
        Sight::Unknown => None,
        Sight::Gone => Some("Start again"),
        Sight::There(it) if it.running && app.desired_state == DesiredState::Stopped => Some("Keep running"),
        Sight::There(it) if it.running || it.restarting => None,
        Sight::There(_) => Some("Start"),
    }
}

fn live_view(app: &App, live: &Deployment) -> Live {
    let between = |from: Option<Moment>, to: Option<Moment>| Some(duration(to?.since(from?)));
    Live {
        number: live.number,
        url: present::deployment_url(app, live.number),
        trigger: live.trigger,
        by: live.requested_by.clone(),
        built: between(live.times.building, live.times.deploying),
        switched: between(live.times.deploying, live.times.finished),
        kind: present::switch(live),
        gap: live.gap_ms.map(duration),
    }
}

fn context_folder(config: &AppConfig) -> String {
    match config.build.context_path.as_str() {
        "." => ". (the whole repository)".to_owned(),
        path => path.to_owned(),
    }
}

fn settings(config: &AppConfig) -> Vec<Setting> {
    let mono = |label: &'static str, value: String| Setting { label: label.into(), value, mono: true };
    let plain = |label: &'static str, value: String| Setting { label: label.into(), value, mono: false };
    let mut settings = vec![
        mono("Repository", config.source.repo_url.to_string()),
        mono("Branch", config.source.branch.to_string()),
        mono("Dockerfile", config.build.dockerfile_path.to_string()),
        mono("Context", context_folder(config)),
    ];
    for port in &config.run.ports {
        let inside = format!("Port {}{}", port.container_port, if port.protocol == Protocol::Udp { "/udp" } else { "" });
        let value = present::host_port(port);
        settings.push(Setting { label: inside.into(), value, mono: port.held().is_some() });
    }
    if config.run.ports.is_empty() {
        settings.push(plain("Ports", "none".to_owned()));
    }
    settings
}
