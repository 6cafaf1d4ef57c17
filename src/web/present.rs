//! How apps and deployments look on pages: badges, phases, addresses. What several pages show is decided here, once.

mod address;
mod phases;
mod record;
mod row;

pub(super) use crate::domain::size::size;
pub(super) use address::{Address, address, host_port};
pub(super) use phases::{Phase, phases};
pub(super) use record::RecordView;
pub(super) use row::{DeploymentRow, rollback_url};

use serde::Serialize;

use super::view::Mood;
use crate::{
    deploy::{Place, Sight},
    domain::{
        app::{App, DesiredState},
        app_config::{
            RunConfig,
            difference::{Difference, Needs},
        },
        commit::CommitFacts,
        connection::Verdict,
        container::Health,
        deployment::{Cause, Deployment, Status, Switch},
        moment::{Moment, duration},
        port::{self, Held, HostPort, Port},
    },
    logs::{
        ansi::{self, Span},
        journal::{self, Mark},
    },
};

/// A state: colour, icon and word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Badge {
    pub(super) kind: &'static str,
    pub(super) icon: &'static str,
    pub(super) word: &'static str,
}

impl Badge {
    /// What stands for it in a title.
    pub(super) fn sign(&self) -> &'static str {
        match self.kind {
            "success" => sign(Mood::Ok),
            "running" => sign(Mood::Busy),
            "failed" => sign(Mood::Failed),
            _ => NEITHER,
        }
    }
}

const fn badge(kind: &'static str, icon: &'static str, word: &'static str) -> Badge {
    Badge { kind, icon, word }
}

impl From<Status> for Badge {
    fn from(status: Status) -> Self {
        match status {
            Status::Queued => badge("waiting", "clock", "Queued"),
            Status::Cloning => badge("running", "spinner", "Cloning"),
            Status::Building => badge("running", "spinner", "Building"),
            Status::Deploying => badge("running", "spinner", "Deploying"),
            Status::Success => badge("success", "check", "Success"),
            Status::Failed => badge("failed", "cross", "Failed"),
            Status::Cancelled => badge("idle", "stop", "Cancelled"),
            Status::Superseded => badge("idle", "arrow-right", "Superseded"),
            Status::Skipped => badge("idle", "arrow-right", "Skipped"),
        }
    }
}

impl From<Verdict> for Badge {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Ok => badge("success", "check", "Works"),
            Verdict::Unconfirmed => badge("waiting", "lock", "Confirm the key"),
            Verdict::Changed => badge("warning", "alert", "Host key changed"),
            Verdict::Failed => badge("failed", "cross", "Does not work"),
        }
    }
}

/// The state of an app: what its container does, or what keeps it from having one.
pub(super) fn app_badge(app: &App, foremost: Option<&Deployment>, container: &Sight) -> Badge {
    let Some(_) = app.live_deployment else {
        return match foremost.map(|it| it.status) {
            None => badge("idle", "circle", "Not deployed"),
            Some(Status::Success) => badge("idle", "circle", "Not deployed"),
            Some(status) => status.into(),
        };
    };
    match container {
        Sight::Unknown => badge("warning", "alert", "Unknown"),
        Sight::There(it) if app.halted.is_some() && !it.running => badge("failed", "alert", "Crash loop"),
        Sight::Gone => badge("failed", "alert", "Container removed"),
        Sight::There(it) if it.paused => badge("warning", "pause", "Paused"),
        Sight::There(it) if it.running && it.health == Health::Unhealthy => badge("failed", "alert", "Unhealthy"),
        Sight::There(it) if it.running && it.health == Health::Starting => badge("running", "spinner", "Starting"),
        Sight::There(it) if it.running => badge("success", "check", "Running"),
        Sight::There(it) if it.restarting => badge("failed", "refresh", "Restarting"),
        Sight::There(_) if app.desired_state == DesiredState::Stopped => badge("idle", "stop", "Stopped"),
        Sight::There(_) => badge("failed", "cross", "Exited"),
    }
}

/// What a queued deployment waits for, for people.
pub(super) fn place(place: &Place) -> String {
    match place {
        Place::EngineAway => "Waiting for the engine.".to_owned(),
        Place::PuttingInOrder => "Waiting until what was interrupted is in order again.".to_owned(),
        Place::BehindItsOwn { ahead: 1, next } => format!("Waiting for its turn: #{next} of this app goes first."),
        Place::BehindItsOwn { ahead, next } => {
            format!("Waiting for its turn: {ahead} deployments of this app go first, #{next} is the next.")
        }
        Place::InLine { place, at_once } => {
            format!("Waiting for its turn: place {place} in the queue. {at_once} deployments run at once, over all apps.")
        }
        Place::Next => "Waiting for its turn: it starts now.".to_owned(),
    }
}

/// An engine's id as its own tools show it: 12 digits.
pub(super) fn short_id(id: &str) -> String {
    id.trim_start_matches("sha256:").chars().take(12).collect()
}

/// A commit: eight characters, its first line, its author.
#[derive(Serialize)]
pub(super) struct Commit {
    pub(super) short: String,
    pub(super) full: String,
    pub(super) subject: Option<String>,
    pub(super) author: Option<String>,
}

impl From<&CommitFacts> for Commit {
    fn from(commit: &CommitFacts) -> Self {
        Self {
            short: commit.id.short().to_owned(),
            full: commit.id.to_string(),
            subject: commit.message.lines().next().map(str::to_owned),
            author: Some(commit.author.clone()),
        }
    }
}

/// The commit of a deployment: what was fetched, or before that what was asked for.
pub(super) fn commit(deployment: &Deployment) -> Option<Commit> {
    deployment.commit.as_ref().map(Commit::from).or_else(|| {
        let id = deployment.requested_commit.as_ref()?;
        Some(Commit { short: id.short().to_owned(), full: id.to_string(), subject: None, author: None })
    })
}

