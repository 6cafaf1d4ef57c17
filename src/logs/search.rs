//! Finds text in journals, as a reader sees the lines: across colour changes, and not in what a progress bar has overwritten.
//!
//! Most lines are what they look like, and are searched as they stand in the file; only those with something to interpret are rendered.

use std::{
    io::{self, Read, Seek},
    time::{Duration, Instant},
};

use regex::bytes::{Regex, RegexBuilder};

use super::{
    ansi,
    journal::Line,
    reader::{Reader, WINDOW_MAX_BYTES},
    walk::Walk,
};

/// Characters of a search text; what follows them is not searched for.
pub const NEEDLE_MAX_CHARS: usize = 200;
/// Lines that one search finds at most.
pub const SEARCH_MATCHES: usize = 200;
/// How long one search takes at most.
pub const SEARCH_TIME: Duration = Duration::from_secs(3);
/// Between two looks at the clock, in bytes of the journal: some milliseconds at most.
const LOOK_UP_BYTES: u64 = 64 * 1024;

/// What is searched for: plain text, of any case.
#[derive(Debug, Clone)]
pub struct Needle {
    pattern: Regex,
}

impl Needle {
    /// None when there is nothing to search for: no text, or only space.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return None;
        }
        let text: String = text.chars().take(NEEDLE_MAX_CHARS).collect();
        let pattern = RegexBuilder::new(&regex::escape(&text)).case_insensitive(true).build();
        Some(Self { pattern: pattern.expect("plain text of limited length is a pattern") })
    }

    /// Whether a line shows it.
    #[must_use]
    pub fn is_in(&self, text: &[u8]) -> bool {
        self.pattern.is_match(&ansi::plain_text(text))
    }
}

/// Where a search stops before the end.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Lines found.
    pub matches: usize,
    /// Time passed.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { matches: SEARCH_MATCHES, time: SEARCH_TIME }
    }
}

/// What a search has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The lines, in order. At most [`WINDOW_MAX_BYTES`] of them.
    pub lines: Vec<Line>,
    /// The place to go on from, without a gap or a double.
    pub to: u64,
    /// Whether it was searched to the end.
    pub complete: bool,
    /// The number of the last line that was looked at; 0 when none was.
    pub searched_to_line: u64,
}

impl<F: Read + Seek> Reader<F> {
    /// Searches from a place on, until the end, a limit, or until `keep_going` (asked every few milliseconds) says no.
    ///
    /// At least some lines are looked at, however short the time, so that going on from [`Found::to`] gets to the end.
    pub fn search(&mut self, needle: &Needle, from: u64, limits: Limits, keep_going: &dyn Fn() -> bool) -> io::Result<Found> {
        let begun = Instant::now();
        let end = self.end()?;
        let from = from.min(end);
        let mut found = Found { to: from, ..Found::default() };
        let mut next_look = from + LOOK_UP_BYTES;
        let mut found_bytes = 0;
        let mut walk = Walk::new(&mut self.content, from, end)?;
        while let Some(step) = walk.next()? {
            if found.lines.len() >= limits.matches || found_bytes >= WINDOW_MAX_BYTES {
                return Ok(found);
            }
            if step.place >= next_look {
                if begun.elapsed() >= limits.time || !keep_going() {
                    return Ok(found);
                }
                next_look = step.place + LOOK_UP_BYTES;
            }
            if needle.is_in(step.text()) {
                found_bytes += step.after() - step.place;
                found.lines.push(step.line());
            }
            found.to = step.after();
            found.searched_to_line = step.number();
        }
        Ok(Found { to: end, complete: true, ..found })
    }
}

#[cfg(test)]
mod tests;
