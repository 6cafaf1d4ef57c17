//! Apps: the list, one app, a new one.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use futures_util::future::join_all;
use serde::Serialize;

use super::{
    AppState, app_form,
    connection::Connect,
    error::Error,
    extract::At,
    form::{FormView, Typed},
    frame::When,
    present::{self, Address, Badge, Commit, DeploymentRow, Phase},
    ui::Ui,
    view::View,
    webhook::Webhook,
};
use crate::{
    db,
    deploy::{self, Sight},
    domain::{
        Invalid,
        app::{App, AppConfig, DesiredState},
        deployment::{Deployment, Status, Trigger},
        moment::{Moment, duration},
        port::{HostPort, Publish},
        slug::Slug,
    },
};

/// How many deployments an app's page shows.
const RECENT: i64 = 8;

/// The app that a path names.
pub(super) async fn by_slug(state: &AppState, slug: &str) -> Result<App, Error> {
    let slug: Slug = slug.parse().map_err(|_| Error::NotFound)?;
    db::apps::by_slug(state.db.read(), &slug).await?.ok_or(Error::NotFound)
}

/// How the live deployment's container is published: as configured when it was made.
async fn live_publish(state: &AppState, app: &App, live: Option<&Deployment>) -> Result<Publish, Error> {
    Ok(match live.and_then(|live| live.snapshot) {
        Some(snapshot) => db::snapshots::get(state.db.read(), snapshot).await?.publish,
        None => app.config.publish.clone(),
    })
}

/// Where a deployment answers now, when it is the live one.
pub(super) async fn live_address(ui: &Ui, app: &App, deployment: &Deployment) -> Result<Option<Address>, Error> {
    let live = Some(deployment).filter(|it| app.live_deployment == Some(it.id));
    let publish = live_publish(&ui.state, app, live).await?;
    Ok(sight(&ui.state, live).await.there().and_then(|it| present::address(&publish, it.host_port, ui.host())))
}

/// The live deployment's container.
async fn sight(state: &AppState, live: Option<&Deployment>) -> Sight {
    match live {
        Some(live) => state.deployer.container(live).await,
        None => Sight::Gone,
    }
}

#[derive(Serialize)]
struct Index {
    apps: Vec<Row>,
}

impl View for Index {
    const TEMPLATE: &'static str = "apps/index.html";
}

/// A line of the list.
#[derive(Serialize)]
struct Row {
    slug: String,
    name: String,
    branch: String,
    badge: Badge,
    commit: Option<Commit>,
    when: Option<When>,
    detail: Option<String>,
    address: Option<Address>,
    latest: Option<Latest>,
    busy: Option<Busy>,
    url: String,
}

#[derive(Serialize)]
struct Latest {
    number: i64,
    badge: Badge,
    url: String,
}

#[derive(Serialize)]
struct Busy {
    word: &'static str,
    phases: Vec<Phase>,
    since: When,
}

pub(super) async fn index(ui: Ui) -> Result<Response, Error> {
    let apps = db::apps::all(ui.state.db.read()).await?;
    let deployments = db::deployments::newest_and_live(ui.state.db.read()).await?;
    let live = |app: &App| deployments.iter().find(|it| Some(it.id) == app.live_deployment);
    let newest = |app: &App| deployments.iter().filter(|it| it.app == app.id).max_by_key(|it| it.number);
    let containers = join_all(apps.iter().map(|app| sight(&ui.state, live(app)))).await;
    let mut rows = Vec::with_capacity(apps.len());
    for (app, container) in apps.iter().zip(containers) {
        let publish = live_publish(&ui.state, app, live(app)).await?;
        let address = container.there().and_then(|it| present::address(&publish, it.host_port, ui.host()));
        rows.push(Row { address, ..row(app, live(app), newest(app), &container) });
    }
    let busy = deployments.iter().any(|it| !it.status.is_end());
    ui.live(busy).page("Apps", &Index { apps: rows })
}

fn row(app: &App, live: Option<&Deployment>, newest: Option<&Deployment>, container: &Sight) -> Row {
    let badge = present::app_badge(app, newest, container);
    let busy = newest.filter(|it| !it.status.is_end()).map(|it| Busy {
        word: Badge::from(it.status).word,
        phases: present::phases(it, Moment::now(), |_| None),
        since: it.times.queued.into(),
    });
    Row {
        slug: app.slug.to_string(),
        name: app.name.clone(),
        branch: app.config.branch.to_string(),
        commit: live.or(newest).and_then(present::commit),
        when: live.and_then(|it| it.times.finished).map(When::from),
        detail: detail(live, newest, container, &badge),
        address: None,
        latest: newest.map(|it| Latest { number: it.number, badge: it.status.into(), url: present::deployment_url(app, it.number) }),
        busy,
        url: present::app_url(app),
        badge,
    }
}

/// `Running 2 d · #41`, or why the newest deployment failed.
fn detail(live: Option<&Deployment>, newest: Option<&Deployment>, container: &Sight, badge: &Badge) -> Option<String> {
    if let Some(failed) = newest.filter(|it| it.status == Status::Failed) {
        let serving = live.map(|live| format!(" #{} still serves.", live.number)).unwrap_or_default();
        return failed.ending.as_ref().map(|ending| format!("#{} failed: {}{serving}", failed.number, ending.sentence));
    }
    let live = live?;
    let since =
        container.there().filter(|it| it.running).and_then(|it| it.started_at).map(|at| format!("{} ", duration(Moment::now().since(at))));
    Some(format!("{} {}· #{}", badge.word, since.unwrap_or_default(), live.number))
}

#[derive(Serialize)]
struct New {
    form: FormView,
}

impl View for New {
    const TEMPLATE: &'static str = "apps/new.html";
}

