//! The page of one deployment: how it stands, why it ended so, its journal, and what to do next.

use axum::{http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};

use super::{
    by_number,
    ways::{Back, Ways},
};
use crate::{
    db,
    domain::{
        app::App,
        commit::CommitId,
        deployment::{Cause, Deployment, Rollback, Status, Trigger},
        moment::{Moment, duration},
    },
    logs::journal::{Line, Mark},
    web::{
        apps,
        error::Error,
        extract::{Asked, At},
        frame::When,
        journal::{self, JournalPage},
        live::{self, Tail},
        present::{self, Address, AppLink, Badge, Commit, Phase},
        standing,
        ui::Ui,
        view::{Mood, Piece, View, Watched},
    },
};

/// How many lines of a journal are repeated under a failure.
const FAILURE_LINES: usize = 20;

#[derive(Serialize)]
struct Show {
    app: AppLink,
    deployment: DeploymentPage,
    journal: JournalPage,
}

impl View for Show {
    const TEMPLATE: &'static str = "deployments/show.html";
}

impl Watched for Show {
    const PIECES: &'static [Piece] = &[
        Piece { id: "deployment", template: "deployments/_summary.html" },
        Piece { id: "journal-state", template: "deployments/_journal_state.html" },
    ];

    fn title(&self) -> String {
        present::deployment_title(self.deployment.number, self.deployment.status, &self.app)
    }

    fn mood(&self) -> Mood {
        present::mood(self.deployment.status)
    }

    /// What has ended is history: the page shows how things stood when it was opened, or when the end came.
    fn is_over(&self) -> bool {
        self.deployment.finished
    }
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
    running_ms: Option<u64>,
    phases: Vec<Phase>,
    failure: Option<FailureView>,
    note: Option<Note>,
    serving: Option<String>,
    cancel_url: Option<String>,
    retry: Option<Retry>,
    image: Option<String>,
    image_removed: bool,
    container: Option<String>,
    switch: Option<String>,
    address: Option<Address>,
    back: Option<Back>,
    ways: Ways,
}

/// The button that asks for it once more.
#[derive(Serialize)]
struct Retry {
    label: &'static str,
    url: String,
    fields: Vec<(&'static str, String)>,
    primary: bool,
}

#[derive(Serialize)]
struct FailureView {
    cause: Cause,
    title: &'static str,
    sentence: String,
    hint: Option<String>,
    tail: Vec<present::Line>,
}

#[derive(Serialize)]
struct Note {
    sentence: String,
    hint: Option<String>,
}

pub(in crate::web) async fn show(
    ui: Ui,
    At((slug, number)): At<(String, i64)>,
    Asked(asking): Asked<journal::Asking>,
) -> Result<Response, Error> {
    let (app, deployment) = by_number(&ui.state, &slug, number).await?;
    let journal = JournalPage::load(&ui, &app, &deployment, asking).await?;
    let from = if journal.live { format!("?from={}", journal.place) } else { String::new() };
    let stream = format!("{}/events{from}", present::deployment_url(&app, number));
    let page = load(&ui, &app, &deployment, journal).await?;
    // A thousand lines, each of which may change its colour at every character.
    tokio::task::block_in_place(|| ui.watched(&page, stream))
}

/// Where a stream of the page begins, when it carries the journal, too.
#[derive(Deserialize)]
pub(in crate::web) struct From {
    from: Option<u64>,
}

pub(in crate::web) async fn events(
    ui: Ui,
    headers: HeaderMap,
    At((slug, number)): At<(String, i64)>,
    Asked(From { from }): Asked<From>,
) -> Result<Response, Error> {
    let (_, deployment) = by_number(&ui.state, &slug, number).await?;
    let place = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok()).or(from);
    let tail = place.map(|place| Tail::new(&ui.state, &deployment, place));
    let live = tail.is_some();
    live::stream(ui, tail, move |ui| {
        let slug = slug.clone();
        async move {
            let (app, deployment) = by_number(&ui.state, &slug, number).await?;
            let journal = JournalPage::state(&app, &deployment, live);
            load(&ui, &app, &deployment, journal).await
        }
    })
    .await
}

