//! Deployments of an app: the list, the acts on them, and the page of one of them.

mod compare;
mod comparison;
mod list;
mod page;
mod query;
mod rollback;
mod ways;

pub(super) use compare::show as compare;
pub(super) use list::{index, index_events};
pub(super) use page::{events, show};
pub(super) use rollback::{create as roll_back, show as show_rollback, way_back};

use axum::response::{Redirect, Response};

use super::{AppState, accepted::accepted, apps, commits, error::Error, extract::At, form::Typed, present, ui::Ui};
use crate::{
    db,
    deploy::Wish,
    domain::{app::App, deployment::Deployment},
};

/// The app and the deployment that a path names.
pub(super) async fn by_number(state: &AppState, slug: &str, number: i64) -> Result<(App, Deployment), Error> {
    let app = apps::by_slug(state, slug).await?;
    let deployment = db::deployments::by_number(state.db.read(), app.id, number).await?.ok_or(Error::NotFound)?;
    Ok((app, deployment))
}

pub(super) async fn create(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let commit = match commits::asked(&ui, &app, &typed).await? {
        Ok(commit) => commit,
        Err(invalid) if ui.answers_json => return Err(Error::BadRequest(invalid.0)),
        Err(invalid) => return commits::came_back(&ui, &app, &typed, invalid).await,
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

/// Pins a deployment or lets it go.
pub(super) async fn set_pinned(ui: Ui, At((slug, number)): At<(String, i64)>, typed: Typed) -> Result<Redirect, Error> {
    let (app, deployment) = by_number(&ui.state, &slug, number).await?;
    let pinned = match typed.text("pinned") {
        "yes" => true,
        "no" => false,
        _ => return Err(Error::BadRequest("“pinned” is either “yes” or “no”.".to_owned())),
    };
    ui.state.deployer.set_pinned(&app, &deployment, pinned, &ui.actor()).await?;
    Ok(Redirect::to(&present::deployment_url(&app, number)))
}