pub(super) async fn new(ui: Ui) -> Result<Response, Error> {
    ui.page("New app", &New { form: app_form::empty() })
}

pub(super) async fn create(ui: Ui, typed: Typed) -> Result<Response, Error> {
    let mut form = app_form::empty().filled(&typed, &[]);
    let slug = form.check("slug", typed.text("slug").parse::<Slug>());
    let config = app_form::config(&typed, &mut form);
    if let (Some(slug), Some(config)) = (slug, config) {
        match ui.state.deployer.create_app(slug, config).await {
            Ok(app) => return Ok(Redirect::to(&present::app_url(&app)).into_response()),
            Err(deploy::Error::SlugTaken) => {
                form.check::<()>("slug", Err(Invalid::because("Another app has this name. Choose another one.")));
            }
            Err(err) => return Err(err.into()),
        }
    }
    let page = ui.page("New app", &New { form })?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

#[derive(Serialize)]
struct Show {
    app: AppPage,
    recent: Vec<DeploymentRow>,
    connect: Connect,
    webhook: Webhook,
}

impl View for Show {
    const TEMPLATE: &'static str = "apps/show.html";
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
    settings: Vec<Setting>,
    hint: Option<String>,
    /// The verb of the button that starts its container.
    start: Option<&'static str>,
    stop: bool,
    switch_note: String,
    next_steps: bool,
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
    label: &'static str,
    value: String,
    mono: bool,
}

pub(super) async fn show(ui: Ui, At(slug): At<String>) -> Result<Response, Error> {
    let app = by_slug(&ui.state, &slug).await?;
    let webhook = Webhook::load(&ui.state, &app).await?;
    page(ui, app, webhook).await
}

pub(super) async fn stop(ui: Ui, At(slug): At<String>) -> Result<Redirect, Error> {
    let app = by_slug(&ui.state, &slug).await?;
    ui.state.deployer.stop_app(&app, ui.user_name()).await?;
    Ok(Redirect::to(&present::app_url(&app)))
}

pub(super) async fn start(ui: Ui, At(slug): At<String>) -> Result<Redirect, Error> {
    let app = by_slug(&ui.state, &slug).await?;
    ui.state.deployer.start_app(&app, ui.user_name()).await?;
    Ok(Redirect::to(&present::app_url(&app)))
}

/// The app's page.
pub(super) async fn page(ui: Ui, app: App, webhook: Webhook) -> Result<Response, Error> {
    let recent = db::deployments::before(ui.state.db.read(), app.id, i64::MAX, RECENT).await?;
    let live = match app.live_deployment {
        Some(id) => Some(db::deployments::get(ui.state.db.read(), id).await?),
        None => None,
    };
    let container = sight(&ui.state, live.as_ref()).await;
    let connect = Connect::load(&ui.state, &app).await?;
    let busy = recent.first().is_some_and(|it| !it.status.is_end());
    let publish = live_publish(&ui.state, &app, live.as_ref()).await?;
    let address = container.there().and_then(|it| present::address(&publish, it.host_port, ui.host()));
    let page = AppPage { address, ..app_page(&app, live.as_ref(), recent.first(), &container) };
    let recent = recent.iter().map(|it| DeploymentRow::new(&app, it)).collect();
    // A page that shows the secret is the answer to a form: it is not fetched again.
    ui.live(busy && !webhook.is_revealed()).page(&app.name, &Show { app: page, recent, connect, webhook })
}

fn app_page(app: &App, live: Option<&Deployment>, newest: Option<&Deployment>, container: &Sight) -> AppPage {
    AppPage {
        slug: app.slug.to_string(),
        name: app.name.clone(),
        url: present::app_url(app),
        badge: present::app_badge(app, newest, container),
        branch: app.config.branch.to_string(),
        repo_url: app.config.repo_url.to_string(),
        commit: live.and_then(present::commit),
        since: container.there().filter(|it| it.running).and_then(|it| it.started_at).map(When::from),
        address: None,
        live: live.map(|live| live_view(app, live)),
        settings: settings(&app.config),
        hint: live.and_then(|live| hint(app, live, container)),
        start: live.and_then(|_| start_verb(app, container)),
        stop: container.there().is_some_and(|it| it.running || it.restarting),
        switch_note: present::switch_note(&app.config),
        next_steps: live.is_none(),
    }
}

/// What is not as it should be, and what to do about it.
fn hint(app: &App, live: &Deployment, container: &Sight) -> Option<String> {
    let number = live.number;
    let stopped = app.desired_state == DesiredState::Stopped;
    match container {
        Sight::Unknown => None,
        Sight::There(it) if it.running && stopped => {
            Some("The app should be stopped, but its container runs: somebody started it outside µPaaS. Pushes are ignored until you start it here.".to_owned())
        }
        Sight::There(it) if it.running => None,
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
    match config.context_path.as_str() {
        "." => ". (the whole repository)".to_owned(),
        path => path.to_owned(),
    }
}

fn settings(config: &AppConfig) -> Vec<Setting> {
    let mono = |label, value: String| Setting { label, value, mono: true };
    let plain = |label, value: String| Setting { label, value, mono: false };
    let container_port = config
        .publish
        .container_port
        .map_or_else(|| plain("Container port", "none".to_owned()), |port| mono("Container port", port.to_string()));
    vec![
        mono("Repository", config.repo_url.to_string()),
        mono("Branch", config.branch.to_string()),
        mono("Dockerfile", config.dockerfile_path.to_string()),
        mono("Context", context_folder(config)),
        container_port,
        match config.publish.host_port {
            HostPort::Fixed(_) => mono("Host port", present::host_port(&config.publish)),
            HostPort::Auto | HostPort::None => plain("Host port", present::host_port(&config.publish)),
        },
    ]
}
