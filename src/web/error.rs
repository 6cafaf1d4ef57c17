//! What goes wrong, turned into a page in one place. The operator's text goes to the log once, the user's to the page.

use std::{any::Any, sync::Arc};

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinError;
use tower_http::csrf::ProtectionError;

use super::{
    AppState, bearer,
    ui::Ui,
    view::{Fragment, View},
};
use crate::{db, deploy};

/// What a client is told to wait after too many tries.
const RETRY_AFTER_SECONDS: &str = "10";
/// How the addresses begin that are there for programs.
const FOR_PROGRAMS: &[&str] = &["/health", "/auth/", "/api/"];

/// Why a request is not answered with what was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// There is nothing at this address.
    #[error("not found")]
    NotFound,
    /// The address is there, the method is not.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// Not without a token, or not with this one.
    #[error("unauthorized: {0}")]
    Unauthorized(&'static str),
    /// Not for this client, whatever it does.
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// It made sense when the page was shown, but no longer does.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The engine does not answer, and it takes the engine.
    #[error("the engine is away: {0}")]
    EngineAway(String),
    /// The request itself is malformed.
    #[error("bad request: {0}")]
    BadRequest(String),
    /// The form has more bytes than this.
    #[error("the form is larger than {0} bytes")]
    TooLarge(usize),
    /// Too many at once from one client.
    #[error("too many requests")]
    TooMany,
    /// Too many at once, from all.
    #[error("too busy: {0}")]
    Busy(&'static str),
    /// Ours.
    #[error("internal error")]
    Internal(#[source] anyhow::Error),
    /// Ours, and in the log already.
    #[error("a handler panicked")]
    Panicked,
}

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::EngineAway(_) | Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) | Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// For the stream of an open page, which is reloaded when what it shows is gone: 404 could be the word of a proxy, while µPaaS starts.
    fn of_a_stream(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::GONE,
            other => other.status(),
        }
    }

    /// Title, sentence, hint: what happened and what to do.
    fn words(&self) -> (&'static str, String, Option<&'static str>) {
        match self {
            Self::NotFound => (
                "Not found",
                "There is nothing at this address.".to_owned(),
                Some("It may have been removed, or the address has a typing error."),
            ),
            Self::MethodNotAllowed => ("Not possible here", "This address does not take this kind of request.".to_owned(), None),
            Self::Unauthorized(sentence) => ("Not let in", (*sentence).to_owned(), None),
            Self::Forbidden(sentence) => ("Not allowed", (*sentence).to_owned(), None),
            Self::Conflict(sentence) => ("Not possible now", sentence.clone(), Some("Go back to see how things stand.")),
            Self::EngineAway(sentence) => (
                "The engine does not answer",
                sentence.clone(),
                Some("µPaaS looks every few seconds whether it is back. What you asked for is not repeated."),
            ),
            Self::BadRequest(sentence) => ("Not understood", sentence.clone(), None),
            Self::TooLarge(limit) => (
                "Too large",
                format!("The form is larger than {}, so it was not read.", super::present::size(*limit as u64)),
                Some("Use the browser's back button: what was typed is still there."),
            ),
            Self::TooMany => {
                ("Slow down", "Too many tries at once from your address.".to_owned(), Some("Wait a few seconds and try again."))
            }
            Self::Busy(sentence) => ("Busy", (*sentence).to_owned(), Some("Try again in a few seconds.")),
            Self::Internal(_) | Self::Panicked => (
                "Something went wrong",
                "µPaaS could not do this; the fault is its own.".to_owned(),
                Some("Try again; its log says what went wrong."),
            ),
        }
    }
}

impl From<db::Error> for Error {
    fn from(err: db::Error) -> Self {
        match err {
            db::Error::Stale(_) => Self::Conflict("It has moved on meanwhile.".to_owned()),
            err => Self::Internal(err.into()),
        }
    }
}

impl From<deploy::Error> for Error {
    fn from(err: deploy::Error) -> Self {
        match err {
            deploy::Error::Refused(sentence) | deploy::Error::LoginRefused(sentence) => Self::Conflict(sentence),
            deploy::Error::EngineAway(sentence) => Self::EngineAway(sentence),
            deploy::Error::SlugTaken => Self::Conflict("Another app has this name.".to_owned()),
            deploy::Error::Db(err) => err.into(),
            err @ (deploy::Error::Vault(_) | deploy::Error::Internal(_)) => Self::Internal(err.into()),
        }
    }
}

impl From<tower_sessions::session::Error> for Error {
    fn from(err: tower_sessions::session::Error) -> Self {
        Self::Internal(err.into())
    }
}

