//! Deployments of an app: the list, one of them with its journal, and the acts on them.

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, Serialize};
use tokio_util::io::ReaderStream;

use super::{
    AppState, apps,
    error::Error,
    extract::{Asked, At},
    form::Typed,
    frame::When,
    present::{self, Address, AppLink, Badge, Commit, DeploymentRow, Line, Phase},
    ui::Ui,
    view::View,
};
use crate::{
    db,
    domain::{
        app::App,
        commit::CommitId,
        deployment::{Cause, Deployment, Status, Trigger},
        moment::{Moment, duration},
    },
    logs::journal::{self, Mark},
};

/// A page of the list.
const PAGE: i64 = 50;
/// How many lines of a journal a page shows.
const JOURNAL_LINES: usize = 1000;
/// How many of them are repeated under a failure.
const FAILURE_LINES: usize = 20;

/// The app and the deployment that a path names.
async fn by_number(state: &AppState, slug: &str, number: i64) -> Result<(App, Deployment), Error> {
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
}

impl View for Index {
    const TEMPLATE: &'static str = "deployments/index.html";
}

#[derive(Deserialize)]
pub(super) struct Place {
    before: Option<i64>,
}

pub(super) async fn index(ui: Ui, At(slug): At<String>, Asked(place): Asked<Place>) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let below = place.before.unwrap_or(i64::MAX);
    let mut rows = db::deployments::before(ui.state.db.read(), app.id, below, PAGE + 1).await?;
    let more = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
    let url = format!("{}/deployments", present::app_url(&app));
    let view = Index {
        older: rows.last().filter(|_| more).map(|last| format!("{url}?before={}", last.number)),
        newer: place.before.map(|_| url),
        deployments: rows.iter().map(|it| DeploymentRow::new(&app, it)).collect(),
        app: AppLink::new(&app),
    };
    ui.page(&format!("Deployments of {}", app.name), &view)
}

pub(super) async fn create(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Redirect, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let commit = match typed.text("commit") {
        "" => None,
        text => Some(text.parse::<CommitId>().map_err(|invalid| Error::BadRequest(invalid.0))?),
    };
    let deployment = ui.state.deployer.deploy_now(&app, commit.as_ref(), ui.user_name()).await?;
    Ok(Redirect::to(&present::deployment_url(&app, deployment.number)))
}

pub(super) async fn cancel(ui: Ui, At((slug, number)): At<(String, i64)>) -> Result<Redirect, Error> {
    let (app, deployment) = by_number(&ui.state, &slug, number).await?;
    ui.state.deployer.cancel(&deployment, ui.user_name()).await?;
    Ok(Redirect::to(&present::deployment_url(&app, number)))
}

/// The journal as it is kept.
pub(super) async fn download(ui: Ui, At((slug, number)): At<(String, i64)>) -> Result<Response, Error> {
    let (app, deployment) = by_number(&ui.state, &slug, number).await?;
    let body = match tokio::fs::File::open(ui.state.deployer.journal(&deployment)).await {
        Ok(file) => Body::from_stream(ReaderStream::new(file)),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Body::empty(),
        Err(err) => return Err(err.into()),
    };
    let disposition = format!("attachment; filename=\"{}-{number}.log\"", app.slug);
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, disposition)], body).into_response())
}

#[derive(Serialize)]
struct Show {
    app: AppLink,
    deployment: DeploymentPage,
    journal: JournalPage,
}

impl View for Show {
    const TEMPLATE: &'static str = "deployments/show.html";
}

#[derive(Serialize)]
struct DeploymentPage {
    number: i64,
    url: String,
    badge: Badge,
    status: Status,
    finished: bool,
    live: bool,
    commit: Option<Commit>,
    message_body: Option<String>,
    trigger: Trigger,
    by: Option<String>,
    attempt: i64,
    when: When,
    duration: Option<String>,
    phases: Vec<Phase>,
    failure: Option<FailureView>,
    note: Option<Note>,
    serving: Option<String>,
    cancel_url: Option<String>,
    retry: bool,
    image: Option<String>,
    container: Option<String>,
    switch: Option<String>,
    address: Option<Address>,
}

#[derive(Serialize)]
struct FailureView {
    cause: Cause,
    title: &'static str,
    sentence: String,
    hint: Option<String>,
    tail: Vec<Line>,
}

#[derive(Serialize)]
struct Note {
    sentence: String,
    hint: Option<String>,
}

#[derive(Serialize)]
struct JournalPage {
    lines: Vec<Line>,
    from_start_url: Option<String>,
    to_end_url: Option<String>,
    download_url: String,
    empty: bool,
    live: bool,
}

#[derive(Deserialize)]
pub(super) struct JournalPlace {
    from: Option<String>,
}