/// How the next deployment of an app, which will have these ports, will take over from the live one with its own, and why.
pub(super) fn switch_note(next: &RunConfig, live: Option<&[Held]>) -> String {
    let shared = next.volumes.iter().any(|volume| !volume.read_only);
    let automatic = next.ports.iter().any(|port| port.host_port == HostPort::Auto);
    let overlap = format!(
        "Overlap: the new version starts beside the old one and takes over when it runs, so there is no gap.{}{}",
        if shared { " For that moment both write to the volumes." } else { "" },
        if automatic { " Its automatic host port is another one each time: what leads to it has to follow." } else { "" },
    );
    let Some(held) = next.ports.iter().find_map(Port::held) else { return overlap };
    let replace = |held: Held| {
        let gap = "so the old version stops before the new one starts. The gap is measured and shown.";
        format!("Replace: host port {} can be held by one container only, {gap}", held.port)
    };
    match live {
        None => format!("{} The first start needs none.", replace(held)),
        Some(live) => match port::clash(&next.ports, live) {
            Some(held) => replace(held),
            None => format!(
                "{overlap} That is true of the next deployment: what runs does not hold host port {0}. After it: replace, because one container only can hold port {0}.",
                held.port
            ),
        },
    }
}

/// Who or what a failure is about, in a word.
pub(super) const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::User => "app",
        Cause::Forge => "git host",
        Cause::Engine => "engine",
        Cause::Internal => "µPaaS",
    }
}

/// How long a deployment has taken, or takes by now.
pub(super) fn took(deployment: &Deployment) -> Option<String> {
    let begin = deployment.times.began()?;
    Some(duration(deployment.times.finished.unwrap_or_else(Moment::now).since(begin)))
}

/// How long a deployment takes so far, in milliseconds, while it does.
pub(super) fn running_ms(deployment: &Deployment) -> Option<u64> {
    let running = deployment.times.began().filter(|_| deployment.times.finished.is_none());
    running.map(|begin| Moment::now().since(begin))
}

/// How a deployment took over, for people; nothing unless it did.
pub(super) fn switch(deployment: &Deployment) -> Option<String> {
    if deployment.status != Status::Success {
        return None;
    }
    Some(match (deployment.switch, deployment.host_port) {
        (None, _) => "nothing to switch from".to_owned(),
        (Some(Switch::Overlap), _) => "overlap: no gap".to_owned(),
        (Some(Switch::Replace), Some(port)) => format!("replace: host port {port}"),
        (Some(Switch::Replace), None) => "replace".to_owned(),
    })
}

/// A setting that differs between two configurations.
#[derive(Serialize)]
pub(super) struct Change {
    what: String,
    old: Option<String>,
    new: Option<String>,
    pub(super) needs_build: bool,
}

impl From<Difference> for Change {
    fn from(it: Difference) -> Self {
        Self { what: it.what, old: it.old, new: it.new, needs_build: it.needs == Needs::Build }
    }
}

/// The app in a breadcrumb.
#[derive(Serialize)]
pub(super) struct AppLink {
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) url: String,
}

impl AppLink {
    pub(super) fn new(app: &App) -> Self {
        Self { slug: app.slug.to_string(), name: app.name.clone(), url: app_url(app) }
    }
}

/// `/apps/shop`.
pub(super) fn app_url(app: &App) -> String {
    format!("/apps/{}", app.slug)
}

/// `/apps/shop/deployments/12`.
pub(super) fn deployment_url(app: &App, number: i64) -> String {
    format!("/apps/{}/deployments/{number}", app.slug)
}

/// How a page stands that is about a deployment.
pub(super) fn mood(status: Status) -> Mood {
    match status {
        Status::Queued | Status::Cloning | Status::Building | Status::Deploying => Mood::Busy,
        Status::Failed => Mood::Failed,
        Status::Success | Status::Cancelled | Status::Superseded | Status::Skipped => Mood::Ok,
    }
}

/// A page's title that carries a deployment's state: `● #42 Building: shop`.
pub(super) fn deployment_title(number: i64, status: Status, app: &AppLink) -> String {
    let sign = match status {
        Status::Success => "✓",
        Status::Cancelled | Status::Superseded | Status::Skipped => NEITHER,
        status => sign(mood(status)),
    };
    format!("{sign} #{number} {}: {}", Badge::from(status).word, app.name)
}

/// In a title: what neither goes well nor has failed.
const NEITHER: &str = "○";

/// How a page stands, in a title.
pub(super) const fn sign(mood: Mood) -> &'static str {
    match mood {
        Mood::Ok => "✓",
        Mood::Busy => "●",
        Mood::Failed => "✕",
    }
}

/// A page's title that carries how it stands, unless all is well.
pub(super) fn title(mood: Mood, words: String) -> String {
    match mood {
        Mood::Ok => words,
        mood => format!("{} {words}", sign(mood)),
    }
}

/// A line of a journal, ready for the page.
#[derive(Serialize)]
pub(super) struct Line {
    number: u64,
    kind: &'static str,
    time: String,
    spans: Vec<Span>,
}

impl From<&journal::Line> for Line {
    fn from(line: &journal::Line) -> Self {
        Self {
            number: line.number,
            kind: match line.mark {
                Mark::Phase => "phase",
                Mark::Says => "says",
                Mark::Out => "out",
                Mark::Fail => "fail",
            },
            // The time of day of `2026-11-22T00:20:20.123Z`.
            time: line.time.get(11..23).unwrap_or_default().to_owned(),
            spans: ansi::render(&line.text),
        }
    }
}
