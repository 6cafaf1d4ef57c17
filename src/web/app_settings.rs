//! An app's configuration. What is saved here is used by the next deployment; what runs stays as it is.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, Serialize};

use super::{
    app_form, apps,
    error::Error,
    extract::{Asked, At},
    form::{FormView, Typed},
    present::{self, AppLink},
    ui::Ui,
    view::View,
};
use crate::{
    audit, db,
    domain::{
        app::{App, AppConfig},
        audit::{Act, Action, Subject},
    },
};

#[derive(Serialize)]
struct Show {
    app: AppLink,
    form: FormView,
}

impl View for Show {
    const TEMPLATE: &'static str = "apps/settings.html";
}

#[derive(Deserialize)]
pub(super) struct Said {
    saved: Option<String>,
}

pub(super) async fn show(ui: Ui, At(slug): At<String>, Asked(said): Asked<Said>) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let ui = if said.saved.is_some() { ui.good_news("Saved. The next deployment uses it; what runs now stays as it is.") } else { ui };
    page(&ui, &app, app_form::of(&app.config))
}

pub(super) async fn update(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let mut form = app_form::of(&app.config).filled(&typed, &[]);
    let Some(config) = app_form::config(&typed, &mut form) else {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&ui, &app, form)?).into_response());
    };
    let mut tx = ui.state.db.begin().await?;
    if config.repo_url != app.config.repo_url || config.branch != app.config.branch {
        db::connections::forget_check(&mut *tx, app.id).await?;
    }
    db::apps::set_config(&mut *tx, app.id, &config).await?;
    let act = Act::done(Action::AppUpdate, &ui.actor(), Subject::app(&app)).detail(changed(&app.config, &config));
    audit::record(&mut tx, &act).await?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(Redirect::to(&format!("{}/settings?saved=yes", present::app_url(&app))).into_response())
}

/// `branch: main → dev`, for each field that is another one now.
fn changed(old: &AppConfig, new: &AppConfig) -> String {
    let (old, new) = (app_form::of(old), app_form::of(new));
    let changes: Vec<String> = old.changes(&new).map(|(field, old, new)| format!("{field}: {old} → {new}")).collect();
    if changes.is_empty() { "nothing changed".to_owned() } else { changes.join(", ") }
}

fn page(ui: &Ui, app: &App, form: FormView) -> Result<Response, Error> {
    let title = format!("Settings of {}", app.name);
    ui.page(&title, &Show { app: AppLink::new(app), form })
}
