//! The page between a wish to roll back and the rollback: what would change, against what serves now.

use std::collections::HashSet;

use axum::response::Response;
use serde::Serialize;

use super::{
    by_number,
    compare::numbered,
    comparison::{Commits, Settings, Side},
};
use crate::{
    db,
    deploy::{self, Sight},
    domain::{
        app::App,
        app_config::{AppConfig, difference::differences},
        deployment::{Deployment, Status},
        ids::DeploymentId,
    },
    web::{
        AppState,
        accepted::accepted,
        app_page, apps,
        error::Error,
        extract::At,
        form::Typed,
        frame::When,
        present::{self, AppLink, Commit},
        ui::Ui,
        view::View,
    },
};

#[derive(Serialize)]
struct Show {
    app: AppLink,
    target: Side,
    url: String,
    act: String,
    /// Why there is no way back to this one.
    refused: Option<String>,
    plan: Option<Plan>,
    kept: Vec<Choice>,
}

impl View for Show {
    const TEMPLATE: &'static str = "deployments/rollback.html";
}

/// What going back would change.
#[derive(Serialize)]
struct Plan {
    /// What serves now.
    live: Option<Compared>,
    switch_note: String,
    /// The sealed settings of then that have another value today: the choice is about those.
    values: Vec<String>,
    /// Who has paused auto-deploy already.
    paused_by: Option<String>,
    /// What is under way, and what becomes of it.
    under_way: Vec<String>,
    has_volumes: bool,
}

#[derive(Serialize)]
struct Compared {
    side: Side,
    settings: Settings,
    commits: Commits,
}

/// A kept deployment that one could go back to instead.
#[derive(Serialize)]
struct Choice {
    number: i64,
    url: String,
    commit: Option<Commit>,
    when: When,
    pinned: bool,
    chosen: bool,
}

pub(in crate::web) async fn show(ui: Ui, At((slug, number)): At<(String, i64)>) -> Result<Response, Error> {
    let (app, target) = by_number(&ui.state, &slug, number).await?;
    let (plan, refused) = match ui.state.deployer.plan_rollback(&app, &target, false).await {
        Ok(config) => (Some(plan(&ui.state, &app, &target, &config).await?), None),
        Err(deploy::Error::Refused(sentence)) => (None, Some(sentence)),
        Err(err) => return Err(err.into()),
    };
    let page = Show {
        target: Side::load(&ui.state, &app, &target).await?,
        url: present::deployment_url(&app, number),
        act: format!("{}/rollbacks", present::app_url(&app)),
        refused,
        plan,
        kept: choices(&ui.state, &app, number).await?,
        app: AppLink::new(&app),
    };
    ui.page(&format!("Roll back to #{number}: {}", page.app.name), &page)
}

/// Rolls back.
pub(in crate::web) async fn create(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    if typed.text("deployment").is_empty() {
        return Err(Error::BadRequest("“deployment” is missing: the number of the one to go back to.".to_owned()));
    }
    let target = numbered(&ui.state, &app, typed.text("deployment")).await?.map_err(|invalid| Error::BadRequest(invalid.0))?;
    let keeps_values = match typed.text_or("values", "kept") {
        "kept" => false,
        "current" => true,
        _ => return Err(Error::BadRequest("“values” is either “kept” (those of then) or “current” (those of today).".to_owned())),
    };
    let deployment = ui.state.deployer.roll_back(&app, target.number, keeps_values, &ui.actor()).await?;
    accepted(&ui, &app, &deployment).await
}

async fn plan(state: &AppState, app: &App, target: &Deployment, config: &AppConfig) -> Result<Plan, Error> {
    let live = match app.live_deployment {
        Some(live) => Some(db::deployments::get(state.db.read(), live).await?),
        None => None,
    };
    let made_with = db::snapshots::of(state.db.read(), app, live.as_ref()).await?;
    let sight = match &live {
        Some(live) => apps::sight(state, Some(live)).await,
        None => Sight::Gone,
    };
    let held = live.as_ref().map(|_| app_page::held(&made_with.run.ports, &sight));
    let compared = match &live {
        Some(live) => Some(Compared {
            side: Side::load(state, app, live).await?,
            settings: Settings::between(&made_with, config),
            commits: Commits::between(state, live, target).await,
        }),
        None => None,
    };
    let unfinished = db::deployments::unfinished(state.db.read(), app.id).await?;
    Ok(Plan {
        live: compared,
        switch_note: present::switch_note(&config.run, held.as_deref()),
        values: differences(config, &config.with_values_of(&app.config)).into_iter().map(|it| it.what).collect(),
        paused_by: app.auto_deploy_paused.as_ref().map(|pause| pause.by.clone()),
        under_way: unfinished.iter().map(|other| fate(other, target)).collect(),
        has_volumes: !config.run.volumes.is_empty(),
    })
}

/// What becomes of a deployment that has not ended when a rollback is asked for.
fn fate(other: &Deployment, target: &Deployment) -> String {
    let number = other.number;
    match other.status {
        _ if other.trigger.is_automatic() => format!("#{number} is {}, because of a push. It is cancelled.", other.status),
        Status::Queued if other.rollback.is_some_and(|it| it.to == target.number) => {
            format!("#{number} waits for its turn and goes back there already; with the other choice of values this takes its place.")
        }
        Status::Queued if other.rollback.is_some() => format!("#{number}, another rollback, waits for its turn. It is cancelled."),
        Status::Queued => format!("#{number} waits for its turn and goes first: cancel it if it is not wanted any more."),
        status => format!("#{number} is {status} and goes first: cancel it if it is not wanted any more."),
    }
}

/// The kept deployments but the one that serves, newest first.
async fn kept_others(state: &AppState, app: &App, kept: &HashSet<DeploymentId>) -> Result<Vec<Deployment>, Error> {
    let mut others = Vec::new();
    for id in kept.iter().filter(|id| app.live_deployment != Some(**id)) {
        others.push(db::deployments::get(state.db.read(), *id).await?);
    }
    others.sort_by_key(|it| std::cmp::Reverse(it.number));
    Ok(others)
}

async fn choices(state: &AppState, app: &App, chosen: i64) -> Result<Vec<Choice>, Error> {
    let kept = state.deployer.kept(app).await?;
    let choice = |it: Deployment| Choice {
        number: it.number,
        url: format!("{}/rollback", present::deployment_url(app, it.number)),
        commit: present::commit(&it),
        when: it.times.queued.into(),
        pinned: it.pinned.is_some(),
        chosen: it.number == chosen,
    };
    Ok(kept_others(state, app, &kept).await?.into_iter().map(choice).collect())
}

/// Where going back from the live deployment begins: at the newest kept one from before its image served for the first time. What came after
/// that and does not serve was left, perhaps by a rollback; it is offered only where nothing older is kept, and then one with another image
/// rather than one with the same.
pub(in crate::web) async fn way_back(
    state: &AppState,
    app: &App,
    live: &Deployment,
    kept: &HashSet<DeploymentId>,
) -> Result<Option<String>, Error> {
    let others = kept_others(state, app, kept).await?;
    let is_same = |it: &&Deployment| it.image == live.image;
    let first = match &live.image {
        Some(image) => db::deployments::kept::first_with(state.db.read(), app.id, image).await?.unwrap_or(live.number),
        None => live.number,
    };
    let older = others.iter().find(|it| it.number < first);
    let best = older.or_else(|| others.iter().find(|it| !is_same(it))).or(others.first());
    Ok(best.and_then(|it| present::rollback_url(app, it, kept)))
}
