//! A token for a name and a password: for programs that were given those. It reads, it lasts an hour, and it ends when the password
//! changes.

use axum::{Json, body::Bytes, extract::rejection::BytesRejection};
use serde::{Deserialize, Serialize};

use super::{credentials, error::Error, tokens::text, ui::Ui};
use crate::{
    audit,
    db::{self, users::User},
    domain::{
        audit::{Act, Action, Actor, Resource, Subject},
        ids::TokenId,
        moment::Moment,
        secret::Secret,
        token::{Scope, Token},
    },
};

/// How long such a token lasts.
const LIFE_SECONDS: i64 = 60 * 60;
/// So many of them are worth something at once; one more ends the oldest.
const LIVE_MAX: i64 = 100;
/// What they are called in the list.
const NAME: &str = "password login";
const WANTED: &str = "Send JSON: {\"username\": \"…\", \"password\": \"…\"}.";

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Serialize)]
pub(super) struct Given {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
}

/// Gives a token for the right name and password.
pub(super) async fn create(ui: Ui, body: Result<Bytes, BytesRejection>) -> Result<Json<Given>, Error> {
    let body = body.map_err(|_| Error::BadRequest("The request is too large, or it did not come whole.".to_owned()))?;
    let Credentials { username, password } = serde_json::from_slice(&body).map_err(|_| Error::BadRequest(WANTED.to_owned()))?;
    match credentials::check(&ui, username.trim(), Secret::new(password)).await? {
        Some(user) => give(&ui, &user).await.map(Json),
        None => Err(Error::Unauthorized("This name and password do not belong together.")),
    }
}

async fn give(ui: &Ui, user: &User) -> Result<Given, Error> {
    let now = Moment::now();
    let token = Token {
        id: TokenId::new(),
        name: NAME.to_owned(),
        scope: Scope::Read,
        session_epoch: Some(user.session_epoch),
        created_at: now,
        expires_at: Some(Moment::from_unix_ms(now.unix_ms() + LIFE_SECONDS * 1000)),
        last_used_at: None,
    };
    let secret = text::new();
    let hash = text::hash(&secret).ok_or_else(|| Error::Internal(anyhow::anyhow!("a new token is none")))?;
    let mut tx = ui.state.db.begin().await?;
    db::tokens::remove_ended(&mut *tx, now, user.session_epoch).await?;
    db::tokens::insert(&mut *tx, &token, &hash).await?;
    db::tokens::remove_oldest_of_logins(&mut *tx, LIVE_MAX).await?;
    let actor = Actor { user: Some(user.id), name: user.username.clone(), address: ui.client.map(|client| client.address) };
    let act = Act::done(Action::TokenCreate, &actor, Subject::new(Resource::Token, token.id, NAME)).detail("read, for an hour");
    audit::record(&mut tx, &act).await?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(Given { access_token: secret.reveal().to_owned(), token_type: "bearer", expires_in: LIFE_SECONDS })
}
