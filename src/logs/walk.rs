//! From line to line through a journal, in blocks: what a walk holds does not depend on how large the journal is.

use std::{
    io::{self, Read, Seek},
    ops::Range,
};

use super::{
    content::Content,
    journal::{Head, LINE_MAX_BYTES, Line},
};

/// Read at once. Holds several lines of the greatest length.
pub(super) const BLOCK_BYTES: u64 = 64 * 1024;

/// A walk over the whole lines that begin at a place or after it and end before another.
pub(super) struct Walk<'c, F> {
    content: &'c mut Content<F>,
    block: Vec<u8>,
    /// The place of the block's first byte.
    place: u64,
    /// How much of the block was walked over.
    at: usize,
    until: u64,
}

/// A line on the way.
pub(super) struct Step<'w> {
    pub(super) place: u64,
    head: Head,
    bytes: &'w [u8],
}

impl Step<'_> {
    /// The place after it.
    pub(super) fn after(&self) -> u64 {
        self.place + self.bytes.len() as u64 + 1
    }

    pub(super) fn number(&self) -> u64 {
        self.head.number
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.bytes[self.head.bytes..]
    }

    pub(super) fn line(&self) -> Line {
        self.head.line(self.bytes)
    }
}

impl<'c, F: Read + Seek> Walk<'c, F> {
    /// A walk from a place that need not be the beginning of a line.
    pub(super) fn new(content: &'c mut Content<F>, from: u64, until: u64) -> io::Result<Self> {
        let mut walk = Self { content, block: Vec::new(), place: from.saturating_sub(1), at: 0, until };
        if from > 0 {
            walk.pass_line()?;
        }
        Ok(walk)
    }

    /// The next line; what is none (half a line of a crash) is passed over.
    pub(super) fn next(&mut self) -> io::Result<Option<Step<'_>>> {
        while let Some(range) = self.pass_line()? {
            if let Some(head) = Head::parse(&self.block[range.clone()]) {
                return Ok(Some(Step { place: self.place + range.start as u64, head, bytes: &self.block[range] }));
            }
        }
        Ok(None)
    }

    /// Where in the block the next line stands, without its line feed.
    fn pass_line(&mut self) -> io::Result<Option<Range<usize>>> {
        let mut searched = 0;
        loop {
            let begun = &self.block[self.at..];
            if let Some(length) = memchr::memchr(b'\n', &begun[searched..]) {
                let from = self.at;
                self.at += searched + length + 1;
                return Ok(Some(from..self.at - 1));
            }
            searched = begun.len();
            // What is longer than any line is none: its end will do to pass over it.
            if searched > LINE_MAX_BYTES {
                self.at += searched;
                searched = 0;
            }
            if !self.read_on()? {
                return Ok(None);
            }
        }
    }

    fn read_on(&mut self) -> io::Result<bool> {
        self.block.drain(..self.at);
        self.place += std::mem::take(&mut self.at) as u64;
        let begun = self.block.len();
        let end = self.place + begun as u64;
        self.block.resize(begun + self.until.saturating_sub(end).min(BLOCK_BYTES) as usize, 0);
        let read = self.content.read_some(end, &mut self.block[begun..])?;
        self.block.truncate(begun + read);
        Ok(read > 0)
    }
}
