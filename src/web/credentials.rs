//! Whether a name and a password are the administrator's: for the log-in page, and for the token that a program gets for them.

use super::{error::Error, login, password, setup::USERNAME_MAX_CHARS, ui::Ui};
use crate::{
    audit,
    db::{self, users::User},
    domain::{audit::Actor, secret::Secret},
};

/// The administrator, when both are right. Wrong tries slow the next one down, and an unknown name takes as long as a wrong password.
pub(super) async fn check(ui: &Ui, username: &str, password: Secret) -> Result<Option<User>, Error> {
    let username: String = username.chars().take(USERNAME_MAX_CHARS).collect();
    let client = ui.client.ok_or_else(|| Error::Internal(anyhow::anyhow!("a request without a client")))?;
    let entered = ui.state.throttle.enter(client.address, &username).await.map_err(|_| Error::TooMany)?;
    let administrator = db::users::administrator(ui.state.db.read()).await?.filter(|user| user.username == username);
    let hash = administrator.as_ref().map(|user| user.password_hash.clone());
    if !password::verify(&ui.state, password, hash).await? {
        entered.wrong();
        let nobody = Actor { user: None, name: username, address: Some(client.address) };
        audit::record_alone(&ui.state.db, &login::act(&nobody).failed("wrong name or password")).await?;
        return Ok(None);
    }
    entered.right();
    Ok(administrator)
}
