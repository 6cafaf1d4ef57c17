//! The journal of a deployment: what µPaaS did plus the builder's output, in one append-only file.
//!
//! # The format, for good
//! One line is `NUMBER TIME MARK TEXT\n`: its number from 1, the time in UTC with milliseconds (24 characters), one character that says
//! who speaks, and the text as it came, in bytes. Numbers stand in the file so that any place of it can be opened at once, without
//! counting from its start. A place is a byte offset; it is never reset, not even by another attempt.

mod hidden;

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Write},
    path::Path,
    sync::{Mutex, MutexGuard},
};

use tokio::sync::watch;

use super::{archive, reader::Reader};
use crate::domain::{moment::Moment, secret::Secret};
use hidden::Hidden;

/// A longer line is cut to this, with a mark.
pub const LOG_LINE_MAX_BYTES: usize = 16 * 1024;
/// Beyond this, programs' output is no longer kept: the journal shares its disk with the database.
pub const JOURNAL_MAX_BYTES: u64 = 512 * 1024 * 1024;
/// A whole line with its head and its mark, at most; what is longer is no line.
pub(super) const LINE_MAX_BYTES: usize = LOG_LINE_MAX_BYTES + 256;
const TIME_CHARS: usize = 24;
const ESCAPE: u8 = 0x1b;
/// Ends what a cut has left open, which would take the mark along; says nothing otherwise.
const END_OF_SEQUENCE: &[u8] = b"\x1b\\";

/// Who speaks in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A phase begins.
    Phase,
    /// µPaaS says what it does.
    Says,
    /// A program's output: git, the builder, the container.
    Out,
    /// Why it failed.
    Fail,
}

impl Mark {
    const fn sign(self) -> char {
        match self {
            Self::Phase => '#',
            Self::Says => '>',
            Self::Out => '|',
            Self::Fail => '!',
        }
    }

    const fn of_sign(sign: u8) -> Option<Self> {
        match sign {
            b'#' => Some(Self::Phase),
            b'>' => Some(Self::Says),
            b'|' => Some(Self::Out),
            b'!' => Some(Self::Fail),
            _ => None,
        }
    }
}

/// A line, as read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: u64,
    /// `2026-11-22T00:20:20.123Z`.
    pub time: String,
    /// Who speaks.
    pub mark: Mark,
    /// The text, as it came.
    pub text: Vec<u8>,
}

/// An open journal. Cheap to share; lines of several writers do not mix.
#[derive(Debug)]
pub struct Journal {
    /// Held for one write into the page cache; nothing awaits under it.
    open: Mutex<Open>,
    grown: watch::Sender<u64>,
}

#[derive(Debug)]
struct Open {
    file: File,
    last_number: u64,
    /// The place after the last line.
    end: u64,
    /// How much of programs' output is kept.
    limit: u64,
    full: bool,
    hidden: Hidden,
}

impl Journal {
    /// Opens a journal for appending; an attempt that was interrupted in the middle of a line is closed with a line feed.
    ///
    /// One that was compressed is made plain again, and one that is being compressed is waited for: seconds, when it is large. While a
    /// journal is open it is not compressed. `grown` holds the place after the last line from now on.
    pub fn open(file: &Path, grown: watch::Sender<u64>) -> io::Result<Self> {
        Self::open_with_limit(file, grown, JOURNAL_MAX_BYTES)
    }

