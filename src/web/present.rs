//! How apps and deployments look on pages: badges, phases, addresses. What several pages show is decided here, once.

use serde::Serialize;

use super::frame::When;
use crate::{
    deploy::Sight,
    domain::{
        app::{App, AppConfig, DesiredState},
        commit::CommitFacts,
        connection::Verdict,
        container::Health,
        deployment::{Deployment, Status, Switch, Trigger},
        moment::{Moment, duration},
        port::{HostPort, Publish},
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
pub(super) fn app_badge(app: &App, newest: Option<&Deployment>, container: &Sight) -> Badge {
    let Some(_) = app.live_deployment else {
        return match newest.map(|it| it.status) {
            None => badge("idle", "circle", "Not deployed"),
            Some(Status::Success) => badge("idle", "circle", "Not deployed"),
            Some(status) => status.into(),
        };
    };
    match container {
        Sight::Unknown => badge("warning", "alert", "Unknown"),
        Sight::Gone => badge("failed", "alert", "Container removed"),
        Sight::There(it) if it.running && it.health == Health::Unhealthy => badge("failed", "alert", "Unhealthy"),
        Sight::There(it) if it.running && it.health == Health::Starting => badge("running", "spinner", "Starting"),
        Sight::There(it) if it.running => badge("success", "check", "Running"),
        Sight::There(it) if it.restarting => badge("failed", "refresh", "Restarting"),
        Sight::There(_) if app.desired_state == DesiredState::Stopped => badge("idle", "stop", "Stopped"),
        Sight::There(_) => badge("failed", "cross", "Exited"),
    }
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

/// Where an app answers; a link when a browser that reached this page can open it.
#[derive(Serialize)]
pub(super) struct Address {
    text: String,
    url: Option<String>,
}

/// The address of a published port, as seen from the browser at `host`.
pub(super) fn address(publish: &Publish, host_port: Option<u16>, host: &str) -> Option<Address> {
    let (port, inside) = (host_port?, publish.container_port?);
    let on = publish.host_address;
    let at_home = at_home(host);
    let name = match on {
        _ if on.is_unspecified() => Some(host.to_owned()),
        _ if on.is_loopback() => at_home.map(str::to_owned),
        std::net::IpAddr::V6(on) => Some(format!("[{on}]")),
        std::net::IpAddr::V4(on) => Some(on.to_string()),
    };
    let shown = if on.is_unspecified() { String::new() } else { on.to_string() };
    Some(Address { text: format!("{shown}:{port} → {inside}"), url: name.map(|name| format!("http://{name}:{port}/")) })
}

/// For a browser on this machine, this machine's other name: cookies know no ports, so under the same name the app would get ours.
fn at_home(host: &str) -> Option<&'static str> {
    match host {
        "localhost" => Some("127.0.0.1"),
        "127.0.0.1" | "[::1]" => Some("localhost"),
        _ => None,
    }
}

/// How the next deployment of an app will take over, and why.
pub(super) fn switch_note(config: &AppConfig) -> String {
    match config.publish.exclusive_port() {
        Some(port) => format!(
            "Replace: host port {port} can be held by one container only, so the old version stops before the new one starts. The gap is measured and shown."
        ),
        None => "Overlap: the new version starts beside the old one and takes over when it runs, so there is no gap.".to_owned(),
    }
}

/// The host port of a configuration, for people.
pub(super) fn host_port(publish: &Publish) -> String {
    match publish.host_port {
        HostPort::None => "not published".to_owned(),
        HostPort::Auto => format!("{} : chosen by the engine", publish.host_address),
        HostPort::Fixed(port) => format!("{}:{port}", publish.host_address),
    }
}

/// A phase of a deployment in the bar.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Phase {
    name: &'static str,
    word: &'static str,
    state: &'static str,
    duration: Option<String>,
    anchor: Option<String>,
}

/// The four phases of a deployment, as far as they came. `anchor` finds a phase's line in the journal.
pub(super) fn phases(deployment: &Deployment, now: Moment, anchor: impl Fn(Status) -> Option<u64>) -> Vec<Phase> {
    let times = &deployment.times;
    let begins = [Some(times.queued), times.cloning, times.building, times.deploying];
    let table = [
        (Status::Queued, "queued", "queued"),
        (Status::Cloning, "cloning", "cloned"),
        (Status::Building, "building", "built"),
        (Status::Deploying, "deploying", "deployed"),
    ];
    let last = begins.iter().rposition(Option::is_some).unwrap_or(0);
    table
        .iter()
        .enumerate()
        .map(|(place, (phase, doing, done))| {
            let ended = begins[place + 1..].iter().flatten().next().copied().or(times.finished);
            let state = match deployment.status {
                _ if begins[place].is_none() && place > last => "todo",
                Status::Failed if place == last => "failed",
                Status::Cancelled | Status::Superseded | Status::Skipped if place == last => "stopped",
                status if !status.is_end() && place == last => "current",
                _ => "done",
            };
            Phase {
                name: doing,
                word: if state == "done" { done } else { doing },
                state,
                duration: begins[place].map(|begin| duration(ended.unwrap_or(now).since(begin))),
                anchor: anchor(*phase).map(|line| format!("#L{line}")),
            }
        })
        .collect()
}

/// A line of a list of deployments.
#[derive(Serialize)]
pub(super) struct DeploymentRow {
    number: i64,
    url: String,
    badge: Badge,
    commit: Option<Commit>,
    trigger: Trigger,
    when: When,
    duration: Option<String>,
    reason: Option<String>,
    live: bool,
}

impl DeploymentRow {
    pub(super) fn new(app: &App, deployment: &Deployment) -> Self {
        Self {
            number: deployment.number,
            url: deployment_url(app, deployment.number),
            badge: deployment.status.into(),
            commit: commit(deployment),
            trigger: deployment.trigger,
            when: deployment.times.queued.into(),
            duration: took(deployment),
            reason: deployment.ending.as_ref().map(|ending| ending.sentence.clone()),
            live: app.live_deployment == Some(deployment.id),
        }
    }
}

/// How long a deployment has taken, or takes by now.
pub(super) fn took(deployment: &Deployment) -> Option<String> {
    let begin = deployment.times.cloning?;
    Some(duration(deployment.times.finished.unwrap_or_else(Moment::now).since(begin)))
}

/// How a deployment took over, for people.
pub(super) fn switch(deployment: &Deployment) -> Option<String> {
    Some(match (deployment.switch?, deployment.host_port) {
        (Switch::Overlap, _) => "overlap: no gap".to_owned(),
        (Switch::Replace, Some(port)) => format!("replace: host port {port}"),
        (Switch::Replace, None) => "replace".to_owned(),
    })
}

/// The app in a breadcrumb.
#[derive(Serialize)]
pub(super) struct AppLink {
    slug: String,
    name: String,
    url: String,
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

/// The state in a page's title: `● Building`.
pub(super) fn title_sign(status: Status) -> String {
    let sign = match status {
        Status::Queued | Status::Cloning | Status::Building | Status::Deploying => "●",
        Status::Success => "✓",
        Status::Failed => "✕",
        Status::Cancelled | Status::Superseded | Status::Skipped => "○",
    };
    format!("{sign} {}", Badge::from(status).word)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        deployment::{Ending, Times},
        ids::{AppId, DeploymentId},
    };

    fn deployment(status: Status, begins: [Option<i64>; 3], finished: Option<i64>) -> Deployment {
        let at = |seconds: i64| Moment::from_unix_ms(seconds * 1000);
        let [cloning, building, deploying] = begins.map(|begin| begin.map(at));
        Deployment {
            id: DeploymentId::new(),
            app: AppId::new(),
            number: 1,
            trigger: Trigger::Manual,
            requested_by: None,
            status,
            attempt: 1,
            requested_commit: None,
            commit: None,
            snapshot: None,
            image: None,
            container: None,
            host_port: None,
            switch: None,
            gap_ms: None,
            times: Times { queued: at(0), cloning, building, deploying, finished: finished.map(at) },
            cancel_requested: false,
            ending: finished.map(|_| Ending::without_fault(Status::Queued, "")),
        }
    }

    fn bar(deployment: &Deployment) -> String {
        let phases = phases(deployment, Moment::from_unix_ms(60_000), |_| None);
        let said: Vec<String> =
            phases.iter().map(|it| format!("{} {} {}", it.word, it.state, it.duration.as_deref().unwrap_or("-"))).collect();
        said.join(", ")
    }

    #[test]
    fn the_bar_tells_how_far_a_deployment_came() {
        let bars = [
            bar(&deployment(Status::Queued, [None; 3], None)),
            bar(&deployment(Status::Building, [Some(1), Some(3), None], None)),
            bar(&deployment(Status::Failed, [Some(1), Some(3), None], Some(9))),
            bar(&deployment(Status::Cancelled, [None; 3], Some(5))),
            bar(&deployment(Status::Success, [Some(1), Some(3), Some(9)], Some(12))),
        ];
        insta::assert_snapshot!(bars.join("\n"), @r"
        queued current 1 m 0 s, cloning todo -, building todo -, deploying todo -
        queued done 1.0 s, cloned done 2.0 s, building current 57 s, deploying todo -
        queued done 1.0 s, cloned done 2.0 s, building failed 6.0 s, deploying todo -
        queued stopped 5.0 s, cloning todo -, building todo -, deploying todo -
        queued done 1.0 s, cloned done 2.0 s, built done 6.0 s, deployed done 3.0 s
        ");
    }

    #[test]
    fn an_address_is_a_link_only_where_it_can_be_opened() {
        let link = |on: &str, host: &str| {
            let publish = Publish { container_port: Some(80), host_address: on.parse().expect("valid"), host_port: HostPort::Auto };
            address(&publish, Some(8081), host).expect("published").url
        };
        assert_eq!(link("0.0.0.0", "box.lan").as_deref(), Some("http://box.lan:8081/"));
        assert_eq!(link("127.0.0.1", "box.lan"), None);
        assert_eq!(link("127.0.0.1", "localhost").as_deref(), Some("http://127.0.0.1:8081/"));
        assert_eq!(link("192.0.2.4", "box.lan").as_deref(), Some("http://192.0.2.4:8081/"));
    }
}
