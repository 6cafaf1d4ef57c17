//! A journal, read at any place.
//!
//! Why the numbers stand in the lines: a line is found by halving the file, a dozen small reads however large the journal is. What
//! stands between lines (half a line of a crash) belongs to no line and is passed over.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read, Seek},
    path::Path,
};

use super::{
    content::Content,
    journal::Line,
    walk::{BLOCK_BYTES, Walk},
};

/// What a window holds at most, in bytes of the journal: it bounds what a page costs.
pub const WINDOW_MAX_BYTES: u64 = 2 * 1024 * 1024;

/// A journal open for reading. Blocking IO: for blocking threads.
///
/// It shows what there was when it was asked, and again what was appended since, when asked again.
pub struct Reader<F = File> {
    pub(super) content: Content<F>,
}

/// Neighbouring lines. At most [`WINDOW_MAX_BYTES`] of them, but at least one where there is one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// In order.
    pub lines: Vec<Line>,
    /// The place before the first line.
    pub from: u64,
    /// The place after the last line, from which the next lines are read.
    pub to: u64,
    /// No line comes before these.
    pub at_start: bool,
    /// No line comes after these (yet).
    pub at_end: bool,
}

impl Reader {
    /// Opens a journal, compressed or not; none when it does not exist (yet).
    pub fn open(file: &Path) -> io::Result<Option<Self>> {
        Ok(Content::open(file)?.map(|content| Self { content }))
    }
}

impl<F: Read + Seek> Reader<F> {
    /// Reads a plain journal that is open already.
    pub(super) fn of(plain: F) -> Self {
        Self { content: Content::Plain(plain) }
    }

    /// The place after the last whole line; a last line that is half written does not count.
    pub fn end(&mut self) -> io::Result<u64> {
        let len = self.content.len()?;
        self.content.after_last_line_feed(len)
    }

    /// The last `count` lines.
    pub fn last(&mut self, count: usize) -> io::Result<Window> {
        let end = self.end()?;
        self.backward(end, end, count)
    }

    /// `count` lines from the one with this number on, or from the next one where there is none.
    pub fn from_line(&mut self, number: u64, count: usize) -> io::Result<Window> {
        let end = self.end()?;
        let place = self.place_of(number, end)?;
        self.forward(place, end, count, WINDOW_MAX_BYTES)
    }

    /// The `count` lines that come before the one with this number.
    pub fn before_line(&mut self, number: u64, count: usize) -> io::Result<Window> {
        let end = self.end()?;
        let place = self.place_of(number, end)?;
        self.backward(place, end, count)
    }

    /// The whole lines from a place on, at most `max_bytes` of them.
    ///
    /// A place within a line means the next line; one beyond the end means the end.
    pub fn from_place(&mut self, place: u64, max_bytes: usize) -> io::Result<Window> {
        let end = self.end()?;
        self.forward(place, end, usize::MAX, WINDOW_MAX_BYTES.min(max_bytes as u64))
    }

    /// The whole content, uncompressed, as a stream.
    pub fn into_content(self) -> impl Read + Send + use<F>
    where
        F: Send,
    {
        Stream { content: self.content, place: 0 }
    }

    fn forward(&mut self, place: u64, end: u64, count: usize, max_bytes: u64) -> io::Result<Window> {
        let mut window = Window { from: end, to: end, at_end: true, ..Window::default() };
        let mut walk = Walk::new(&mut self.content, place.min(end), end)?;
        while let Some(step) = walk.next()? {
            if window.lines.is_empty() {
                (window.from, window.to) = (step.place, step.place);
            }
            let full = !window.lines.is_empty() && step.after() - window.from > max_bytes;
            if full || window.lines.len() == count {
                window.at_end = false;
                break;
            }
            window.lines.push(step.line());
            window.to = step.after();
        }
        if window.at_end {
            window.to = end;
        }
        window.at_start = !self.has_line_before(window.from)?;
        Ok(window)
    }

    /// The last `count` lines before a place, which is the beginning of a line.
    fn backward(&mut self, place: u64, end: u64, count: usize) -> io::Result<Window> {
        let mut span = BLOCK_BYTES;
        let mut window = loop {
            let from = place.saturating_sub(span);
            let window = self.last_between(from, place, count)?;
            if window.lines.len() == count || from == 0 || (span >= WINDOW_MAX_BYTES && !window.lines.is_empty()) {
                break window;
            }
            span = span.saturating_mul(4);
        };
        window.at_start = !self.has_line_before(window.from)?;
        window.at_end = Walk::new(&mut self.content, window.to, end)?.next()?.is_none();
        if window.at_end {
            window.to = end;
        }
        Ok(window)
    }

    fn last_between(&mut self, from: u64, to: u64, count: usize) -> io::Result<Window> {
        let mut found = VecDeque::new();
        let mut walk = Walk::new(&mut self.content, from, to)?;
        let mut after = to;
        while let Some(step) = walk.next()? {
            after = step.after();
            found.push_back((step.place, step.line()));
            while found.len() > count || found.front().is_some_and(|(first, _)| found.len() > 1 && after - first > WINDOW_MAX_BYTES) {
                found.pop_front();
            }
        }
        let from = found.front().map_or(to, |(place, _)| *place);
        let to = if found.is_empty() { to } else { after };
        Ok(Window { from, to, lines: found.into_iter().map(|(_, line)| line).collect(), ..Window::default() })
    }

    /// The place of the first line whose number is not below this one; the end when there is none.
    fn place_of(&mut self, number: u64, end: u64) -> io::Result<u64> {
        // Lines before `low` have lower numbers; the line is before `high`, or the first one after it.
        let (mut low, mut high) = (0, end);
        while high - low > BLOCK_BYTES {
            let middle = low + (high - low) / 2;
            match Walk::new(&mut self.content, middle, high)?.next()? {
                Some(step) if step.number() < number => low = step.after(),
                _ => high = middle,
            }
        }
        let mut walk = Walk::new(&mut self.content, low, end)?;
        while let Some(step) = walk.next()? {
            if step.number() >= number {
                return Ok(step.place);
            }
        }
        Ok(end)
    }

    fn has_line_before(&mut self, place: u64) -> io::Result<bool> {
        let mut span = BLOCK_BYTES;
        loop {
            let from = place.saturating_sub(span);
            if Walk::new(&mut self.content, from, place)?.next()?.is_some() {
                return Ok(true);
            }
            if from == 0 {
                return Ok(false);
            }
            span = span.saturating_mul(4);
        }
    }
}

struct Stream<F> {
    content: Content<F>,
    place: u64,
}

impl<F: Read + Seek> Read for Stream<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read_some(self.place, buffer)?;
        self.place += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