    fn open_with_limit(file: &Path, grown: watch::Sender<u64>, limit: u64) -> io::Result<Self> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut opened = archive::open_for_writing(file)?;
        let mut end = opened.metadata()?.len();
        if Reader::of(&opened).end()? < end {
            opened.write_all(b"\n")?;
            end += 1;
        }
        let last_number = Reader::of(&opened).last(1)?.lines.last().map_or(0, |line| line.number);
        grown.send_replace(end);
        Ok(Self { open: Mutex::new(Open { file: opened, last_number, end, limit, full: false, hidden: Hidden::default() }), grown })
    }

    /// From now on these values, too, are masked in what programs print and in why something failed.
    pub fn hide<'a>(&self, secrets: impl IntoIterator<Item = &'a Secret>) {
        self.lock().hidden.add(secrets);
    }

    /// A text without what this journal hides.
    pub fn masked(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.lock().hidden.mask(text.as_bytes())).into_owned()
    }

    /// The number that the next line will have.
    pub fn next_number(&self) -> u64 {
        self.lock().last_number + 1
    }

    /// A phase begins. Returns the line's number.
    pub fn phase(&self, name: &str) -> u64 {
        self.append_whole(Mark::Phase, name.as_bytes())
    }

    /// µPaaS says what it does.
    pub fn say(&self, text: &str) {
        self.append_whole(Mark::Says, text.as_bytes());
    }

    /// A program's output, one line of it. Dropped, with one remark, once the journal is full.
    pub fn output(&self, text: &[u8]) {
        self.output_beginning(text, text.len());
    }

    /// As [`Journal::output`], of a line of which only this beginning was kept: it has `bytes` bytes.
    pub fn output_beginning(&self, text: &[u8], bytes: usize) {
        let became_full = {
            let mut open = self.lock();
            let full = open.end >= open.limit;
            full && !std::mem::replace(&mut open.full, full)
        };
        if became_full {
            self.say("The journal is full: further output is not kept.");
        }
        if !self.lock().full {
            self.append(Mark::Out, text, bytes.saturating_sub(text.len()));
        }
    }

    /// Why it failed.
    pub fn fail(&self, text: &str) {
        self.append_whole(Mark::Fail, text.as_bytes());
    }

    fn append_whole(&self, mark: Mark, text: &[u8]) -> u64 {
        self.append(mark, text, 0)
    }

    /// Writes a line that is longer by `missing` bytes, which nobody has kept. A journal that cannot be written (the disk is full) must not
    /// end the deployment: the line is lost, the operator's log says so.
    fn append(&self, mark: Mark, text: &[u8], missing: usize) -> u64 {
        let mut open = self.lock();
        let number = open.last_number + 1;
        let text = match mark {
            // What is longer than a line may come from somebody who cuts, too, and did not say so.
            Mark::Out if missing > 0 || text.len() > LOG_LINE_MAX_BYTES => open.hidden.mask_beginning(text),
            Mark::Out | Mark::Fail => open.hidden.mask(text),
            Mark::Phase | Mark::Says => Cow::Borrowed(text),
        };
        let line = format_line(number, mark, &text, missing);
        // Half a line is taken back, or the next one would be glued to it.
        let written = open.file.write_all(&line).or_else(|err| open.file.set_len(open.end).and(Err(err)));
        match written {
            Ok(()) => {
                open.last_number = number;
                open.end += line.len() as u64;
                self.grown.send_replace(open.end);
            }
            Err(err) => tracing::error!(error = %err, "a journal line could not be written"),
        }
        number
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().expect("no panic while held")
    }
}

/// A line feed inside the text would forge a line: it becomes a space.
fn format_line(number: u64, mark: Mark, text: &[u8], missing: usize) -> Vec<u8> {
    let (kept, bytes) = (kept(text), text.len() + missing);
    let mut line = format!("{number} {} {} ", Moment::now().iso(), mark.sign()).into_bytes();
    line.extend(kept.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
    if kept.len() < bytes {
        if kept.contains(&ESCAPE) {
            line.extend_from_slice(END_OF_SEQUENCE);
        }
        line.extend_from_slice(format!(" … [cut: the line has {bytes} bytes]").as_bytes());
    }
    line.push(b'\n');
    line
}

/// What is kept of a line that is too long: the beginning, but of a progress bar the last states, since those are what it shows.
fn kept(text: &[u8]) -> &[u8] {
    if text.len() <= LOG_LINE_MAX_BYTES {
        return text;
    }
    // A return at the end changes nothing, unless the mark came after it.
    let shown = text.iter().rposition(|byte| *byte != b'\r').map_or(&text[..0], |last| &text[..=last]);
    let Some(surplus) = shown.len().checked_sub(LOG_LINE_MAX_BYTES) else { return shown };
    let state = match memchr::memchr(b'\r', &shown[surplus..]) {
        Some(at) => surplus + at + 1,
        None => memchr::memrchr(b'\r', &shown[..surplus]).map_or(0, |at| at + 1),
    };
    &shown[state..shown.len().min(state + LOG_LINE_MAX_BYTES)]
}

/// What stands before a line's text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) number: u64,
    mark: Mark,
    /// How long it is.
    pub(super) bytes: usize,
}

impl Head {
    /// Reads the head of a stored line; none when it is not a line (half a line of a crash).
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let space = line.iter().position(|byte| *byte == b' ')?;
        let number = std::str::from_utf8(&line[..space]).ok()?.parse().ok()?;
        let rest = &line[space + 1..];
        std::str::from_utf8(rest.get(..TIME_CHARS)?).ok()?;
        let [b' ', sign, b' ', ..] = &rest[TIME_CHARS..] else { return None };
        Some(Self { number, mark: Mark::of_sign(*sign)?, bytes: space + 1 + TIME_CHARS + 3 })
    }

    /// The line that this is the head of.
    pub(super) fn line(self, line: &[u8]) -> Line {
        let time = &line[self.bytes - 3 - TIME_CHARS..self.bytes - 3];
        Line { number: self.number, time: String::from_utf8_lossy(time).into_owned(), mark: self.mark, text: line[self.bytes..].to_vec() }
    }
}

#[cfg(test)]
mod tests;
