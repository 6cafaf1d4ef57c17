//! Deployments of an app: the list, the acts on them, and the page of one of them.

mod page;

pub(super) use page::{events, show};

use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::{
    AppState,
    accepted::accepted,
    apps,
    error::Error,
    extract::{Asked, At},
    form::Typed,
    live,
    present::{self, AppLink, DeploymentRow},
    ui::Ui,
    view::{Mood, Piece, View, Watched},
};
use crate::{
    db,
    deploy::Wish,
    domain::{app::App, commit::CommitId, deployment::Deployment},
};

/// A page of the list.
const PAGE: i64 = 50;

/// The app and the deployment that a path names.
pub(super) async fn by_number(state: &AppState, slug: &str, number: i64) -> Result<(App, Deployment), Error> {
    let app = apps::by_slug(state, slug).await?;
    let deployment = db::deployments::by_number(state.db.read(), app.id, number).await?.ok_or(Error::NotFound)?;
    Ok((app, deployment))
}

#[derive(Serialize)]
struct Index {
    app: AppLink,
    deployments: Vec<DeploymentRow>,
    older: Option<String>,
    newer: Option<String>,
    #[serde(skip)]
    busy: bool,
}

impl View for Index {
    const TEMPLATE: &'static str = "deployments/index.html";
}

impl Watched for Index {
    const PIECES: &'static [Piece] = &[Piece { id: "deployments", template: "deployments/_list.html" }];

    fn title(&self) -> String {
        format!("Deployments of {}", self.app.name)
    }

    fn mood(&self) -> Mood {
        if self.busy { Mood::Busy } else { Mood::Ok }
    }
}

#[derive(Deserialize)]
pub(super) struct Place {
    before: Option<i64>,
}

pub(super) async fn index(ui: Ui, At(slug): At<String>, Asked(place): Asked<Place>) -> Result<Response, Error> {
    let page = load_index(&ui, &slug, place.before).await?;
    let from = place.before.map(|before| format!("?before={before}")).unwrap_or_default();
    ui.watched(&page, format!("{}/events{from}", ui.path()))
}

pub(super) async fn index_events(ui: Ui, At(slug): At<String>, Asked(place): Asked<Place>) -> Result<Response, Error> {
    live::stream(ui, None, move |ui| {
        let slug = slug.clone();
        async move { load_index(&ui, &slug, place.before).await }
    })
    .await
}

async fn load_index(ui: &Ui, slug: &str, before: Option<i64>) -> Result<Index, Error> {
    let app = apps::by_slug(&ui.state, slug).await?;
    let mut rows = db::deployments::before(ui.state.db.read(), app.id, before.unwrap_or(i64::MAX), PAGE + 1).await?;
    let more = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
    let url = format!("{}/deployments", present::app_url(&app));
    Ok(Index {
        older: rows.last().filter(|_| more).map(|last| format!("{url}?before={}", last.number)),
        newer: before.map(|_| url),
        busy: rows.iter().any(|it| !it.status.is_end()),
        deployments: rows.iter().map(|it| DeploymentRow::new(&app, it)).collect(),
        app: AppLink::new(&app),
    })
}

pub(super) async fn create(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let commit = match typed.text("commit") {
        "" => None,
        text => Some(text.parse::<CommitId>().map_err(|invalid| Error::BadRequest(invalid.0))?),
    };
    let wish = Wish { commit, no_cache: typed.text("no_cache") == "yes" };
    let deployment = ui.state.deployer.deploy_now(&app, wish, &ui.actor()).await?;
    accepted(&ui, &app, &deployment).await
}

/// Gives the app's container its present settings.
pub(super) async fn apply(ui: Ui, At(slug): At<String>) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let deployment = ui.state.deployer.apply(&app, &ui.actor()).await?;
    accepted(&ui, &app, &deployment).await
}

pub(super) async fn cancel(ui: Ui, At((slug, number)): At<(String, i64)>) -> Result<Response, Error> {
    let (app, deployment) = by_number(&ui.state, &slug, number).await?;
    ui.state.deployer.cancel(&app, &deployment, &ui.actor()).await?;
    let deployment = db::deployments::get(ui.state.db.read(), deployment.id).await?;
    accepted(&ui, &app, &deployment).await
}
