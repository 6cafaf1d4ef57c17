//! Every request is seen once: what is logged meanwhile carries its id, and when its answer has ended it is counted and logged as one
//! line.

use std::{
    net::IpAddr,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, HttpBody},
    extract::{Extension, Request, State},
    http::{HeaderMap, HeaderName, Method, header},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tracing::{Instrument, Span};

use super::{AppState, client::Client};
use crate::metrics::Metrics;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A longer id of a client's is not taken over.
const REQUEST_ID_MAX_CHARS: usize = 64;
/// Longer user agents, paths and methods are cut in the log.
const USER_AGENT_MAX_CHARS: usize = 256;
const PATH_MAX_CHARS: usize = 512;
const METHOD_MAX_CHARS: usize = 16;
/// What machines ask for all the time: logged only for who wants to see everything, unless it goes wrong.
const ROUTINE: [&str; 3] = ["/static/", "/health/", "/metrics"];

/// The status of a request whose client did not wait for the answer: nginx calls it so, too.
const CLIENT_GONE: u16 = 499;

/// Takes away a request id of the client's that could do harm where it is shown: the request gets one of ours then.
pub(super) async fn own_request_id(mut request: Request) -> Request {
    let harmless = |id: &str| {
        (1..=REQUEST_ID_MAX_CHARS).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    let mut ids = request.headers().get_all(REQUEST_ID).iter();
    let first = ids.next().and_then(|id| id.to_str().ok());
    if ids.next().is_some() || !first.is_some_and(harmless) {
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

/// Sees a request from here to the end of its answer's body.
pub(super) async fn observe(State(state): State<AppState>, Extension(client): Extension<Client>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let asked = Asked::of(&request, client);
    let span = tracing::info_span!("request", request_id = asked.request_id);
    let mut seen = Seen { asked, began, answered: None, bytes: 0, metrics: state.metrics.clone(), span: span.clone() };
    let response = next.run(request).instrument(span).await;
    seen.answered = Some((response.status().as_u16(), began.elapsed()));
    response.map(|body| Body::new(Counted { body, seen }))
}

/// What a request asked for.
struct Asked {
    method: Method,
    path: String,
    user_agent: Option<String>,
    client: IpAddr,
    request_id: String,
}

impl Asked {
    fn of(request: &Request, client: Client) -> Self {
        let text = |name: HeaderName| value(request.headers(), &name);
        Self {
            method: request.method().clone(),
            path: cut(request.uri().path(), PATH_MAX_CHARS),
            user_agent: text(header::USER_AGENT).map(|it| cut(&it, USER_AGENT_MAX_CHARS)),
            client: client.address,
            request_id: text(REQUEST_ID).unwrap_or_default(),
        }
    }
}

fn value(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned())
}

fn cut(text: &str, max_chars: usize) -> String {
    text.chars().take(max_chars).collect()
}

/// The log's line, at a level.
macro_rules! line {
    ($level:ident, $seen:expr, $status:expr, $latency:expr) => {{
        let Seen { asked, bytes, .. } = $seen;
        tracing::$level!(
            method = cut(asked.method.as_str(), METHOD_MAX_CHARS),
            path = asked.path,
            status = $status,
            bytes,
            latency_ms = $latency.as_micros() as f64 / 1000.0,
            user_agent = asked.user_agent,
            client = %asked.client,
            request_id = asked.request_id,
            "request"
        );
    }};
}

/// A request, from its beginning until it is dropped: after the last piece of its answer, or when the client has gone.
struct Seen {
    asked: Asked,
    began: Instant,
    /// The status of the answer, and how long its head took.
    answered: Option<(u16, Duration)>,
    /// How much of the answer's body was taken.
    bytes: u64,
    metrics: Metrics,
    span: Span,
}

impl Drop for Seen {
    fn drop(&mut self) {
        let (status, latency) = self.answered.unwrap_or_else(|| (CLIENT_GONE, self.began.elapsed()));
        self.metrics.http(&self.asked.method, status, latency, self.bytes);
        if status < 400 && ROUTINE.iter().any(|path| self.asked.path.starts_with(path)) {
            line!(debug, self, status, latency);
        } else {
            line!(info, self, status, latency);
        }
    }
}

/// A body that counts what is taken of it.
struct Counted {
    body: Body,
    seen: Seen,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let _entered = this.seen.span.enter();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            this.seen.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn kept(ids: &[&[u8]]) -> Option<String> {
        let request = ids.iter().fold(Request::builder(), |request, id| request.header(REQUEST_ID, *id));
        let request = own_request_id(request.body(Body::empty()).expect("valid")).await;
        value(request.headers(), &REQUEST_ID)
    }

    #[tokio::test]
    async fn only_a_harmless_request_id_of_a_client_is_taken_over() {
        let longest = "x".repeat(64);
        for harmless in ["7", "trace-01.A_b", longest.as_str()] {
            assert_eq!(kept(&[harmless.as_bytes()]).await.as_deref(), Some(harmless));
        }
        let too_long = "x".repeat(65);
        for harmful in ["", "a b", "<b>", "a=\"b\"", "ä", "a,b", too_long.as_str()] {
            assert_eq!(kept(&[harmful.as_bytes()]).await, None, "{harmful}");
        }
        assert_eq!(kept(&[b"\xff"]).await, None);
        assert_eq!(kept(&[b"one", b"two"]).await, None);
        assert_eq!(kept(&[]).await, None);
    }
}
