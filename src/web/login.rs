//! Signing in and out.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::{
    access::{self, local_path},
    error::Error,
    extract::Asked,
    form::{FormView, Typed},
    password,
    setup::USERNAME_MAX_CHARS,
    ui::Ui,
    view::View,
};
use crate::db;

const FIELDS: &[(&str, &str)] = &[("username", ""), ("password", "")];

#[derive(Serialize)]
struct Show {
    form: FormView,
    next: String,
}

impl View for Show {
    const TEMPLATE: &'static str = "login.html";
}

#[derive(Deserialize)]
pub(super) struct Return {
    #[serde(default)]
    next: String,
}

pub(super) async fn show(ui: Ui, Asked(back): Asked<Return>) -> Result<Response, Error> {
    if ui.user.is_some() {
        return Ok(Redirect::to(local_path(&back.next)).into_response());
    }
    if db::users::administrator(ui.state.db.read()).await?.is_none() {
        return Ok(Redirect::to("/setup").into_response());
    }
    ui.page("Log in", &Show { form: FormView::new(FIELDS), next: back.next })
}

pub(super) async fn create(ui: Ui, session: Session, typed: Typed) -> Result<Response, Error> {
    let Some(administrator) = db::users::administrator(ui.state.db.read()).await? else {
        return Ok(Redirect::to("/setup").into_response());
    };
    let username: String = typed.text("username").chars().take(USERNAME_MAX_CHARS).collect();
    let client = ui.client.ok_or_else(|| Error::Internal(anyhow::anyhow!("a request without a client")))?;
    let entered = ui.state.throttle.enter(client.address, &username).await.map_err(|_| Error::TooMany)?;
    let hash = (administrator.username == username).then(|| administrator.password_hash.clone());
    if !password::verify(&ui.state, typed.secret("password"), hash).await? {
        entered.wrong();
        tracing::warn!(username, client = %client.address, "sign-in failed");
        let mut form = FormView::new(FIELDS).filled(&typed, &["password"]);
        form.reject("This name and password do not belong together.");
        let page = ui.page("Log in", &Show { form, next: typed.text("next").to_owned() })?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    entered.right();
    access::sign_in(&session, administrator.session_epoch).await?;
    tracing::info!(username, client = %client.address, "logged in");
    Ok(Redirect::to(local_path(typed.text("next"))).into_response())
}

pub(super) async fn destroy(ui: Ui, session: Session) -> Result<Redirect, Error> {
    access::sign_out(&session).await?;
    tracing::info!(username = ui.user_name(), "logged out");
    Ok(Redirect::to("/login"))
}
