//! Apps: the list, a new one, and what their pages ask about them.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::{
    AppState, app_form, app_settings,
    error::Error,
    extract::Asked,
    form::{FormView, Typed},
    frame::When,
    live,
    present::{self, Address, Badge, Commit, Phase},
    standing::{drift_of, foremost, is_adopted, still_serves},
    ui::Ui,
    view::{Mood, Piece, View, Watched},
};
use crate::{
    db,
    deploy::{self, Orphan, Sight},
    domain::{
        Invalid,
        app::App,
        deployment::{Deployment, Status},
        moment::{Moment, duration},
        slug::Slug,
    },
};

/// The app that a path names.
pub(super) async fn by_slug(state: &AppState, slug: &str) -> Result<App, Error> {
    let slug: Slug = slug.parse().map_err(|_| Error::NotFound)?;
    db::apps::by_slug(state.db.read(), &slug).await?.ok_or(Error::NotFound)
}

/// Where a deployment answers now, when it is the live one.
pub(super) async fn live_address(ui: &Ui, app: &App, deployment: &Deployment) -> Result<Option<Address>, Error> {
    let live = Some(deployment).filter(|it| app.live_deployment == Some(it.id));
    let made_with = db::snapshots::of(ui.state.db.read(), app, live).await?;
    Ok(sight(&ui.state, live).await.there().and_then(|it| present::address(app, &made_with, it, ui.host())))
}

/// The live deployment's container.
pub(super) async fn sight(state: &AppState, live: Option<&Deployment>) -> Sight {
    match live {
        Some(live) => state.deployer.container(live).await,
        None => Sight::Gone,
    }
}

#[derive(Serialize)]
struct Index {
    deletions: Vec<Leaving>,
    apps: Vec<Row>,
}

impl View for Index {
    const TEMPLATE: &'static str = "apps/index.html";
}

impl Watched for Index {
    const PIECES: &'static [Piece] = &[Piece { id: "apps", template: "apps/_list.html" }];

    fn title(&self) -> String {
        present::title(self.mood(), "Apps".to_owned())
    }

    fn mood(&self) -> Mood {
        let failed = |badge: &Badge| badge.kind == "failed";
        if self.apps.iter().any(|app| app.busy.is_some()) {
            Mood::Busy
        } else if self.apps.iter().any(|app| failed(&app.badge) || app.latest.as_ref().is_some_and(|latest| failed(&latest.badge))) {
            Mood::Failed
        } else {
            Mood::Ok
        }
    }
}

/// An app that is being deleted.
#[derive(Serialize)]
struct Leaving {
    slug: String,
    by: String,
    when: When,
    waits_for: Option<String>,
}

impl From<deploy::Leaving> for Leaving {
    fn from(it: deploy::Leaving) -> Self {
        let deletion = it.deletion;
        Self { slug: deletion.slug.to_string(), by: deletion.requested_by, when: deletion.requested_at.into(), waits_for: it.waits_for }
    }
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
    /// That its container is not as it was made, in words.
    drift: Option<&'static str>,
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
    /// How long it takes so far, in milliseconds, once its turn has come.
    running_ms: Option<u64>,
}

pub(super) async fn index(ui: Ui) -> Result<Response, Error> {
    let page = load_index(&ui).await?;
    ui.watched(&page, "/events".to_owned())
}

pub(super) async fn index_events(ui: Ui) -> Result<Response, Error> {
    live::stream(ui, None, |ui| async move { load_index(&ui).await }).await
}

async fn load_index(ui: &Ui) -> Result<Index, Error> {
    let apps = db::apps::all(ui.state.db.read()).await?;
    let deployments = db::deployments::newest_and_live(ui.state.db.read()).await?;
    let unfinished = db::deployments::all_unfinished(ui.state.db.read()).await?;
    let live = |app: &App| deployments.iter().find(|it| Some(it.id) == app.live_deployment);
    let newest = |app: &App| deployments.iter().filter(|it| it.app == app.id).max_by_key(|it| it.number);
    let containers = join_all(apps.iter().map(|app| sight(&ui.state, live(app)))).await;
    let mut rows = Vec::with_capacity(apps.len());
    for (app, container) in apps.iter().zip(containers) {
        let made_with = db::snapshots::of(ui.state.db.read(), app, live(app)).await?;
        let address = container.there().and_then(|it| present::address(app, &made_with, it, ui.host()));
        let (live, foremost) = (live(app), foremost(app, &unfinished, newest(app)));
        let is_drifting = !drift_of(app, live, foremost, &container, &made_with.run).is_empty();
        let said = if is_adopted(live, &container) { "not as its settings say" } else { "changed outside µPaaS" };
        let drift = is_drifting.then_some(said);
        rows.push(Row { address, drift, ..row(app, live, foremost, &container) });
    }
    let deletions = ui.state.deployer.deletions().await?.into_iter().map(Leaving::from).collect();
    Ok(Index { deletions, apps: rows })
}

fn row(app: &App, live: Option<&Deployment>, foremost: Option<&Deployment>, container: &Sight) -> Row {
    let badge = present::app_badge(app, foremost, container);
    let busy = foremost.filter(|it| !it.status.is_end()).map(|it| Busy {
        word: Badge::from(it.status).word,
        phases: present::phases(it, Moment::now()),
        since: it.times.queued.into(),
        running_ms: present::running_ms(it),
    });
    Row {
        slug: app.slug.to_string(),
        name: app.name.clone(),
        branch: app.config.source.branch.to_string(),
        commit: live.or(foremost).and_then(present::commit),
        when: live.and_then(|it| it.times.finished).map(When::from),
        detail: detail(live, foremost, container, &badge),
        address: None,
        drift: None,
        latest: foremost.map(|it| Latest { number: it.number, badge: it.status.into(), url: present::deployment_url(app, it.number) }),
        busy,
        url: present::app_url(app),
        badge,
    }
}

