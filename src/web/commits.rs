//! Choosing a commit to deploy: the recent ones of the branch, or one by its id.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, Serialize};

use super::{
    apps,
    error::Error,
    extract::{Asked, At},
    form::{FormView, Typed},
    frame::When,
    present::{self, AppLink, Commit},
    ui::Ui,
    view::View,
};
use crate::{
    db, deploy,
    domain::{
        Invalid,
        app::App,
        commit::{CommitFacts, CommitId},
    },
};

/// The field for an id.
const COMMIT: &str = "commit";
/// That there was none that is new.
const NOTHING: &str = "nothing";
/// So many of the deployments that made a commit live are shown.
const DEPLOYMENTS_MAX: usize = 3;

#[derive(Serialize)]
struct Picker {
    app: AppLink,
    branch: String,
    commits: Vec<Row>,
    form: FormView,
    /// Why no new commits could be looked for.
    trouble: Option<String>,
}

impl View for Picker {
    const TEMPLATE: &'static str = "commits/index.html";
}

#[derive(Serialize)]
struct Row {
    commit: Commit,
    when: When,
    live: bool,
    deployments: Vec<Made>,
    more: usize,
}

/// A deployment that made a commit live.
#[derive(Serialize)]
struct Made {
    number: i64,
    url: String,
}

fn empty() -> FormView {
    FormView::new(&[(COMMIT, ""), ("no_cache", "")])
}

#[derive(Deserialize)]
pub(super) struct Said {
    /// What a look for new commits has found.
    #[serde(default)]
    looked: Option<String>,
}

pub(super) async fn index(ui: Ui, At(slug): At<String>, Asked(said): Asked<Said>) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let ui = match said.looked.as_deref() {
        Some(NOTHING) => ui.good_news(&format!("There is no new commit on {}.", app.config.source.branch)),
        _ => ui,
    };
    page(&ui, &app, empty(), None).await
}

/// Looks for new commits.
pub(super) async fn look(ui: Ui, At(slug): At<String>) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let before = newest(&ui, &app).await;
    match ui.state.deployer.look_for_commits(&app).await {
        Ok(()) => {
            let is_new = before.is_none() || newest(&ui, &app).await != before;
            let news = if is_new { String::new() } else { format!("?looked={NOTHING}") };
            Ok(Redirect::to(&format!("{}/commits{news}", present::app_url(&app))).into_response())
        }
        Err(deploy::Error::Refused(why)) => {
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&ui, &app, empty(), Some(why)).await?).into_response())
        }
        Err(err) => Err(err.into()),
    }
}

/// The tip of the branch, as last fetched; none when it never was, or cannot be read.
async fn newest(ui: &Ui, app: &App) -> Option<CommitId> {
    ui.state.deployer.recent_commits(app).await.ok()?.into_iter().next().map(|it| it.id)
}

/// The commit that is asked for, if one is: by the picker's buttons, by its field, or by a program. What is wrong with it is a sentence.
pub(super) async fn asked(ui: &Ui, app: &App, typed: &Typed) -> Result<Result<Option<CommitId>, Invalid>, Error> {
    let text = typed.text(COMMIT);
    match (text, typed.text("by_id")) {
        ("", "") => return Ok(Ok(None)),
        ("", _) => return Ok(Err(Invalid::because("Type the commit's id."))),
        _ => {}
    }
    let name = match text.parse() {
        Ok(name) => name,
        Err(invalid) => return Ok(Err(invalid)),
    };
    match ui.state.deployer.find_commit(app, &name).await {
        Ok(found) => Ok(found.map(Some)),
        // Beside what was typed; a program has typed nothing, and the reason is not in what it sent.
        Err(deploy::Error::Refused(why)) if !ui.answers_json => Ok(Err(Invalid::because(why))),
        Err(err) => Err(err.into()),
    }
}

/// The page again, with what is wrong beside the field.
pub(super) async fn came_back(ui: &Ui, app: &App, typed: &Typed, invalid: Invalid) -> Result<Response, Error> {
    let mut form = empty().filled(typed, &[]);
    form.check::<()>(COMMIT, Err(invalid));
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(ui, app, form, None).await?).into_response())
}

async fn page(ui: &Ui, app: &App, form: FormView, trouble: Option<String>) -> Result<Response, Error> {
    let (commits, unreadable) = match ui.state.deployer.recent_commits(app).await {
        Ok(commits) => (commits, None),
        Err(deploy::Error::Refused(why)) => (Vec::new(), Some(why)),
        Err(err) => return Err(err.into()),
    };
    let picker = Picker {
        commits: rows(ui, app, &commits).await?,
        app: AppLink::new(app),
        branch: app.config.source.branch.to_string(),
        form,
        trouble: trouble.or(unreadable),
    };
    ui.page(&format!("Deploy a commit: {}", app.name), &picker)
}

async fn rows(ui: &Ui, app: &App, commits: &[CommitFacts]) -> Result<Vec<Row>, Error> {
    let ids: Vec<CommitId> = commits.iter().map(|it| it.id.clone()).collect();
    let deployed = db::commits::deployed(ui.state.db.read(), app.id, &ids).await?;
    let live = match app.live_deployment {
        Some(live) => Some(db::deployments::get(ui.state.db.read(), live).await?.number),
        None => None,
    };
    let row = |facts: &CommitFacts| {
        let made: Vec<i64> = deployed.iter().filter(|(id, _)| *id == facts.id.as_str()).map(|(_, number)| *number).collect();
        Row {
            commit: facts.into(),
            when: facts.committed_at.into(),
            live: made.iter().any(|number| Some(*number) == live),
            more: made.len().saturating_sub(DEPLOYMENTS_MAX),
            deployments: made
                .iter()
                .take(DEPLOYMENTS_MAX)
                .map(|number| Made { number: *number, url: present::deployment_url(app, *number) })
                .collect(),
        }
    };
    Ok(commits.iter().map(row).collect())
}
