//! Who is signed in, and what is closed to everybody else.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, Serialize};
use tower_sessions::{Session, SessionStore, session::Id};

use super::{
    AppState, bearer,
    error::{self, Error},
    query::lasting,
};
use crate::{
    db::{self, users::User},
    domain::moment::Moment,
};

const SESSION_KEY: &str = "signed_in";
/// A session's end is moved forward at most this often, so that reading a page does not write to the database.
const TOUCH_EVERY_MS: u64 = 60 * 60 * 1000;
/// An address to go on to is never longer.
const ADDRESS_MAX_BYTES: usize = 2048;

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
        // What is for everybody is shown; what is not says why it cannot be.
        Err(err) => {
            request.extensions_mut().insert(Unrecognised(Arc::new(err)));
            next.run(request).await
        }
    }
}

/// It could not be found out who asks.
#[derive(Clone)]
struct Unrecognised(Arc<Error>);

async fn current_user(state: &AppState, session: &Session) -> Result<Option<User>, Error> {
    let Some(signed_in) = session.get::<SignedIn>(SESSION_KEY).await? else { return Ok(None) };
    let user = db::users::administrator(state.db.read()).await?.filter(|user| user.session_epoch == signed_in.epoch);
    if user.is_some() && Moment::now().since(Moment::from_unix_ms(signed_in.touched_at_ms)) > TOUCH_EVERY_MS {
        session.insert(SESSION_KEY, SignedIn { touched_at_ms: Moment::now().unix_ms(), ..signed_in }).await?;
    }
    Ok(user)
}

/// Whether a session has not ended: by logging out, by another password, by age. Many ask at once, so the writer is not asked.
pub(super) async fn is_signed_in(state: &AppState, session: Id) -> Result<bool, Error> {
    let Some(mut record) = state.db.session_reader().load(&session).await? else { return Ok(false) };
    let Some(Ok(signed_in)) = record.data.remove(SESSION_KEY).map(serde_json::from_value::<SignedIn>) else { return Ok(false) };
    let user = db::users::administrator(state.db.read()).await?;
    Ok(user.is_some_and(|user| user.session_epoch == signed_in.epoch))
}

/// Lets the administrator through and sends everybody else to where they can become it.
pub(super) async fn require_administrator(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if request.extensions().get::<CurrentUser>().is_some() {
        return next.run(request).await;
    }
    if let Some(Unrecognised(why)) = request.extensions().get::<Unrecognised>() {
        return error::response(why.clone());
    }
    if bearer::presents_ours(request.headers()) {
        return Error::Forbidden("A token does not open this: it is for the administrator, signed in.").into_response();
    }
    let by_script = is_asked_by_a_script(request.headers());
    // A part of a page leads to the page, and the rest of its address is its own.
    let asked = lasting(request.uri());
    let page = if by_script { page_of(request.uri().path()) } else { &asked };
    let target = match db::users::administrator(state.db.read()).await {
        Ok(None) => "/setup".to_owned(),
        Ok(Some(_)) if request.method() == Method::GET => login_with_return(page),
        Ok(Some(_)) => "/login".to_owned(),
        Err(err) => return Error::from(err).into_response(),
    };
    if by_script {
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

/// The page that a part of it belongs to: its stream, or more lines for it.
fn page_of(path: &str) -> &str {
    let parts = ["/events", "/lines"];
    let page = parts.iter().find_map(|part| path.strip_suffix(part)).unwrap_or(path);
    if page.is_empty() { "/" } else { page }
}

fn login_with_return(page: &str) -> String {
    match serde_urlencoded::to_string([("next", page)]) {
        Ok(next) if page != "/" => format!("/login?{next}"),
        _ => "/login".to_owned(),
    }
}

/// An address of ours to go on to; anything that could lead elsewhere becomes `/`.
pub(super) fn local_path(typed: &str) -> &str {
    let local =
        typed.starts_with('/') && !typed.starts_with("//") && !typed.contains(['\\', '\n', '\r', '\t']) && typed.len() <= ADDRESS_MAX_BYTES;
    if local { typed } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_page_leads_back_to_the_page() {
        let pages = ["/events", "/apps/shop/events", "/apps/shop/deployments/1/lines", "/apps/shop"].map(page_of);
        assert_eq!(pages, ["/", "/apps/shop", "/apps/shop/deployments/1", "/apps/shop"]);
    }

    #[test]
    fn only_paths_of_ours_are_returned_to() {
        for ours in ["/apps/shop", "/apps/shop/compare?from=1&to=2", "/audit?q=//evil.example"] {
            assert_eq!(local_path(ours), ours);
        }
        for elsewhere in ["", "https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:x"] {
            assert_eq!(local_path(elsewhere), "/", "{elsewhere}");
        }
    }
}
