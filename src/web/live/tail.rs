//! One viewer's way along a journal: first from the file, until it meets what is rendered for all, then with everybody.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use super::feed::{self, Chunk, Feed, Next};
use crate::{
    domain::deployment::Deployment,
    web::{AppState, error::Error},
};

/// Follows a journal from a place on.
pub(in crate::web) struct Tail {
    feed: Arc<Feed>,
    file: std::path::PathBuf,
    /// Everything before it was sent.
    place: u64,
    growth: watch::Receiver<u64>,
    /// Whether it has met the others.
    live: bool,
}

/// What a viewer gets next.
pub(super) enum Step {
    /// Lines, as an event.
    Lines(Bytes),
    /// All that is written was sent.
    Nothing,
    /// It had met the others and has lost them. It comes back, and then reads from the file.
    TooSlow,
}

impl Tail {
    /// Follows a deployment's journal from a place on; one beyond its end is its end.
    pub(in crate::web) fn new(state: &AppState, deployment: &Deployment, place: u64) -> Self {
        let file = state.deployer.journal(deployment);
        let feed = state.feeds.of(deployment.id, &file);
        Self { feed, file, place, growth: state.deployer.journal_growth(deployment.id), live: false }
    }

    /// The next lines, as far as they are written.
    pub(super) async fn next(&mut self, state: &AppState) -> Result<Step, Error> {
        // The file may be ahead of what is told here: only where both agree there is nothing more.
        if *self.growth.borrow_and_update() == self.place && self.place > 0 {
            return Ok(Step::Nothing);
        }
        loop {
            let chunk = match self.feed.after(state, self.place).await? {
                Next::Nothing { end } => {
                    self.place = self.place.min(end);
                    return Ok(Step::Nothing);
                }
                Next::Chunk(chunk) => {
                    self.live = true;
                    chunk
                }
                Next::ReadUpTo(_) if self.live => return Ok(Step::TooSlow),
                Next::ReadUpTo(place) => match self.read(state, place).await? {
                    Some(chunk) => chunk,
                    None => {
                        self.place = place;
                        continue;
                    }
                },
            };
            self.place = chunk.to;
            return Ok(Step::Lines(chunk.event));
        }
    }

    /// Waits until the journal has grown.
    pub(super) async fn grown(&mut self) {
        self.growth.changed().await.expect("a sender is kept as long as somebody listens");
    }

    /// Reads from the file, which is opened each time: many may be behind, and an open compressed journal holds an unpacked frame.
    async fn read(&self, state: &AppState, up_to: u64) -> Result<Option<Chunk>, Error> {
        Ok(feed::chunk(state, &self.file, None, self.place, up_to).await?.0)
    }
}
