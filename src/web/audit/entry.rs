//! An entry, on a line of the page.

use serde::Serialize;

use crate::{
    domain::{
        app::App,
        audit::{Action, Entry, Outcome, Resource, Subject},
        moment::Moment,
    },
    web::{
        frame::When,
        present::{self, Badge},
    },
};

#[derive(Serialize)]
pub(super) struct EntryRow {
    id: i64,
    when: When,
    user: String,
    address: Option<String>,
    action: Action,
    kind: &'static str,
    name: String,
    url: Option<String>,
    detail: String,
    badge: Badge,
}

impl EntryRow {
    /// `apps` are those that there are, for the links.
    pub(super) fn new(apps: &[App], entry: Entry) -> Self {
        let act = entry.act;
        Self {
            id: entry.id,
            when: entry.at.into(),
            user: act.actor.name,
            address: act.actor.address.map(|address| address.to_string()),
            action: act.action,
            kind: kind(act.subject.kind),
            url: url(apps, entry.at, &act.subject),
            name: act.subject.name,
            detail: act.detail,
            badge: act.outcome.into(),
        }
    }
}

impl From<Outcome> for Badge {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success => Self { kind: "success", icon: "check", word: "Success" },
            Outcome::Failure => Self { kind: "failed", icon: "cross", word: "Failure" },
        }
    }
}

/// The kind of a thing, for people.
const fn kind(resource: Resource) -> &'static str {
    match resource {
        Resource::HostKey => "host key",
        other => other.as_str(),
    }
}

/// Where an app or a deployment is, by its name: `shop`, `shop#12`. None when there is no such app any more, or another one by now.
fn url(apps: &[App], at: Moment, subject: &Subject) -> Option<String> {
    if !matches!(subject.kind, Resource::App | Resource::Deployment | Resource::Container | Resource::Delivery) {
        return None;
    }
    let (slug, number) = match subject.name.split_once('#') {
        Some((slug, number)) => (slug, Some(number.parse::<u32>().ok()?)),
        None => (&*subject.name, None),
    };
    let app = apps.iter().find(|app| app.slug.as_str() == slug)?;
    let is_it = subject.id == app.id.to_string() || at >= app.created_at;
    is_it.then(|| match number {
        Some(number) => present::deployment_url(app, number.into()),
        None => present::app_url(app),
    })
}