impl From<tower_sessions::session_store::Error> for Error {
    fn from(err: tower_sessions::session_store::Error) -> Self {
        Self::Internal(err.into())
    }
}

impl From<minijinja::Error> for Error {
    fn from(err: minijinja::Error) -> Self {
        Self::Internal(err.into())
    }
}

impl From<std::io::Error> for Error {
    fn from(err: std::io::Error) -> Self {
        Self::Internal(err.into())
    }
}

/// Carries the error out to [`render`], which knows the request.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        response(Arc::new(self))
    }
}

/// As the answer that [`render`] knows what to do with.
pub(super) fn response(error: Arc<Error>) -> Response {
    let mut response = error.status().into_response();
    response.extensions_mut().insert(error);
    response
}

pub(super) async fn not_found() -> Error {
    Error::NotFound
}

pub(super) async fn method_not_allowed() -> Error {
    Error::MethodNotAllowed
}

/// A POST that another site's page has made the browser send.
pub(super) fn cross_site(_: ProtectionError) -> Response {
    Error::Forbidden("This request came from another site's page, so it was not carried out.").into_response()
}

/// The process's panic hook has logged what the handler said.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    Error::Panicked.into_response()
}

/// Whether this is the end of a task that panicked, which is in the log already.
pub(super) fn is_panic(err: &anyhow::Error) -> bool {
    err.chain().filter_map(|it| it.downcast_ref::<JoinError>()).any(JoinError::is_panic)
}

#[derive(Serialize)]
struct Show {
    status: u16,
    title: &'static str,
    sentence: String,
    hint: Option<&'static str>,
    request_id: Option<String>,
    /// The page where what was refused stands.
    back: Option<String>,
    home: bool,
}

impl View for Show {
    const TEMPLATE: &'static str = "errors/show.html";
}

#[derive(Serialize)]
struct Alert {
    sentence: String,
    hint: Option<&'static str>,
    request_id: Option<String>,
}

impl Fragment for Alert {
    const TEMPLATE: &'static str = "errors/_alert.html";
}

/// Logs what is ours, and shows an error as a page, or to htmx as an alert.
pub(super) async fn render(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let ui = Ui::of(&state, request.extensions(), request.headers(), request.method(), request.uri());
    let back = (request.method() != Method::GET).then(|| ui.path().to_owned()).filter(|page| page != "/");
    let request_id = request_id(request.headers());
    let wants_fragment = request.headers().contains_key("hx-request");
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let from_a_browser = bearer::is_a_browser(request.headers());
    let response = next.run(request).await;
    let Some(error) = response.extensions().get::<Arc<Error>>().cloned() else { return response };
    if let Error::Internal(source) = &*error
        && !is_panic(source)
    {
        tracing::error!(%method, path, request_id, error = format!("{source:#}"), "request failed");
    }
    let status = if is_of_a_stream(&path) { error.of_a_stream() } else { error.status() };
    let (title, sentence, hint) = error.words();
    // A link would lead to a form that is empty again.
    let back = back.filter(|_| !matches!(*error, Error::TooLarge(_)));
    let request_id = request_id.filter(|_| matches!(*error, Error::Internal(_) | Error::Panicked));
    let for_a_program = ui.answers_json || !from_a_browser && (is_for_programs(&path) || matches!(*error, Error::Unauthorized(_)));
    let shown = if for_a_program {
        Ok(Json(json!({ "error": sentence })).into_response())
    } else if wants_fragment {
        ui.fragment(&Alert { sentence, hint, request_id })
    } else {
        ui.page(title, &Show { status: status.as_u16(), title, sentence, hint, request_id, back, home: true })
    };
    match shown {
        Ok(page) if matches!(*error, Error::TooMany | Error::Busy(_) | Error::EngineAway(_)) => {
            (status, [(header::RETRY_AFTER, RETRY_AFTER_SECONDS)], page).into_response()
        }
        Ok(page) if matches!(*error, Error::Unauthorized(_)) => (status, [(header::WWW_AUTHENTICATE, "Bearer")], page).into_response(),
        Ok(page) => (status, page).into_response(),
        Err(err) => {
            tracing::error!(error = format!("{:#}", anyhow::Error::from(err)), "the error page could not be rendered");
            (status, Body::from(title)).into_response()
        }
    }
}

/// Whether a page's stream is, or was, at an address. An app may be called “events”.
fn is_of_a_stream(path: &str) -> bool {
    path.ends_with("/events") && path != "/apps/events"
}

/// Whether an address is there for programs: there an error is JSON, unless a browser asks.
fn is_for_programs(path: &str) -> bool {
    FOR_PROGRAMS.iter().any(|prefix| path.starts_with(prefix))
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    headers.get("x-request-id")?.to_str().ok().map(str::to_owned)
}
