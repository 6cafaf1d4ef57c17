//! What surrounds every page: who is signed in, how the engine is, which theme.

use serde::Serialize;

use super::view::Mood;
use crate::domain::{engine::EngineState, moment::Moment};

/// The frame's data.
#[derive(Serialize)]
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) section: &'static str,
    pub(super) user: Option<String>,
    pub(super) engine: EngineView,
    pub(super) alerts: Vec<Alert>,
    pub(super) version: &'static str,
    pub(super) build: &'static str,
    pub(super) theme: &'static str,
    /// Where the page is, with its query.
    pub(super) address: String,
    pub(super) mood: Mood,
    /// Whether something is under way: without scripting the page is fetched again then.
    pub(super) live: bool,
    /// Where its stream is.
    pub(super) stream: Option<String>,
}

/// A line of news above the page.
#[derive(Serialize)]
pub(super) struct Alert {
    pub(super) kind: &'static str,
    pub(super) text: String,
    pub(super) hint: Option<String>,
}

/// The engine, for people.
#[derive(Serialize)]
pub(super) struct EngineView {
    state: &'static str,
    title: String,
    sentence: Option<String>,
    hint: Option<&'static str>,
}

impl From<EngineState> for EngineView {
    fn from(state: EngineState) -> Self {
        match state {
            EngineState::Unknown => Self { state: "unknown", title: "Asking the engine…".to_owned(), sentence: None, hint: None },
            EngineState::Up(engine) => {
                Self { state: "up", title: format!("Docker Engine {} (API {})", engine.version, engine.api), sentence: None, hint: None }
            }
            EngineState::Down { since } => Self {
                state: "down",
                title: "The engine does not answer".to_owned(),
                sentence: Some(format!("The engine cannot be reached since {}.", since.exact())),
                hint: Some(
                    "Is the Docker daemon running? µPaaS asks again every 2 s and goes on by itself; what is queued waits. Running containers are not touched.",
                ),
            },
        }
    }
}

/// Light, dark, or as the system says: remembered in a cookie, so that it works without JavaScript and without a flash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Self::Auto),
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            _ => None,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A time, relative to read and exact on hover.
#[derive(Serialize)]
pub(super) struct When {
    iso: String,
    ago: String,
    exact: String,
}

impl From<Moment> for When {
    fn from(moment: Moment) -> Self {
        Self { iso: moment.iso(), ago: moment.ago(Moment::now()), exact: moment.exact() }
    }
}
