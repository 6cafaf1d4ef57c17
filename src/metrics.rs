//! What Prometheus is told: what has happened since µPaaS was started, and how things stand now.
//!
//! What has happened is counted here as it happens. How things stand is brought along by whoever asks for the text ([`Snapshot`]), so
//! it is right from the first moment after a restart, and nothing that is no longer true stays. There is no global recorder: each
//! µPaaS of a process has its own numbers.
//!
//! # Apps that are deleted
//! Every series of an app is kept by the app's id, which the text does not show, and is left out when the snapshot does not know that
//! id. So an app that is created again under the same name begins at zero.
//!
//! # No label without an end
//! Every label's values are a closed set; a value from outside that is not in it is `other`.

mod families;
mod registry;
mod snapshot;
mod text;

pub use families::NAMES;
pub use snapshot::{AppNow, Snapshot, Stored};

use std::{sync::Arc, time::Duration};

use metrics::Label;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::domain::{
    audit::{Action, Outcome},
    delivery::Verdict,
    deployment::{Deployment, Status},
    ids::AppId,
    slug::Slug,
};
use registry::{Registry, label};

/// How often what was measured is folded into the histograms, so that it does not pile up when nobody asks.
const UPKEEP_EVERY: Duration = Duration::from_secs(30);
/// What a label says when its value is not in its set.
const OTHER: &str = "other";
/// The ends of deployments that ran.
const ENDS: [Status; 3] = [Status::Success, Status::Failed, Status::Cancelled];
/// The ends of deployments that did not have to.
const NOT_RUN: [Status; 2] = [Status::Superseded, Status::Skipped];
const PHASES: [Status; 3] = [Status::Cloning, Status::Building, Status::Deploying];
/// Gitea's and Forgejo's coarse events.
const EVENTS: &[&str] = &[
    "create",
    "delete",
    "fork",
    "issue_comment",
    "issues",
    "package",
    "pull_request",
    "pull_request_approved",
    "pull_request_comment",
    "pull_request_rejected",
    "push",
    "release",
    "repository",
    "status",
    "wiki",
    "workflow_job",
    "workflow_run",
];
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Counts what happens. Cheap to clone: clones count into the same numbers.
#[derive(Clone)]
pub struct Metrics {
    history: Arc<Registry>,
}

impl Metrics {
    /// Everything at zero.
    #[expect(clippy::new_without_default, reason = "numbers are begun on purpose, never by default")]
    pub fn new() -> Self {
        let history = Registry::new();
        for name in [families::DELIVERIES_UNKNOWN, families::OUTBOX_FAILURES] {
            history.count(name, vec![], 0);
        }
        for action in Action::ALL {
            for name in [families::AUDIT_EVENTS, families::AUDIT_FAILURES] {
                history.count(name, vec![label("action", action.as_str())], 0);
            }
        }
        Self { history: Arc::new(history) }
    }

    /// A deployment is over: `ended` is its row after that.
    pub fn deployment_ended(&self, slug: &Slug, ended: &Deployment) {
        let of_app = |more: &[Label]| of_app(ended.app, slug, more);
        if NOT_RUN.contains(&ended.status) {
            let reason = label("reason", ended.status.as_str());
            return self.history.count(families::DEPLOYMENTS_NOT_RUN, of_app(&[reason]), 1);
        }
        let status = label("status", ended.status.as_str());
        self.history.count(families::DEPLOYMENTS, of_app(std::slice::from_ref(&status)), 1);
        let (Some(began), Some(finished)) = (ended.times.began(), ended.times.finished) else { return };
        self.history.measure(families::DEPLOYMENTS_DURATION, of_app(&[status]), seconds(finished.since(began)));
        // A later attempt did not wait for its turn since it was asked for.
        if ended.attempt == 1 {
            self.history.measure(families::DEPLOYMENTS_QUEUE_DURATION, of_app(&[]), seconds(began.since(ended.times.queued)));
        }
        for (phase, began, ended) in ended.times.phases() {
            let took = ended.map_or(0, |ended| ended.since(began));
            self.history.measure(families::DEPLOYMENTS_PHASE_DURATION, of_app(&[label("phase", phase.as_str())]), seconds(took));
        }
    }

