//! Open pages stay true: each has one stream of server-sent events, which carries the fragments that have changed, and the lines of a
//! journal as they are written. A fragment on the stream is rendered from the same view and template as on the page, so it is what a
//! reload would show.
//!
//! # Why a stream ends early, and what then
//! µPaaS stops, the session is over, or the reader is too slow. The browser comes back by itself: it then gets every fragment anew, and the
//! journal from the place of its last event on. Only a deployment that has ended says `done`, and nobody comes back.

mod feed;
mod message;
mod tail;

pub(super) use feed::Feeds;
pub(super) use tail::Tail;

use std::{
    convert::Infallible,
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{
    future::BoxFuture,
    stream::{self, StreamExt},
};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, sleep_until},
};

use super::{
    AppState,
    error::Error,
    security::Uncompressed,
    ui::Ui,
    view::{Piece, Watched},
};
use message::Message;
use tail::Step;

/// So many streams are open at once; more are told to come back.
pub(super) const STREAMS_MAX: usize = 2000;
/// A page is looked at again at most this often, however much happens, unless it asks for a longer pause.
pub(super) const LOOK_PAUSE: Duration = Duration::from_millis(200);
/// And at least this often: “3 min ago” moves on without any news.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long a browser waits before it comes back.
const RECONNECT_AFTER: Duration = Duration::from_millis(500);
/// How long a stream is silent at most, so that both ends notice when the other one is gone. A page waits for more than twice as long.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// What a page shows at one moment.
pub(super) struct Look {
    pub(super) title: String,
    /// The fragments that may change, rendered.
    pub(super) pieces: Vec<(&'static Piece, String)>,
    /// Whether nothing will change any more.
    pub(super) over: bool,
}

/// Finds what the page shows now; none when whoever watches is signed in no longer.
type Looking = Box<dyn Fn() -> BoxFuture<'static, Result<Option<Look>, Error>> + Send + Sync>;

/// Answers with the stream of a page. `load` finds what it shows; `tail` follows a journal.
pub(super) async fn stream<V, L, F>(ui: Ui, tail: Option<Tail>, load: L) -> Result<Response, Error>
where
    V: Watched,
    L: Fn(Ui) -> F + Send + Sync + 'static,
    F: Future<Output = Result<V, Error>> + Send + 'static,
{
    let state = ui.state.clone();
    let place = state.streams.clone().try_acquire_owned().map_err(|_| Error::Busy("Too many pages are open at once."))?;
    let changes = state.changes.listen();
    let looking: Looking = Box::new(move || {
        let (ui, view) = (ui.clone(), load(ui.clone()));
        Box::pin(async move {
            match ui.is_still_signed_in().await? {
                true => Ok(Some(ui.look(&view.await?)?)),
                false => Ok(None),
            }
        })
    });
    let mut viewer = Viewer {
        looking,
        shown: Vec::new(),
        look_at: None,
        pause: V::PAUSE,
        looked_at: Instant::now(),
        spoke_at: Instant::now(),
        changes,
        tail,
        farewell: None,
        over: false,
        _place: place,
    };
    // What is wrong now is answered as it would be to a request for the page.
    let first = Message::alive_and_back_after(RECONNECT_AFTER).and(viewer.look().await?);
    let events = stream::once(async { first.into_bytes() })
        .chain(stream::unfold((viewer, state), async |(mut viewer, state)| {
            let event = viewer.next(&state).await?;
            viewer.spoke_at = Instant::now();
            Some((event, (viewer, state)))
        }))
        .map(Ok::<_, Infallible>);
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (HeaderName::from_static("x-accel-buffering"), "no")];
    let mut response = (headers, Body::from_stream(events)).into_response();
    response.extensions_mut().insert(Uncompressed);
    Ok(response)
}

