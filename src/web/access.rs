//! Who is signed in, and what is closed to everybody else.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::{AppState, error::Error};
use crate::{
    db::{self, users::User},
    domain::moment::Moment,
};

const SESSION_KEY: &str = "signed_in";
/// A session's end is moved forward at most this often, so that reading a page does not write to the database.
const TOUCH_EVERY_MS: u64 = 60 * 60 * 1000;

/// What a session holds.
#[derive(Serialize, Deserialize)]
struct SignedIn {
    epoch: i64,
    touched_at_ms: i64,
}

/// The administrator who makes this request.
#[derive(Debug, Clone)]
pub(super) struct CurrentUser(pub(super) User);

/// Starts a fresh session for the administrator: the id of the one before is worth nothing any more.
pub(super) async fn sign_in(session: &Session, epoch: i64) -> Result<(), Error> {
    session.cycle_id().await?;
    session.insert(SESSION_KEY, SignedIn { epoch, touched_at_ms: Moment::now().unix_ms() }).await?;
    Ok(())
}

/// Ends the session.
pub(super) async fn sign_out(session: &Session) -> Result<(), Error> {
    Ok(session.flush().await?)
}

/// Notes in the request who is signed in, if anybody.
pub(super) async fn recognise(State(state): State<AppState>, session: Session, mut request: Request, next: Next) -> Response {
    match current_user(&state, &session).await {
        Ok(Some(user)) => {
            request.extensions_mut().insert(CurrentUser(user));
            next.run(request).await
        }
        Ok(None) => next.run(request).await,
        Err(err) => err.into_response(),
    }
}

async fn current_user(state: &AppState, session: &Session) -> Result<Option<User>, Error> {
    let Some(signed_in) = session.get::<SignedIn>(SESSION_KEY).await? else { return Ok(None) };
    let user = db::users::administrator(state.db.read()).await?.filter(|user| user.session_epoch == signed_in.epoch);
    if user.is_some() && Moment::now().since(Moment::from_unix_ms(signed_in.touched_at_ms)) > TOUCH_EVERY_MS {
        session.insert(SESSION_KEY, SignedIn { touched_at_ms: Moment::now().unix_ms(), ..signed_in }).await?;
    }
    Ok(user)
}

/// Whether a session has not ended since it was recognised: by logging out, by another password, by age.
pub(super) async fn is_still_signed_in(state: &AppState, session: &Session) -> Result<bool, Error> {
    session.load().await?;
    let Some(signed_in) = session.get::<SignedIn>(SESSION_KEY).await? else { return Ok(false) };
    let user = db::users::administrator(state.db.read()).await?;
    Ok(user.is_some_and(|user| user.session_epoch == signed_in.epoch))
}

/// Lets the administrator through and sends everybody else to where they can become it.
pub(super) async fn require_administrator(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if request.extensions().get::<CurrentUser>().is_some() {
        return next.run(request).await;
    }
    let target = match db::users::administrator(state.db.read()).await {
        Ok(None) => "/setup".to_owned(),
        Ok(Some(_)) if request.method() == Method::GET => login_with_return(request.uri().path()),
        Ok(Some(_)) => "/login".to_owned(),
        Err(err) => return Error::from(err).into_response(),
    };
    if is_asked_by_a_script(request.headers()) {
        let redirect = HeaderValue::try_from(target).unwrap_or(HeaderValue::from_static("/login"));
        return (StatusCode::UNAUTHORIZED, [("hx-redirect", redirect)]).into_response();
    }
    Redirect::to(&target).into_response()
}

/// A script follows no redirect to a form: it is told.
fn is_asked_by_a_script(headers: &HeaderMap) -> bool {
    let wants_events = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("text/event-stream"));
    headers.contains_key("hx-request") || headers.get(header::ACCEPT).is_some_and(wants_events)
}

fn login_with_return(path: &str) -> String {
    if path == "/" { "/login".to_owned() } else { format!("/login?next={path}") }
}

/// A path of ours to go on to; anything that could lead elsewhere becomes `/`.
pub(super) fn local_path(typed: &str) -> &str {
    let local = typed.starts_with('/') && !typed.starts_with("//") && !typed.contains(['\\', '\n', '\r', '\t']) && typed.len() <= 512;
    if local { typed } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_ours_are_returned_to() {
        assert_eq!(local_path("/apps/shop"), "/apps/shop");
        for elsewhere in ["", "https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:x"] {
            assert_eq!(local_path(elsewhere), "/", "{elsewhere}");
        }
    }
}
