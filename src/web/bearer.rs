//! Who comes with a token instead of a session: another program, which acts for the administrator who made the token.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use super::{
    AppState,
    access::{self, CurrentUser},
    error::Error,
    tokens::text,
};
use crate::{
    db::{self, users::User},
    domain::{
        moment::Moment,
        secret::Secret,
        token::{Scope, Token},
    },
};

/// A token's last use is noted at most this often, so that a probe does not write to the database each time.
const NOTED_EVERY_MS: u64 = 60 * 1000;
/// How long it may take to find out whose a token is: who asks about our health must hear soon that the database hangs.
const LOOK_UP_DEADLINE: Duration = Duration::from_secs(1);
/// Nobody waits longer for that note.
const NOTE_DEADLINE: Duration = Duration::from_millis(500);

/// The token that a request came with, and whom it acts for.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    pub(super) token: Token,
    pub(super) owner: User,
}

/// Lets through who has a token of at least this scope, and the signed-in administrator. A token that is not good is refused, whoever
/// else the request may come from.
pub(super) async fn require(State((state, scope)): State<(AppState, Scope)>, mut request: Request, next: Next) -> Response {
    let signed_in = request.extensions().get::<CurrentUser>().is_some();
    // A proxy in front may pass on a token of its own.
    let presented = presented(request.headers()).filter(|token| text::is_ours(token) || !signed_in);
    let Some(presented) = presented else {
        if signed_in || is_a_browser(request.headers()) {
            return access::require_administrator(State(state), request, next).await;
        }
        return Error::Unauthorized("Send a token: “Authorization: Bearer upaas_…”. Tokens are made in µPaaS under Settings.")
            .into_response();
    };
    let known = timeout(LOOK_UP_DEADLINE, holder(&state, &presented)).await;
    match known.unwrap_or(Err(Error::Busy("The database does not answer."))) {
        Ok(Some(holder)) if holder.token.scope.allows(scope) => {
            // The token acts, and not the session that came along.
            request.extensions_mut().remove::<CurrentUser>();
            note_use(&state, &holder.token).await;
            request.extensions_mut().insert(holder);
            next.run(request).await
        }
        Ok(Some(_)) => Error::Forbidden("This token’s scope is “read”; this needs one with the scope “deploy”.").into_response(),
        Ok(None) => Error::Unauthorized("This token is not known, or it has ended.").into_response(),
        Err(err) => err.into_response(),
    }
}

/// The token in a request's headers.
pub(super) fn presented(headers: &HeaderMap) -> Option<Secret> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| Secret::new(token.trim()))
}

/// Whether a request comes with a token that µPaaS may have made.
pub(super) fn presents_ours(headers: &HeaderMap) -> bool {
    presented(headers).is_some_and(|token| text::is_ours(&token))
}

/// Whether a person looks at the answer: in a browser, or through its scripts.
pub(super) fn is_a_browser(headers: &HeaderMap) -> bool {
    let accepts =
        |wanted: &str| headers.get_all(header::ACCEPT).iter().any(|value| value.to_str().is_ok_and(|value| value.contains(wanted)));
    headers.contains_key("hx-request") || accepts("text/html") || accepts("text/event-stream")
}

async fn holder(state: &AppState, presented: &Secret) -> Result<Option<Holder>, Error> {
    let Some(hash) = text::hash(presented) else { return Ok(None) };
    let Some(token) = db::tokens::by_hash(state.db.read(), &hash).await? else { return Ok(None) };
    let Some(owner) = db::users::administrator(state.db.read()).await? else { return Ok(None) };
    Ok(token.is_valid(Moment::now(), owner.session_epoch).then_some(Holder { token, owner }))
}

/// Notes that a token is used. It counts all the same when that cannot be noted.
async fn note_use(state: &AppState, token: &Token) {
    let now = Moment::now();
    if token.last_used_at.is_some_and(|last| now.since(last) < NOTED_EVERY_MS) {
        return;
    }
    let noting = db::tokens::set_last_used(state.db.write(), token.id, now);
    match timeout(NOTE_DEADLINE, noting).await {
        Ok(Ok(())) => {}
        Ok(Err(err)) => tracing::warn!(token = token.name, error = ?err, "a token's use could not be noted"),
        Err(_) => tracing::warn!(token = token.name, "a token's use could not be noted in time"),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn only_a_bearer_token_is_one() {
        let token = |value| presented(&with(header::AUTHORIZATION, value)).map(|token| token.reveal().to_owned());
        assert_eq!(token("Bearer upaas_x").as_deref(), Some("upaas_x"));
        assert_eq!(token("bearer  upaas_x ").as_deref(), Some("upaas_x"));
        assert_eq!(token("Basic YWRhOng="), None, "a proxy's own log-in is not for us");
        assert_eq!(token("Bearer").as_deref(), Some(""), "an empty one is a wrong one");
    }

    #[test]
    fn a_browser_is_known_by_what_it_accepts() {
        assert!(is_a_browser(&with(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")));
        assert!(is_a_browser(&with(header::ACCEPT, "text/event-stream")));
        assert!(!is_a_browser(&with(header::ACCEPT, "*/*")));
        assert!(!is_a_browser(&with(header::ACCEPT, "application/json")));
        assert!(!is_a_browser(&HeaderMap::new()));
    }
}
