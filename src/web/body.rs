//! The bodies of deliveries and of forms, read within limits of size, time and memory.

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Duration, timeout},
};

use crate::domain::delivery::{BODY_MAX_BYTES, Rejection};

/// How long a body may take to arrive. Gitea gives up after 5 s.
const DEADLINE: Duration = Duration::from_secs(6);
/// How long a form may take to arrive.
const FORM_DEADLINE: Duration = Duration::from_secs(60);
/// A body up to this size, as nearly all are, is read at once; a larger one needs a place.
const SMALL_BYTES: usize = 256 * 1024;
/// What is allocated for a large one. The C library gives pieces of more than 32 MiB back to the system at once when they are freed, and
/// what is not written to takes no memory.
const LARGE_CAPACITY: usize = 33 * 1024 * 1024;
/// How long a large one waits for its place.
const PLACE_DEADLINE: Duration = Duration::from_secs(3);
/// Of a body that is not kept so much is read: a forge that is cut off in the middle does not show our answer.
const DRAINED_MAX_BYTES: usize = 4 * BODY_MAX_BYTES;

/// What was read.
pub(super) struct Read<'a> {
    pub(super) body: Result<Bytes, Rejection>,
    /// How long it was, as far as it came.
    pub(super) length: u64,
    /// Held as long as a large body is.
    _place: Option<SemaphorePermit<'a>>,
}

/// Too many large bodies are being read.
pub(super) struct Busy;

/// Reads a whole body; `places` are for large ones.
pub(super) async fn read(body: Body, places: &Semaphore) -> Result<Read<'_>, Busy> {
    let mut length = 0;
    match timeout(DEADLINE, whole(body, places, &mut length)).await {
        Ok(Ok((bytes, place))) => Ok(Read { body: Ok(bytes), length, _place: place }),
        Ok(Err(Refused::Rejected(rejection))) => Ok(Read { body: Err(rejection), length, _place: None }),
        Ok(Err(Refused::Busy)) => Err(Busy),
        Err(_) => Ok(Read { body: Err(Rejection::Incomplete), length, _place: None }),
    }
}

/// Why a form is not read.
pub(super) enum Unread {
    /// It is larger than it may be.
    TooLarge,
    /// It did not arrive whole and in time.
    Incomplete,
}

/// Reads a form. What is too large is read away, so that a browser in the middle of sending it gets to see the answer.
pub(super) async fn read_form(body: Body, max_bytes: usize) -> Result<Bytes, Unread> {
    let reading = async {
        let mut pieces = body.into_data_stream();
        let mut whole = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| Unread::Incomplete)?;
            if whole.len() + piece.len() > max_bytes {
                let mut length = (whole.len() + piece.len()) as u64;
                rest(&mut pieces, &mut length).await;
                return Err(Unread::TooLarge);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(Bytes::from(whole))
    };
    timeout(FORM_DEADLINE, reading).await.unwrap_or(Err(Unread::Incomplete))
}

/// Reads a body away, because `rejection` is said whatever is in it.
pub(super) async fn drain(body: Body, rejection: Rejection) -> Read<'static> {
    let mut length = 0;
    let _ = timeout(DEADLINE, rest(&mut body.into_data_stream(), &mut length)).await;
    Read { body: Err(rejection), length, _place: None }
}

/// A body that is announced as too large by a client that waits to hear whether it shall send it.
pub(super) fn unwanted(headers: &HeaderMap) -> Option<Read<'static>> {
    let asks = headers.get(header::EXPECT).is_some_and(|expect| expect.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    let length = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
    (asks && length > BODY_MAX_BYTES as u64).then_some(Read { body: Err(Rejection::TooLarge), length, _place: None })
}

enum Refused {
    Rejected(Rejection),
    Busy,
}

async fn whole<'a>(body: Body, places: &'a Semaphore, length: &mut u64) -> Result<(Bytes, Option<SemaphorePermit<'a>>), Refused> {
    let mut pieces = body.into_data_stream();
    let mut whole = Vec::new();
    let mut place = None;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Refused::Rejected(Rejection::Incomplete))?;
        *length += piece.len() as u64;
        if whole.len() + piece.len() > BODY_MAX_BYTES {
            drop(whole);
            rest(&mut pieces, length).await;
            return Err(Refused::Rejected(Rejection::TooLarge));
        }
        if whole.len() + piece.len() > SMALL_BYTES && place.is_none() {
            let waited = timeout(PLACE_DEADLINE, places.acquire()).await;
            place = Some(waited.map_err(|_| Refused::Busy)?.expect("the semaphore is never closed"));
            let mut roomy = Vec::with_capacity(LARGE_CAPACITY);
            roomy.extend_from_slice(&whole);
            whole = roomy;
        }
        whole.extend_from_slice(&piece);
    }
    Ok((whole.into(), place))
}

async fn rest(pieces: &mut axum::body::BodyDataStream, length: &mut u64) {
    while let Some(Ok(piece)) = pieces.next().await {
        *length += piece.len() as u64;
        if *length > DRAINED_MAX_BYTES as u64 {
            return;
        }
    }
}
