//! The audit log: the page, the same over the API, and all of it as a file.

mod api;
mod entry;
mod export;
mod query;

pub(super) use api::index as api;
pub(super) use export::download as export;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    error::Error,
    extract::Asked,
    form::FormView,
    live,
    query::{ONCE, Pairs, Wrong},
    ui::Ui,
    view::{Mood, Piece, View, Watched},
};
use crate::{
    db,
    domain::{
        audit::{Action, Outcome, Resource},
        moment::Moment,
    },
};
use entry::EntryRow;
use query::{Asker, FILTERS, Query};

/// A page of the list.
const PAGE: i64 = 50;
const PATH: &str = "/audit";

#[derive(Serialize)]
struct Index {
    form: FormView,
    actions: Vec<Group>,
    resources: &'static [Resource],
    results: &'static [Outcome],
    entries: Vec<EntryRow>,
    filtered: bool,
    /// Whether the filter is not understood; then there are no entries.
    wrong: bool,
    older: Option<String>,
    newest: Option<String>,
    export_url: String,
}

impl View for Index {
    const TEMPLATE: &'static str = "audit/index.html";
}

impl Watched for Index {
    const PIECES: &'static [Piece] = &[Piece { id: "audit", template: "audit/_list.html" }];

    fn title(&self) -> String {
        "Audit".to_owned()
    }

    fn mood(&self) -> Mood {
        Mood::Ok
    }
}

/// Actions of one kind, in the form.
#[derive(Serialize)]
struct Group {
    name: &'static str,
    actions: Vec<Action>,
}

pub(super) async fn index(ui: Ui, Asked(pairs): Pairs) -> Result<Response, Error> {
    let query = Query::parse(&pairs, Asker::Page);
    let page = load(&ui, &query).await?;
    if page.wrong {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, ui.page("Audit", &page)?).into_response());
    }
    // What a filter finds, and what is older, is looked at in peace: it moves only on demand.
    match query.is_filtered() || query.before.is_some() {
        true => ui.page("Audit", &page),
        false => ui.watched(&page, format!("{PATH}/events")),
    }
}

pub(super) async fn index_events(ui: Ui) -> Result<Response, Error> {
    live::stream(ui, None, |ui| async move { load(&ui, &Query::default()).await }).await
}

async fn load(ui: &Ui, query: &Query) -> Result<Index, Error> {
    let wrong = !query.wrong().is_empty();
    let mut entries = match wrong {
        true => Vec::new(),
        false => db::audit::newest(ui.state.db.read(), &query.filter, query.before, PAGE + 1).await?,
    };
    let more = entries.len() > PAGE as usize;
    entries.truncate(PAGE as usize);
    let apps = db::apps::all(ui.state.db.read()).await?;
    Ok(Index {
        form: form(query),
        actions: groups(),
        resources: Resource::ALL,
        results: Outcome::ALL,
        filtered: query.is_filtered(),
        wrong,
        older: entries.last().filter(|_| more).map(|last| query.address(PATH, Some(last.id))),
        newest: query.before.map(|_| query.address(PATH, None)),
        export_url: query.address("/audit/export", None),
        entries: entries.into_iter().map(|entry| EntryRow::new(&apps, entry)).collect(),
    })
}

/// The filters as they were said, with what is wrong beside each.
fn form(query: &Query) -> FormView {
    let mut fields: Vec<(&'static str, &str)> = FILTERS.iter().map(|name| (*name, query.said(name))).collect();
    let times = [query.filter.from, query.filter.until].map(|time| time.map(local));
    for (name, time) in ["from", "until"].iter().zip(&times) {
        if let (Some(field), Some(time)) = (fields.iter_mut().find(|(field, _)| field == name), time) {
            field.1 = time;
        }
    }
    let mut form = FormView::new(&fields);
    for wrong in query.wrong() {
        match FILTERS.iter().find(|name| **name == wrong.name) {
            Some(name) if wrong.rule != ONCE => form.refuse(name, sentence(wrong)),
            _ => form.reject(format!("In the address, {wrong}.")),
        }
    }
    form
}

/// A time as browsers write it into a form.
fn local(time: Moment) -> String {
    let iso = time.iso();
    let iso = iso.trim_end_matches('Z').trim_end_matches(".000");
    iso.strip_suffix(":00").filter(|minute| minute.len() == "2026-11-22T10:00".len()).unwrap_or(iso).to_owned()
}

/// What is wrong, beside its field.
fn sentence(wrong: &Wrong) -> String {
    let label = match &*wrong.name {
        "action" | "resource" | "result" => return "Choose one from the list.".to_owned(),
        "q" => "Search",
        "user" => "User",
        "from" => "From",
        _ => "Until",
    };
    format!("{label} {}.", wrong.rule)
}

fn groups() -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for action in Action::ALL {
        let name = group(*action);
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.actions.push(*action),
            None => groups.push(Group { name, actions: vec![*action] }),
        }
    }
    groups
}

/// What an action is about, for people.
const fn group(action: Action) -> &'static str {
    use Action::{
        AppCreate, AppDelete, AppUpdate, Backup, Cleanup, ContainerRestart, ContainerStart, ContainerStop, Deploy, DeployCancel,
        ForgeConnect, KeyRotate, Login, Logout, PasswordChange, Restore, Retention, Rollback, SecretRotate, SessionRevoke, SettingsChange,
        Setup, TokenCreate, TokenRevoke, TotpDisable, TotpEnable, WebhookReceived, WebhookReplay,
    };
    match action {
        Setup | Login | Logout | PasswordChange | SessionRevoke | TotpEnable | TotpDisable | TokenCreate | TokenRevoke => "Account",
        AppCreate | AppUpdate | AppDelete | KeyRotate | SecretRotate => "Apps",
        Deploy | DeployCancel | Rollback => "Deployments",
        ContainerStart | ContainerStop | ContainerRestart => "Containers",
        WebhookReceived | WebhookReplay => "Deliveries",
        SettingsChange | ForgeConnect | Cleanup | Retention | Backup | Restore => "Installation",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_stands_in_one_group_of_the_form() {
        let groups = groups();
        assert_eq!(groups.iter().map(|group| group.actions.len()).sum::<usize>(), Action::ALL.len());
        assert_eq!(
            groups.iter().map(|group| group.name).collect::<Vec<_>>(),
            ["Account", "Apps", "Deployments", "Containers", "Deliveries", "Installation"]
        );
    }

    #[test]
    fn a_time_is_shown_as_a_browsers_field_takes_it() {
        let shown = |iso: &str| local(Moment::parse_rfc3339(iso).expect("valid"));
        assert_eq!(shown("2026-11-22T10:00:00Z"), "2026-11-22T10:00");
        assert_eq!(shown("2026-11-22T10:00:30Z"), "2026-11-22T10:00:30");
        assert_eq!(shown("2026-11-22T10:00:00.250Z"), "2026-11-22T10:00:00.250");
        assert_eq!(shown("2026-11-22T00:00:00Z"), "2026-11-22T00:00");
    }
}
