//! Logins at registries, in the settings: set, replaced, removed, and never shown again.

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
    db,
    deploy::{self, LoginKept},
    domain::{
        Invalid,
        registry::{self, Registry, RegistryHost},
    },
};

const FIELDS: &[(&str, &str)] = &[("registry_host", ""), ("registry_username", ""), ("registry_password", "")];

/// What the settings show about registries.
#[derive(Serialize)]
pub(super) struct Section {
    form: FormView,
    list: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    host: String,
    username: String,
    set: When,
}

impl From<Registry> for Row {
    fn from(registry: Registry) -> Self {
        Self { host: registry.host.to_string(), username: registry.username, set: registry.set_at.into() }
    }
}

impl Section {
    /// With an empty form, or with one that came back.
    pub(super) async fn load(state: &AppState, form: Option<FormView>) -> Result<Self, Error> {
        let registries = db::registries::all(state.db.read()).await?;
        Ok(Self { form: form.unwrap_or_else(|| FormView::new(FIELDS)), list: registries.into_iter().map(Row::from).collect() })
    }
}

/// Sets a login; for a registry that has one it is a new one.
pub(super) async fn set(ui: Ui, typed: Typed) -> Result<Response, Error> {
    let mut form = FormView::new(FIELDS).filled(&typed, &["registry_password"]);
    let host = form.check("registry_host", typed.text("registry_host").parse());
    let username = form.check("registry_username", registry::parse_username(typed.text("registry_username")));
    let password = typed.secret("registry_password");
    form.check("registry_password", registry::check_password(&password));
    if let (Some(host), Some(username), true) = (host, username, form.is_good()) {
        match ui.state.deployer.set_registry(host, username, password, &ui.actor()).await {
            Ok(LoginKept { untried: Some(why), .. }) => {
                return settings::page(&ui.good_news(&format!("Saved. It could not be tried: {why}")), Shown::default()).await;
            }
            Ok(LoginKept { replaced, untried: None }) => {
                let news = if replaced { "registry-replaced" } else { "registries" };
                return Ok(Redirect::to(&format!("/settings?changed={news}")).into_response());
            }
            Err(deploy::Error::LoginRefused(sentence)) => {
                form.check::<()>("registry_password", Err(Invalid::because(sentence)));
            }
            Err(deploy::Error::Refused(sentence)) => form.reject(sentence),
            Err(err) => return Err(err.into()),
        }
    }
    let page = settings::page(&ui, Shown { registry: Some(form), ..Shown::default() }).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// Removes a login.
pub(super) async fn remove(ui: Ui, typed: Typed) -> Result<Redirect, Error> {
    let host: RegistryHost = typed.text("host").parse().map_err(|_| Error::BadRequest("Say which registry.".to_owned()))?;
    ui.state.deployer.remove_registry(host, &ui.actor()).await?;
    Ok(Redirect::to("/settings?changed=registry-removed"))
}
