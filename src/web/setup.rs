//! The first page: whoever has the one-time code becomes the administrator. Open once, closed for ever after.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Serialize;
use tower_sessions::Session;

use super::{
    access,
    error::Error,
    form::{FormView, Typed},
    login, password,
    ui::Ui,
    view::View,
};
use crate::{
    audit,
    db::{self, users::User},
    domain::{
        Invalid,
        audit::{Act, Action, Actor},
        is_deceptive,
    },
};

const FIELDS: &[(&str, &str)] = &[("setup_code", ""), ("username", "admin"), ("password", ""), ("password_confirmation", "")];
const SECRETS: &[&str] = &["password", "password_confirmation"];
/// A longer name is nobody's.
pub(super) const USERNAME_MAX_CHARS: usize = 64;
/// Guesses at the code are slowed under this name.
const CODE_ACCOUNT: &str = "\0setup code";
const CLOSED: Error = Error::Forbidden("Setup is done: µPaaS has its administrator. Log in instead.");

#[derive(Serialize)]
struct Show {
    form: FormView,
    code_file: String,
}

impl View for Show {
    const TEMPLATE: &'static str = "setup.html";
}

pub(super) async fn show(ui: Ui) -> Result<Response, Error> {
    if db::users::administrator(ui.state.db.read()).await?.is_some() {
        return Ok(Redirect::to("/login").into_response());
    }
    page(&ui, FormView::new(FIELDS))
}

pub(super) async fn create(ui: Ui, session: Session, typed: Typed) -> Result<Response, Error> {
    if db::users::administrator(ui.state.db.read()).await?.is_some() {
        return Err(CLOSED);
    }
    let typed_name: String = typed.text("username").chars().take(USERNAME_MAX_CHARS).collect();
    let nobody = Actor { name: typed_name, ..ui.actor() };
    let mut form = FormView::new(FIELDS).filled(&typed, SECRETS);
    let entered = match ui.client {
        Some(client) => ui.state.throttle.enter(client.address, CODE_ACCOUNT).await.map_err(|_| Error::TooMany)?,
        None => return Err(Error::Internal(anyhow::anyhow!("a request without a client"))),
    };
    if !ui.state.setup_code.matches(typed.text("setup_code")) {
        entered.wrong();
        audit::record_alone(&ui.state.db, &Act::done(Action::Setup, &nobody, login::subject(&nobody)).failed("wrong setup code")).await?;
        form.check::<()>("setup_code", Err(Invalid::because("That is not the code. It is in µPaaS's log and in the file named above.")));
    }
    let username = form.check("username", username(typed.text("username")));
    let new = typed.secret("password");
    let (good, same) = password::check_new(new.reveal(), typed.secret("password_confirmation").reveal());
    form.check("password", good);
    form.check("password_confirmation", same);
    let Some(username) = username.filter(|_| form.is_good()) else {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&ui, form)?).into_response());
    };
    let hash = password::hash(&ui.state, new).await?;
    let user = become_administrator(&ui, &username, &hash).await?;
    entered.right();
    access::sign_in(&session, user.session_epoch).await?;
    Ok(Redirect::to("/").into_response())
}

/// Of two racing setups one wins: the table has room for one row.
async fn become_administrator(ui: &Ui, username: &str, hash: &crate::domain::secret::Secret) -> Result<User, Error> {
    let mut tx = ui.state.db.begin().await?;
    match db::users::create_administrator(&mut *tx, username, hash).await {
        Ok(()) => {}
        Err(db::Error::Taken(_)) => return Err(CLOSED),
        Err(err) => return Err(err.into()),
    }
    if let Some(origin) = origin(ui) {
        db::settings::set_base_url(&mut *tx, &origin).await?;
    }
    let user = db::users::administrator(&mut *tx).await?.ok_or_else(|| Error::Internal(anyhow::anyhow!("the administrator vanished")))?;
    let actor = Actor { user: Some(user.id), name: user.username.clone(), ..ui.actor() };
    audit::record(&mut tx, &Act::done(Action::Setup, &actor, login::subject(&actor))).await?;
    tx.commit().await.map_err(db::Error::from)?;
    ui.state.setup_code.close();
    Ok(user)
}

/// The address the browser used: the external URL until it is configured.
fn origin(ui: &Ui) -> Option<String> {
    let scheme = if ui.client?.https { "https" } else { "http" };
    Some(format!("{scheme}://{}", ui.authority.as_ref()?))
}

fn username(typed: &str) -> Result<String, Invalid> {
    match typed.chars().count() {
        0 => Err(Invalid::because("Choose a name to log in with.")),
        length if length > USERNAME_MAX_CHARS => Err(Invalid::because(format!("Use at most {USERNAME_MAX_CHARS} characters."))),
        _ if typed.chars().any(is_deceptive) => Err(Invalid::because("A name has no control characters.")),
        _ => Ok(typed.to_owned()),
    }
}

fn page(ui: &Ui, form: FormView) -> Result<Response, Error> {
    ui.page("Set up", &Show { form, code_file: ui.state.setup_code.file().display().to_string() })
}