/// `Running 2 d · #41`, or why the newest deployment failed.
fn detail(live: Option<&Deployment>, foremost: Option<&Deployment>, container: &Sight, badge: &Badge) -> Option<String> {
    if let Some(failed) = foremost.filter(|it| it.status == Status::Failed) {
        let serving = live.and_then(|live| still_serves(live, container));
        let why = failed.ending.as_ref().map(|ending| format!("#{} failed: {}", failed.number, ending.sentence));
        return why.map(|why| [Some(why), serving].into_iter().flatten().collect::<Vec<_>>().join(" "));
    }
    let live = live?;
    let since =
        container.there().filter(|it| it.running).and_then(|it| it.started_at).map(|at| format!("{} ", duration(Moment::now().since(at))));
    Some(format!("{} {}· #{}", badge.word, since.unwrap_or_default(), live.number))
}

#[derive(Serialize)]
struct New {
    form: FormView,
    adopted: Option<Adopted>,
}

/// The container around which an app is created.
#[derive(Serialize)]
struct Adopted {
    container: String,
    /// None while the engine does not show it.
    shown: Option<ShownOrphan>,
}

#[derive(Serialize)]
struct ShownOrphan {
    short: String,
    app: String,
    number: i64,
}

impl From<&Orphan> for Adopted {
    fn from(orphan: &Orphan) -> Self {
        let seen = &orphan.seen;
        let shown = ShownOrphan { short: present::short_id(&seen.id), app: seen.app.to_string(), number: seen.deployment };
        Self { container: seen.id.clone(), shown: Some(shown) }
    }
}

impl View for New {
    const TEMPLATE: &'static str = "apps/new.html";
}

#[derive(Deserialize)]
pub(super) struct Asking {
    adopt: Option<String>,
}

pub(super) async fn new(ui: Ui, Asked(asking): Asked<Asking>) -> Result<Response, Error> {
    let orphan = match &asking.adopt {
        Some(container) => match ui.state.deployer.orphan(container).await {
            Ok(orphan) => Some(orphan),
            Err(deploy::Error::Refused(why) | deploy::Error::EngineAway(why)) => {
                return cannot_adopt(&ui, app_form::empty(), container, why).await;
            }
            Err(err) => return Err(err.into()),
        },
        None => None,
    };
    let slug = orphan.as_ref().and_then(|it| it.origins.slug.as_ref()).map(ToString::to_string).unwrap_or_default();
    ui.page("New app", &New { form: app_form::empty().with("slug", slug), adopted: orphan.as_ref().map(Adopted::from) })
}

pub(super) async fn create(ui: Ui, typed: Typed) -> Result<Response, Error> {
    let mut form = app_form::empty().filled(&typed, &[]);
    let orphan = match typed.text("adopt") {
        "" => None,
        container => match ui.state.deployer.orphan(container).await {
            Ok(orphan) => Some(orphan),
            Err(deploy::Error::Refused(why) | deploy::Error::EngineAway(why)) => return cannot_adopt(&ui, form, container, why).await,
            Err(err) => return Err(err.into()),
        },
    };
    let slug = form.check("slug", typed.text("slug").parse::<Slug>());
    let mut config = app_form::config(&typed, &mut form);
    if let Some(wanted) = &config {
        // What the container holds already is the app's own.
        for (_, sentence) in app_settings::clashes(&ui, orphan.as_ref().map(|it| it.seen.app), &wanted.run.ports).await? {
            form.check::<()>("host_port", Err(Invalid::because(sentence)));
            config = None;
        }
    }
    if let (Some(slug), Some(config)) = (slug, config) {
        let around = orphan.as_ref().map(|it| it.seen.id.clone());
        match ui.state.deployer.create_app(slug.clone(), config, around, &ui.actor()).await {
            Ok(app) => return Ok(Redirect::to(&present::app_url(&app)).into_response()),
            Err(deploy::Error::SlugTaken) => {
                form.check::<()>("slug", Err(taken(&ui, &slug).await?));
            }
            Err(deploy::Error::Refused(why) | deploy::Error::EngineAway(why)) if orphan.is_some() => {
                return cannot_adopt(&ui, form, typed.text("adopt"), why).await;
            }
            Err(err) => return Err(err.into()),
        }
    }
    not_created(&ui, New { form, adopted: orphan.as_ref().map(Adopted::from) })
}

/// What was typed stays. An orphan that has gone is let go of; one that the engine does not show now is kept for another try.
async fn cannot_adopt(ui: &Ui, mut form: FormView, container: &str, why: String) -> Result<Response, Error> {
    let adopted = match ui.state.deployer.orphan(container).await {
        Ok(orphan) => Some(Adopted::from(&orphan)),
        Err(_) if ui.state.deployer.engine().is_up() => None,
        Err(_) => Some(Adopted { container: container.to_owned(), shown: None }),
    };
    form.reject(if adopted.is_some() { why } else { format!("{why} “Create app” now creates the app without it.") });
    not_created(ui, New { form, adopted })
}

fn not_created(ui: &Ui, page: New) -> Result<Response, Error> {
    let page = ui.page("New app", &page)?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// Why a slug cannot be had.
async fn taken(ui: &Ui, slug: &Slug) -> Result<Invalid, Error> {
    let Some(leaving) = ui.state.deployer.deletion_of(slug).await? else {
        return Ok(Invalid::because("Another app has this name. Choose another one."));
    };
    let why = leaving.waits_for.map(|why| format!(" {why}")).unwrap_or_default();
    Ok(Invalid::because(format!(
        "The app that had this name is still being deleted.{why} Try again when it is gone, or choose another name."
    )))
}