/// Somebody who watches a page.
struct Viewer {
    looking: Looking,
    /// What was sent of the title and of each fragment, as a hash.
    shown: Vec<u64>,
    looked_at: Instant,
    spoke_at: Instant,
    /// When to look again, once there was news.
    look_at: Option<Instant>,
    /// How long after a look the next one is at the earliest.
    pause: Duration,
    changes: watch::Receiver<()>,
    tail: Option<Tail>,
    /// What is sent when the journal has been read to its end, and then nothing more.
    farewell: Option<Message>,
    over: bool,
    _place: OwnedSemaphorePermit,
}

impl Viewer {
    /// The next piece of the stream; none at its end.
    async fn next(&mut self, state: &AppState) -> Option<Bytes> {
        while !self.over {
            if state.stop.is_cancelled() {
                return self.end_with(Message::named("end", "µPaaS stops"));
            }
            if self.is_to_look() {
                match self.look().await {
                    Ok(news) if news.is_empty() => continue,
                    Ok(news) => return Some(news.into_bytes()),
                    Err(err) => return self.break_off(err),
                }
            }
            match self.read_on(state).await {
                Ok(Step::Lines(lines)) => return Some(lines),
                Ok(Step::TooSlow) => self.over = true,
                Ok(Step::Nothing) => match self.farewell.take() {
                    Some(farewell) => return self.end_with(farewell),
                    None if self.has_been_silent(state).await => return Some(Message::alive().into_bytes()),
                    None => {}
                },
                Err(err) => return self.break_off(err),
            }
        }
        None
    }

    /// Whether there was news, or none for long; asked between any two lines, so that neither waits for the other.
    fn is_to_look(&mut self) -> bool {
        if self.look_at.is_none() && self.changes.has_changed().unwrap_or_default() {
            self.look_at = Some(self.looked_at + self.pause);
        }
        self.farewell.is_none() && Instant::now() >= self.look_at.unwrap_or(self.looked_at + LOOK_EVERY)
    }

    /// The next lines of the journal, as far as it is followed and written.
    async fn read_on(&mut self, state: &AppState) -> Result<Step, Error> {
        match &mut self.tail {
            Some(tail) => tail.next(state).await,
            None => Ok(Step::Nothing),
        }
    }

    /// Waits for anything to do. True when nothing was said for so long that it is time for a sign of life.
    async fn has_been_silent(&mut self, state: &AppState) -> bool {
        let grown = async {
            match &mut self.tail {
                Some(tail) => tail.grown().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep_until(self.spoke_at + SILENCE_MAX) => return true,
            () = state.stop.cancelled() => {}
            () = sleep_until(self.look_at.unwrap_or(self.looked_at + LOOK_EVERY)) => {}
            news = self.changes.changed(), if self.look_at.is_none() => {
                news.expect("the sender lives in the state");
                self.look_at = Some(self.looked_at + self.pause);
            }
            () = grown => {}
        }
        false
    }

    fn end_with(&mut self, last: Message) -> Option<Bytes> {
        self.over = true;
        Some(last.into_bytes())
    }

    /// The browser comes back, and is then told what is wrong.
    fn break_off(&mut self, err: Error) -> Option<Bytes> {
        tracing::debug!(error = format!("{:#}", anyhow::Error::from(err)), "a stream is broken off");
        self.over = true;
        None
    }

    /// What has changed since it was last looked at.
    async fn look(&mut self) -> Result<Message, Error> {
        self.look_at = None;
        self.changes.mark_unchanged();
        let look = (self.looking)().await?;
        self.looked_at = Instant::now();
        let Some(look) = look else {
            self.over = true;
            return Ok(Message::default());
        };
        let mut news = Message::default();
        let parts =
            std::iter::once(message::title(&look.title)).chain(look.pieces.iter().map(|(piece, html)| message::replacing(piece.id, html)));
        let mut shown = Vec::new();
        for part in parts {
            shown.push(hash(&part));
            if self.shown.get(shown.len() - 1) != shown.last() {
                news.add(&part);
            }
        }
        self.shown = shown;
        if look.over {
            self.farewell = Some(news.and(Message::named("done", "")));
            return Ok(Message::default());
        }
        Ok(news)
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