    /// A delivery came to an app's webhook URL, and this was decided about it.
    pub fn delivery(&self, app: AppId, slug: &Slug, event: &str, verdict: Verdict) {
        let event = EVENTS.iter().find(|known| **known == event).copied().unwrap_or(OTHER);
        let labels = [label("event_type", event), label("matched", matched(verdict == Verdict::Deploy))];
        self.history.count(families::WEBHOOK_EVENTS, of_app(app, slug, &labels), 1);
        self.history.count(families::DELIVERIES, of_app(app, slug, &[label("verdict", verdict.as_str())]), 1);
    }

    /// A delivery came to a webhook URL that no app has.
    pub fn unknown_delivery(&self) {
        self.history.count(families::DELIVERIES_UNKNOWN, vec![], 1);
    }

    /// An entry of the audit log was committed.
    pub fn audit_entry(&self, action: Action, outcome: Outcome) {
        let labels = vec![label("action", action.as_str())];
        if outcome == Outcome::Failure {
            self.history.count(families::AUDIT_FAILURES, labels.clone(), 1);
        }
        self.history.count(families::AUDIT_EVENTS, labels, 1);
    }

    /// A request was answered: `latency` is how long the answer's head took, `response_bytes` how long its body was.
    pub fn http(&self, method: &http::Method, status: u16, latency: Duration, response_bytes: u64) {
        let method = label("method", METHODS.iter().find(|known| **known == method.as_str()).copied().unwrap_or(OTHER));
        self.history.count(families::HTTP_REQUESTS, vec![method.clone(), label("status_code", status.to_string())], 1);
        self.history.measure(families::HTTP_REQUEST_DURATION, vec![method.clone()], latency.as_secs_f64());
        self.history.measure(families::HTTP_RESPONSE_SIZE, vec![method], response_bytes as f64);
    }

    /// Everything in Prometheus' text format, version 0.0.4. Reads a few files of `/proc`.
    pub fn render(&self, now: &Snapshot) -> String {
        let apps = now.stored.as_ref().map(|stored| stored.apps.as_slice()).unwrap_or_default();
        for app in apps {
            self.begin(app.id, &app.slug);
        }
        let known = apps.iter().map(|app| app.id.to_string()).collect();
        text::write(&[self.history.render(), now.render()], &known)
    }

    /// Folds what was measured into the histograms.
    pub fn upkeep(&self) {
        self.history.upkeep();
    }

    /// Does the upkeep until `stop` is cancelled.
    pub async fn keep_up(self, stop: CancellationToken) {
        let mut turns = interval(UPKEEP_EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(turns.tick()).await.is_some() {
            self.upkeep();
        }
    }

    /// Makes an app's series, at zero unless they are there: a rate sees nothing of a series that begins at one.
    fn begin(&self, app: AppId, slug: &Slug) {
        let of_app = |more: &[Label]| of_app(app, slug, more);
        for status in ENDS {
            let status = label("status", status.as_str());
            self.history.count(families::DEPLOYMENTS, of_app(std::slice::from_ref(&status)), 0);
            self.history.begin_measuring(families::DEPLOYMENTS_DURATION, of_app(&[status]));
        }
        for reason in NOT_RUN {
            self.history.count(families::DEPLOYMENTS_NOT_RUN, of_app(&[label("reason", reason.as_str())]), 0);
        }
        for phase in PHASES {
            self.history.begin_measuring(families::DEPLOYMENTS_PHASE_DURATION, of_app(&[label("phase", phase.as_str())]));
        }
        self.history.begin_measuring(families::DEPLOYMENTS_QUEUE_DURATION, of_app(&[]));
        for verdict in Verdict::ALL {
            self.history.count(families::DELIVERIES, of_app(&[label("verdict", verdict.as_str())]), 0);
        }
        for is_match in [false, true] {
            let labels = [label("event_type", "push"), label("matched", matched(is_match))];
            self.history.count(families::WEBHOOK_EVENTS, of_app(&labels), 0);
        }
    }
}

/// The labels of an app's series. The id comes first: [`text`] takes it away.
fn of_app(app: AppId, slug: &Slug, more: &[Label]) -> Vec<Label> {
    let mut labels = vec![label(text::APP_ID, app.to_string()), label("app", slug.to_string())];
    labels.extend_from_slice(more);
    labels
}

fn matched(is_match: bool) -> &'static str {
    if is_match { "true" } else { "false" }
}

fn seconds(ms: u64) -> f64 {
    Duration::from_millis(ms).as_secs_f64()
}

#[cfg(test)]
mod tests;
