//! How long what happened is kept: a section of the settings.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Serialize;

use super::{
    AppState,
    error::Error,
    form::{FormView, Typed},
    frame::When,
    settings::{self, Shown},
    ui::Ui,
};
use crate::{
    audit, db,
    domain::{
        audit::{Act, Action, Resource, Subject},
        retention::{LastRun, Retention},
    },
};

/// The section, as shown.
#[derive(Serialize)]
pub(super) struct Section {
    form: FormView,
    last_run: Option<LastRunView>,
    /// Since when it runs, while it does.
    runs_since: Option<When>,
}

#[derive(Serialize)]
struct LastRunView {
    when: When,
    /// What went.
    removed: String,
}

impl Section {
    /// With what is kept now, or with a form that came back.
    pub(super) async fn load(state: &AppState, form: Option<FormView>) -> Result<Self, Error> {
        let kept = db::settings::retention(state.db.read()).await?;
        let saved = || {
            FormView::new(&[
                ("audit_days", &kept.audit.to_string()),
                ("deliveries_days", &kept.deliveries.to_string()),
                ("journals_days", &kept.journals.to_string()),
            ])
        };
        let form = form.unwrap_or_else(saved);
        let last_run = db::settings::retention_last_run(state.db.read()).await?;
        Ok(Self { form, last_run: last_run.map(LastRunView::from), runs_since: state.deployer.retention_runs_since().map(When::from) })
    }
}

impl From<LastRun> for LastRunView {
    fn from(run: LastRun) -> Self {
        Self { when: run.at.into(), removed: run.to_string() }
    }
}

pub(super) async fn update(ui: Ui, typed: Typed) -> Result<Response, Error> {
    let mut form = FormView::new(&[("audit_days", ""), ("deliveries_days", ""), ("journals_days", "")]).filled(&typed, &[]);
    let entries = form.check("audit_days", typed.text("audit_days").parse());
    let deliveries = form.check("deliveries_days", typed.text("deliveries_days").parse());
    let journals = form.check("journals_days", typed.text("journals_days").parse());
    let (Some(entries), Some(deliveries), Some(journals)) = (entries, deliveries, journals) else {
        let page = settings::page(&ui, Shown { retention: Some(form), ..Shown::default() }).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    let mut tx = ui.state.db.begin().await?;
    db::settings::set_retention(&mut tx, &Retention { audit: entries, deliveries, journals }).await?;
    let said = format!("days kept: audit {entries}, deliveries {deliveries}, journals {journals}");
    let subject = Subject::new(Resource::Setting, "", "retention");
    audit::record(&mut tx, &Act::done(Action::SettingsChange, &ui.actor(), subject).detail(said)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(Redirect::to("/settings?changed=retention").into_response())
}

/// Removes what is too old now, not only at the next turn.
pub(super) async fn run(ui: Ui) -> Result<Redirect, Error> {
    ui.state.deployer.run_retention(&ui.actor()).await?;
    Ok(Redirect::to("/settings#retention"))
}
