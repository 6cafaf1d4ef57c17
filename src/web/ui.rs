//! What a handler needs to show something: the parts, who asks, and the frame around the page.

use axum::{
    extract::FromRequestParts,
    http::{Extensions, HeaderMap, Method, Uri, header, request::Parts, uri::Authority},
    response::{Html, IntoResponse, Response},
};

use tower_sessions::{Session, session::Id};

use super::{
    AppState,
    access::{self, CurrentUser},
    bearer::{self, Holder},
    client::Client,
    error::Error,
    frame::{Alert, Frame, Theme},
    live::Look,
    query::lasting,
    theme::COOKIE,
    view::{Fragment, Mood, View, Watched},
};
use crate::domain::audit::Actor;

/// The hands of a handler.
#[derive(Clone)]
pub(super) struct Ui {
    pub(super) state: AppState,
    pub(super) user: Option<CurrentUser>,
    /// Of the token that came with the request, where one may.
    pub(super) holder: Option<Holder>,
    pub(super) client: Option<Client>,
    /// The host, with its port, that the browser used.
    pub(super) authority: Option<Authority>,
    /// Whether htmx asks, for a fragment.
    pub(super) wants_fragment: bool,
    /// Whether a program asks, with a token.
    pub(super) answers_json: bool,
    theme: Theme,
    path: String,
    /// The path with the query, where a link or a form comes back to.
    address: String,
    alerts: Vec<(&'static str, String)>,
    session: Option<Id>,
}

impl Ui {
    /// From the pieces of a request.
    pub(super) fn of(state: &AppState, extensions: &Extensions, headers: &HeaderMap, method: &Method, uri: &Uri) -> Self {
        let is_a_page = *method == Method::GET;
        let path = if is_a_page { uri.path().to_owned() } else { page_of(uri.path()) };
        Self {
            state: state.clone(),
            user: extensions.get::<CurrentUser>().cloned(),
            holder: extensions.get::<Holder>().cloned(),
            client: extensions.get::<Client>().copied(),
            authority: headers.get(header::HOST).and_then(|value| value.to_str().ok()?.parse().ok()),
            wants_fragment: headers.contains_key("hx-request"),
            answers_json: bearer::presented(headers).is_some() && !bearer::is_a_browser(headers),
            theme: cookie(headers, COOKIE).and_then(Theme::parse).unwrap_or(Theme::Auto),
            address: if is_a_page { lasting(uri) } else { path.clone() },
            path,
            alerts: Vec::new(),
            session: extensions.get::<Session>().and_then(Session::id),
        }
    }

    /// Where the browser is, or where the act that it asked for stands.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Who makes this request: for what is done with it.
    pub(super) fn actor(&self) -> Actor {
        let address = self.client.map(|client| client.address);
        match (&self.holder, &self.user) {
            (Some(Holder { token, owner }), _) => {
                Actor { user: Some(owner.id), name: format!("{} (token {})", owner.username, token.name), address }
            }
            (None, Some(CurrentUser(user))) => Actor { user: Some(user.id), name: user.username.clone(), address },
            (None, None) => Actor { user: None, name: String::new(), address },
        }
    }

    /// The host name that the browser used, without port.
    pub(super) fn host(&self) -> &str {
        self.authority.as_ref().map_or("localhost", Authority::host)
    }

    /// Adds a line of good news above the page.
    pub(super) fn good_news(mut self, text: &str) -> Self {
        self.alerts.push(("success", text.to_owned()));
        self
    }

    /// Whether the session that made this request has not ended since.
    pub(super) async fn is_still_signed_in(&self) -> Result<bool, Error> {
        match self.session {
            Some(session) => access::is_signed_in(&self.state, session).await,
            None => Ok(false),
        }
    }

    /// A whole page.
    pub(super) fn page<V: View>(&self, title: &str, view: &V) -> Result<Response, Error> {
        Ok(Html(self.state.views.page(&self.frame(title.to_owned(), Mood::Ok), view)?).into_response())
    }

    /// A whole page that stays true while it is open: its stream is at `stream`.
    pub(super) fn watched<V: Watched>(&self, view: &V, stream: String) -> Result<Response, Error> {
        let mood = view.mood();
        let stream = Some(stream).filter(|_| !view.is_over());
        let frame = Frame { live: mood == Mood::Busy, stream, ..self.frame(view.title(), mood) };
        Ok(Html(self.state.views.page(&frame, view)?).into_response())
    }

    /// What such a page shows now, for its stream.
    pub(super) fn look<V: Watched>(&self, view: &V) -> Result<Look, Error> {
        let title = view.title();
        let pieces = self.state.views.pieces(&self.frame(title.clone(), view.mood()), view)?;
        Ok(Look { title, pieces, over: view.is_over() })
    }

    fn frame(&self, title: String, mood: Mood) -> Frame {
        let first = self.path.split('/').nth(1);
        Frame {
            title,
            section: ["audit", "settings", "system"].into_iter().find(|section| first == Some(section)).unwrap_or("apps"),
            user: self.user.as_ref().map(|user| user.0.username.clone()),
            engine: self.state.deployer.engine().into(),
            alerts: self.alerts.iter().map(|(kind, text)| Alert { kind, text: text.clone(), hint: None }).collect(),
            version: env!("CARGO_PKG_VERSION"),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            theme: self.theme.as_str(),
            address: self.address.clone(),
            mood,
            live: false,
            stream: None,
        }
    }

    /// A fragment alone.
    pub(super) fn fragment<F: Fragment>(&self, fragment: &F) -> Result<Response, Error> {
        Ok(Html(self.state.views.fragment(fragment)?).into_response())
    }
}

impl FromRequestParts<AppState> for Ui {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        Ok(Self::of(state, &parts.extensions, &parts.headers, &parts.method, &parts.uri))
    }
}

/// The page on which an act stands: an app's own for what is done with it.
fn page_of(act: &str) -> String {
    let mut parts = act.split('/').skip(1);
    match (parts.next(), parts.next(), parts.next()) {
        (Some("apps"), Some(slug), Some(_)) => format!("/apps/{slug}"),
        (Some(section @ ("settings" | "system")), ..) => format!("/{section}"),
        _ => "/".to_owned(),
    }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    cookies.filter_map(|cookie| cookie.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}