async fn load(ui: &Ui, app: &App, deployment: &Deployment, journal: JournalPage) -> Result<Show, Error> {
    let serving = match app.live_deployment {
        Some(live) if live != deployment.id => {
            let live = db::deployments::get(ui.state.db.read(), live).await?;
            standing::still_serves(&live, &apps::sight(&ui.state, Some(&live)).await)
        }
        _ => None,
    };
    let tail = match deployment.ending.as_ref().and_then(|ending| ending.cause) {
        Some(_) => journal::last(&ui.state, deployment, FAILURE_LINES).await?,
        None => Vec::new(),
    };
    let address = apps::live_address(ui, app, deployment).await?;
    let note = note(ui, deployment).await?;
    let ways = Ways::load(&ui.state, app, deployment).await?;
    let page = DeploymentPage { address, note, ways, ..deployment_page(app, deployment, serving, &tail) };
    Ok(Show { app: AppLink::new(app), deployment: page, journal })
}

fn deployment_page(app: &App, deployment: &Deployment, serving: Option<String>, tail: &[Line]) -> DeploymentPage {
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
        running_ms: present::running_ms(deployment),
        phases: present::phases(deployment, Moment::now()),
        failure: failure(deployment, tail),
        note: None,
        serving: serving.filter(|_| deployment.status != Status::Success),
        cancel_url: (!finished && !live && deployment.cancel.is_none()).then(|| format!("{url}/cancellation")),
        retry: retry(app, deployment),
        image: deployment.image.as_deref().map(present::short_id),
        image_removed: deployment.image_removed.is_some(),
        container: deployment.container.as_deref().map(present::short_id),
        switch: present::switch(deployment).map(|switch| match deployment.gap_ms {
            Some(gap) => format!("{switch}, gap {}", duration(gap)),
            None => switch,
        }),
        address: None,
        back: Back::of(app, deployment),
        ways: Ways::default(),
        url,
    }
}

/// What asks for it once more: for exactly its commit, when that is known.
fn retry(app: &App, deployment: &Deployment) -> Option<Retry> {
    let commit = deployment.commit.as_ref().map(|commit| &commit.id).or(deployment.requested_commit.as_ref());
    let of_settings = deployment.trigger == Trigger::Config;
    let (label, of_settings) = match deployment.status {
        Status::Failed | Status::Cancelled => ("Retry", of_settings),
        Status::Success if commit.is_some() => ("Deploy this commit again", false),
        Status::Superseded | Status::Skipped if commit.is_some() => ("Deploy this commit", false),
        Status::Skipped => ("Deploy now", false),
        _ => return None,
    };
    let (act, fields) = match (of_settings, deployment.rollback) {
        (true, _) => ("apply", Vec::new()),
        (false, Some(rollback)) if deployment.status != Status::Success => ("rollbacks", rollback_fields(rollback)),
        _ => ("deployments", wish_fields(commit, deployment.no_cache)),
    };
    let primary = deployment.status != Status::Success;
    Some(Retry { label, url: format!("{}/{act}", present::app_url(app)), fields, primary })
}

fn rollback_fields(rollback: Rollback) -> Vec<(&'static str, String)> {
    let values = if rollback.keeps_values { "current" } else { "kept" };
    vec![("deployment", rollback.to.to_string()), ("values", values.to_owned())]
}

fn wish_fields(commit: Option<&CommitId>, no_cache: bool) -> Vec<(&'static str, String)> {
    let commit = commit.map(|commit| ("commit", commit.to_string()));
    commit.into_iter().chain(no_cache.then(|| ("no_cache", "yes".to_owned()))).collect()
}

fn failure(deployment: &Deployment, last: &[Line]) -> Option<FailureView> {
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
        tail: of_the_last_phase(last).filter(|line| line.mark == Mark::Out).map(present::Line::from).collect(),
    })
}

fn of_the_last_phase(lines: &[Line]) -> impl Iterator<Item = &Line> {
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