pub(super) async fn show(ui: Ui, At((slug, number)): At<(String, i64)>, Asked(place): Asked<JournalPlace>) -> Result<Response, Error> {
    let (app, deployment) = by_number(&ui.state, &slug, number).await?;
    let serving = match app.live_deployment {
        Some(live) if live != deployment.id => Some(db::deployments::get(ui.state.db.read(), live).await?.number),
        _ => None,
    };
    let from_start = place.from.as_deref() == Some("start");
    let file = ui.state.deployer.journal(&deployment);
    let (lines, truncated, last) =
        tokio::task::spawn_blocking(move || read_journal(&file, from_start)).await.map_err(|err| Error::Internal(err.into()))??;

    let busy = !deployment.status.is_end();
    let url = present::deployment_url(&app, number);
    let journal = JournalPage {
        from_start_url: (truncated && !from_start).then(|| format!("{url}?from=start#journal")),
        to_end_url: (from_start && lines.last().map(|line| line.number) < last.last().map(|line| line.number)).then(|| url.clone()),
        download_url: format!("{url}/journal"),
        empty: lines.is_empty(),
        live: busy,
        lines: lines.iter().map(Line::from).collect(),
    };
    let address = apps::live_address(&ui, &app, &deployment).await?;
    let note = note(&ui, &deployment).await?;
    let page = DeploymentPage { address, note, ..deployment_page(&app, &deployment, serving, &lines, &last) };
    let title = format!("{} #{number}: {}", present::title_sign(deployment.status), app.name);
    ui.live(busy).page(&title, &Show { app: AppLink::new(&app), deployment: page, journal })
}

type JournalLines = Vec<journal::Line>;

/// The lines to show, whether lines come before them, and the very last ones.
fn read_journal(file: &std::path::Path, from_start: bool) -> std::io::Result<(JournalLines, bool, JournalLines)> {
    let tail = journal::tail(file, JOURNAL_LINES)?;
    let last = tail.lines[tail.lines.len().saturating_sub(FAILURE_LINES)..].to_vec();
    if from_start { Ok((journal::head(file, JOURNAL_LINES)?, false, last)) } else { Ok((tail.lines, tail.truncated, last)) }
}

fn deployment_page(
    app: &App,
    deployment: &Deployment,
    serving: Option<i64>,
    lines: &[journal::Line],
    last: &[journal::Line],
) -> DeploymentPage {
    let anchor = |phase: Status| {
        lines.iter().rfind(|line| line.mark == Mark::Phase && line.text == phase.as_str().as_bytes()).map(|line| line.number)
    };
    let finished = deployment.status.is_end();
    let live = app.live_deployment == Some(deployment.id);
    let url = present::deployment_url(app, deployment.number);
    let message_body = deployment.commit.as_ref().map(|commit| commit.message.clone()).filter(|message| message.lines().count() > 1);
    DeploymentPage {
        number: deployment.number,
        badge: deployment.status.into(),
        status: deployment.status,
        finished,
        live,
        commit: present::commit(deployment),
        message_body,
        trigger: deployment.trigger,
        by: deployment.requested_by.clone(),
        attempt: deployment.attempt,
        when: deployment.times.queued.into(),
        duration: present::took(deployment),
        phases: present::phases(deployment, Moment::now(), anchor),
        failure: failure(deployment, last),
        note: None,
        serving: serving.map(|number| format!("#{number} still serves.")).filter(|_| deployment.status != Status::Success),
        cancel_url: (!finished && !live && deployment.cancel.is_none()).then(|| format!("{url}/cancellation")),
        retry: matches!(deployment.status, Status::Failed | Status::Cancelled),
        image: deployment.image.as_deref().map(present::short_id),
        container: deployment.container.as_deref().map(present::short_id),
        switch: present::switch(deployment).map(|switch| match deployment.gap_ms {
            Some(gap) => format!("{switch}, gap {}", duration(gap)),
            None => switch,
        }),
        address: None,
        url,
    }
}

fn failure(deployment: &Deployment, last: &[journal::Line]) -> Option<FailureView> {
    let ending = deployment.ending.as_ref()?;
    Some(FailureView {
        cause: ending.cause?,
        title: match ending.phase {
            Status::Cloning => "Fetching failed",
            Status::Building => "Build failed",
            Status::Deploying => "Starting failed",
            _ => "Deployment failed",
        },
        sentence: ending.sentence.clone(),
        hint: ending.hint.clone(),
        tail: of_the_last_phase(last).filter(|line| line.mark == Mark::Out).map(Line::from).collect(),
    })
}

fn of_the_last_phase(lines: &[journal::Line]) -> impl Iterator<Item = &journal::Line> {
    let begin = lines.iter().rposition(|line| line.mark == Mark::Phase).unwrap_or(0);
    lines[begin..].iter()
}

/// What else there is to say: how it ended without a fault, or what it waits for.
async fn note(ui: &Ui, deployment: &Deployment) -> Result<Option<Note>, Error> {
    if let Some(ending) = deployment.ending.as_ref().filter(|ending| ending.cause.is_none()) {
        return Ok(Some(Note { sentence: ending.sentence.clone(), hint: ending.hint.clone() }));
    }
    let sentence = match (&deployment.cancel, deployment.status.is_end()) {
        (_, true) => None,
        (Some(_), _) if !ui.state.deployer.engine().is_up() => Some("Cancelling: ends when the engine answers again.".to_owned()),
        (Some(_), _) => Some("Cancelling…".to_owned()),
        (None, _) => ui.state.deployer.place(deployment).await?.map(|place| present::place(&place)),
    };
    Ok(sentence.map(|sentence| Note { sentence, hint: None }))
}
