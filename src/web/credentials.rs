//! Whether a name and a password are the administrator's: for the log-in page, and for the token that a program gets for them.

use tracing::Instrument;

use super::{AppState, client::Client, error::Error, login, password, setup::USERNAME_MAX_CHARS, ui::Ui};
use crate::{
    audit,
    db::{self, users::User},
    domain::{audit::Actor, secret::Secret},
};

/// The administrator, when both are right. Wrong tries slow the next one down, and an unknown name takes as long as a wrong password.
///
/// It is done to its end, also when the client hangs up: otherwise a try would cost nothing and leave no trace.
pub(super) async fn check(ui: &Ui, username: &str, password: Secret) -> Result<Option<User>, Error> {
    let username: String = username.chars().take(USERNAME_MAX_CHARS).collect();
    let client = ui.client.ok_or_else(|| Error::Internal(anyhow::anyhow!("a request without a client")))?;
    let trying = attempt(ui.state.clone(), client, username, password).in_current_span();
    tokio::spawn(trying).await.map_err(|err| Error::Internal(err.into()))?
}

async fn attempt(state: AppState, client: Client, username: String, password: Secret) -> Result<Option<User>, Error> {
    let entered = state.throttle.enter(client.address, &username).await.map_err(|_| Error::TooMany)?;
    let administrator = db::users::administrator(state.db.read()).await?.filter(|user| user.username == username);
    let hash = administrator.as_ref().map(|user| user.password_hash.clone());
    if !password::verify(&state, password, hash).await? {
        entered.wrong();
        let nobody = Actor { user: None, name: username, address: Some(client.address) };
        if let Some(missed) = state.login_failures.admit(()) {
            let why = audit::with_missed("wrong name or password", missed);
            audit::record_alone(&state.db, &login::act(&nobody).failed(why)).await?;
        }
        return Ok(None);
    }
    entered.right();
    Ok(administrator)
}
