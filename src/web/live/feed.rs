//! The end of a journal that is being written, rendered once for all who watch it.
//!
//! Nobody owns the work: of the viewers who have seen everything, the first one that hears of growth reads and renders it, under the lock;
//! the others then find it in the ring. So there is no task that could outlive them.

use std::{
    collections::{HashMap, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::Mutex as AsyncMutex,
    time::{Instant, sleep_until},
};

use super::message::{Message, appended};
use crate::{
    domain::ids::DeploymentId,
    logs::reader::Reader,
    web::{AppState, error::Error, journal},
};

/// Of a journal so much is rendered at once.
const CHUNK_MAX_BYTES: usize = 64 * 1024;
/// What is written within this time goes out together: a browser draws 60 times a second.
const CHUNK_PAUSE: Duration = Duration::from_millis(16);
/// So much is kept, rendered, for viewers who are a little late.
const RING_MAX_BYTES: usize = 512 * 1024;

/// The journals that are watched.
#[derive(Default)]
pub(in crate::web) struct Feeds(Mutex<HashMap<DeploymentId, Weak<Feed>>>);

impl Feeds {
    /// The feed of a deployment's journal, shared by all who watch it now.
    pub(super) fn of(&self, deployment: DeploymentId, file: &Path) -> Arc<Feed> {
        let mut feeds = self.0.lock().expect("no panic while held");
        if let Some(feed) = feeds.get(&deployment).and_then(Weak::upgrade) {
            return feed;
        }
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let feed = Arc::new(Feed { file: file.to_owned(), ring: AsyncMutex::new(Ring::default()) });
        feeds.insert(deployment, Arc::downgrade(&feed));
        feed
    }
}

/// The rendered end of one journal.
pub(super) struct Feed {
    file: PathBuf,
    /// Held while its front is read and rendered.
    ring: AsyncMutex<Ring>,
}

/// Neighbouring chunks, oldest first.
#[derive(Default)]
struct Ring {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    /// Where the next chunk begins; none before the first look at the file.
    front: Option<u64>,
    /// When the last one was made.
    made_at: Option<Instant>,
    reader: Option<Reader>,
}

/// Lines from one place to another, as an event.
#[derive(Clone)]
pub(super) struct Chunk {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) event: Bytes,
}

/// What follows a place.
pub(super) enum Next {
    /// These lines.
    Chunk(Chunk),
    /// Lines that are no longer kept, or not in this cut, up to the given place: read them from the file.
    ReadUpTo(u64),
    /// Nothing is written beyond this place yet.
    Nothing { end: u64 },
}

impl Feed {
    /// What follows `place`, as far as it is written.
    pub(super) async fn after(&self, state: &AppState, place: u64) -> Result<Next, Error> {
        let mut ring = self.ring.lock().await;
        if ring.front.is_none() {
            ring.front = Some(self.end(state).await?);
        }
        loop {
            let front = ring.front.unwrap_or_default();
            if let Some(next) = ring.kept_after(place) {
                return Ok(next);
            }
            if place < front {
                return Ok(Next::ReadUpTo(front));
            }
            if let Some(made_at) = ring.made_at {
                sleep_until(made_at + CHUNK_PAUSE).await;
            }
            let (chunk, reader) = chunk(state, &self.file, ring.reader.take(), front, u64::MAX).await?;
            ring.reader = reader;
            match chunk {
                // It may end before the place: a page can show lines that nobody has fetched here yet.
                Some(chunk) => ring.keep(chunk),
                None => return Ok(Next::Nothing { end: front }),
            }
        }
    }

    async fn end(&self, state: &AppState) -> Result<u64, Error> {
        let file = self.file.clone();
        journal::reading(&state.journal_reads, move || Ok(Reader::open(&file)?.map(|mut reader| reader.end()).transpose()?.unwrap_or(0)))
            .await
    }
}

impl Ring {
    /// What is kept of the lines after a place; none when they are not made yet, or no longer kept.
    fn kept_after(&self, place: u64) -> Option<Next> {
        let at = self.chunks.partition_point(|chunk| chunk.to <= place);
        let chunk = self.chunks.get(at)?;
        Some(match chunk.from {
            from if from == place => Next::Chunk(chunk.clone()),
            from if from < place => Next::ReadUpTo(chunk.to),
            from => Next::ReadUpTo(from),
        })
    }

    fn keep(&mut self, chunk: Chunk) {
        self.front = Some(chunk.to);
        self.made_at = Some(Instant::now());
        self.bytes += chunk.event.len();
        self.chunks.push_back(chunk);
        while self.bytes > RING_MAX_BYTES && self.chunks.len() > 1 {
            self.bytes -= self.chunks.pop_front().map_or(0, |oldest| oldest.event.len());
        }
    }
}

/// Reads and renders lines from a place on, up to another one; none when there are none. Gives the reader back.
pub(super) async fn chunk(
    state: &AppState,
    file: &Path,
    reader: Option<Reader>,
    from: u64,
    up_to: u64,
) -> Result<(Option<Chunk>, Option<Reader>), Error> {
    let (parts, file) = (state.clone(), file.to_owned());
    let read = move || {
        let Some(mut reader) = reader.map_or_else(|| Reader::open(&file), |reader| Ok(Some(reader)))? else { return Ok((None, None)) };
        let bytes = usize::try_from(up_to - from).unwrap_or(usize::MAX).min(CHUNK_MAX_BYTES);
        let window = reader.from_place(from, bytes)?;
        if window.to == from {
            return Ok((None, Some(reader)));
        }
        let html = appended("lines", &journal::lines(&parts.views, &window.lines)?);
        let event = Message::html_up_to(window.to, &html).into_bytes();
        Ok((Some(Chunk { from, to: window.to, event }), Some(reader)))
    };
    journal::reading(&state.journal_reads, read).await
}
