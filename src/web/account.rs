//! The administrator's account.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::{
    access::{self, CurrentUser},
    error::Error,
    extract::Asked,
    form::{FormView, Typed},
    frame::When,
    login, password, retention,
    ui::Ui,
    view::View,
};
use crate::{
    audit, db,
    domain::{
        Invalid,
        audit::{Act, Action},
    },
};

const FIELDS: &[(&str, &str)] = &[("current_password", ""), ("password", ""), ("password_confirmation", "")];

#[derive(Serialize)]
struct Show {
    account: Account,
    form: FormView,
    retention: retention::Section,
}

#[derive(Serialize)]
struct Account {
    username: String,
    since: When,
}

impl View for Show {
    const TEMPLATE: &'static str = "settings/show.html";
}

#[derive(Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    changed: Option<String>,
}

pub(super) async fn show(ui: Ui, Asked(said): Asked<Said>) -> Result<Response, Error> {
    let ui = match said.changed.as_deref() {
        Some("password") => ui.good_news("The password is changed. Every other session is logged out."),
        Some("retention") => ui.good_news("Saved. What is too old by now goes at the next run."),
        _ => ui,
    };
    let retention = retention::Section::load(&ui.state).await?;
    page(&ui, FormView::new(FIELDS), retention)
}

pub(super) async fn change_password(ui: Ui, session: Session, typed: Typed) -> Result<Response, Error> {
    let (Some(CurrentUser(user)), Some(client)) = (ui.user.clone(), ui.client) else {
        return Err(Error::Internal(anyhow::anyhow!("a private route without a user")));
    };
    let act = Act::done(Action::PasswordChange, &ui.actor(), login::subject(&ui.actor()));
    let mut form = FormView::new(FIELDS);
    let entered = ui.state.throttle.enter(client.address, &user.username).await.map_err(|_| Error::TooMany)?;
    if !password::verify(&ui.state, typed.secret("current_password"), Some(user.password_hash.clone())).await? {
        entered.wrong();
        form.check::<()>("current_password", Err(Invalid::because("That is not your current password.")));
    }
    let new = typed.secret("password");
    let (good, same) = password::check_new(new.reveal(), typed.secret("password_confirmation").reveal());
    form.check("password", good);
    form.check("password_confirmation", same);
    if !form.is_good() {
        audit::record_alone(&ui.state.db, &act.failed(form.first_error())).await?;
        let retention = retention::Section::load(&ui.state).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&ui, form, retention)?).into_response());
    }
    let hash = password::hash(&ui.state, new).await?;
    let mut tx = ui.state.db.begin().await?;
    let epoch = db::users::change_password(&mut *tx, &user, &hash).await?;
    audit::record(&mut tx, &act).await?;
    tx.commit().await.map_err(db::Error::from)?;
    entered.right();
    access::sign_in(&session, epoch).await?;
    Ok(Redirect::to("/settings?changed=password").into_response())
}

/// The page with this section for retention.
pub(super) fn with_retention(ui: &Ui, retention: retention::Section) -> Result<Response, Error> {
    page(ui, FormView::new(FIELDS), retention)
}

fn page(ui: &Ui, form: FormView, retention: retention::Section) -> Result<Response, Error> {
    let user = ui.user.as_ref().ok_or_else(|| Error::Internal(anyhow::anyhow!("a private route without a user")))?;
    let account = Account { username: user.0.username.clone(), since: user.0.created_at.into() };
    ui.page("Settings", &Show { account, form, retention })
}
