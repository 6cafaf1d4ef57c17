//! The administrator's account.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use tower_sessions::Session;

use super::{
    access::{self, CurrentUser},
    error::Error,
    form::{FormView, Typed},
    login, password,
    settings::{self, Shown},
    ui::Ui,
};
use crate::{
    audit, db,
    domain::{
        Invalid,
        audit::{Act, Action},
    },
};

const FIELDS: &[(&str, &str)] = &[("current_password", ""), ("password", ""), ("password_confirmation", "")];

/// The form for another password.
pub(super) fn form() -> FormView {
    FormView::new(FIELDS)
}

pub(super) async fn change_password(ui: Ui, session: Session, typed: Typed) -> Result<Response, Error> {
    let (Some(CurrentUser(user)), Some(client)) = (ui.user.clone(), ui.client) else {
        return Err(Error::Internal(anyhow::anyhow!("a private route without a user")));
    };
    let act = Act::done(Action::PasswordChange, &ui.actor(), login::subject(&ui.actor()));
    let mut form = form();
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
        let shown = Shown { password: Some(form), ..Shown::default() };
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, settings::page(&ui, shown).await?).into_response());
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
