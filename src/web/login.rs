//! Signing in and out.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::{
    access::{self, local_path},
    credentials,
    error::Error,
    extract::Asked,
    form::{FormView, Typed},
    ui::Ui,
    view::View,
};
use crate::{
    audit, db,
    domain::audit::{Act, Action, Actor, Resource, Subject},
};

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
    if db::users::administrator(ui.state.db.read()).await?.is_none() {
        return Ok(Redirect::to("/setup").into_response());
    }
    let Some(user) = credentials::check(&ui, typed.text("username"), typed.secret("password")).await? else {
        let mut form = FormView::new(FIELDS).filled(&typed, &["password"]);
        form.reject("This name and password do not belong together.");
        let page = ui.page("Log in", &Show { form, next: typed.text("next").to_owned() })?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    let actor = Actor { user: Some(user.id), name: user.username, address: ui.client.map(|client| client.address) };
    audit::record_alone(&ui.state.db, &act(&actor)).await?;
    access::sign_in(&session, user.session_epoch).await?;
    Ok(Redirect::to(local_path(typed.text("next"))).into_response())
}

pub(super) async fn destroy(ui: Ui, session: Session) -> Result<Redirect, Error> {
    let user = ui.actor();
    audit::record_alone(&ui.state.db, &Act::done(Action::Logout, &user, subject(&user))).await?;
    access::sign_out(&session).await?;
    Ok(Redirect::to("/login"))
}

/// A login, or a try.
pub(super) fn act(user: &Actor) -> Act {
    Act::done(Action::Login, user, subject(user))
}

/// The account that somebody uses, or tries to.
pub(super) fn subject(user: &Actor) -> Subject {
    Subject::new(Resource::User, user.user.map(|id| id.to_string()).unwrap_or_default(), user.name.clone())
}
