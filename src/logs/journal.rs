//! The journal of a deployment: what µPaaS did plus the builder's output, in one append-only file.
//!
//! # The format, for good
//! One line is `NUMBER TIME MARK TEXT\n`: its number from 1, the time in UTC with milliseconds (24 characters), one character that says
//! who speaks, and the text as it came, in bytes. Numbers stand in the file so that any place of it can be opened at once, without
//! counting from its start. A place is a byte offset; it is never reset, not even by another attempt.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Mutex,
};

use crate::domain::moment::Moment;

/// A longer line is cut here, with a mark.
pub const LOG_LINE_MAX_BYTES: usize = 16 * 1024;
/// Beyond this, programs' output is no longer kept: the journal shares its disk with the database.
pub const JOURNAL_MAX_BYTES: u64 = 512 * 1024 * 1024;
/// How far back a line's beginning is searched: a whole line with its head fits.
const LINE_SEARCH_BYTES: u64 = 2 * LOG_LINE_MAX_BYTES as u64;
/// How much of a file's end is read for a page; with the line limit it bounds what a page costs.
const TAIL_MAX_BYTES: u64 = 2 * 1024 * 1024;
const TIME_CHARS: usize = 24;

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

/// The end of a journal.
#[derive(Debug, Default)]
pub struct Tail {
    /// Its lines, in order.
    pub lines: Vec<Line>,
    /// Whether lines come before them.
    pub truncated: bool,
}

/// An open journal. Cheap to share; lines of several writers do not mix.
#[derive(Debug)]
pub struct Journal {
    /// Held for one write into the page cache; nothing awaits under it.
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    last_number: u64,
    bytes: u64,
    /// How much of programs' output is kept.
    limit: u64,
    full: bool,
}

impl Journal {
    /// Opens a journal for appending; an attempt that was interrupted in the middle of a line is closed with a line feed.
    pub fn open(file: &Path) -> io::Result<Self> {
        Self::open_with_limit(file, JOURNAL_MAX_BYTES)
    }

    fn open_with_limit(file: &Path, limit: u64) -> io::Result<Self> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut opened = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file)?;
        let end = opened.seek(SeekFrom::End(0))?;
        let mut last = Vec::new();
        opened.seek(SeekFrom::Start(end.saturating_sub(LINE_SEARCH_BYTES)))?;
        opened.read_to_end(&mut last)?;
        if last.last().is_some_and(|byte| *byte != b'\n') {
            opened.write_all(b"\n")?;
        }
        let last_number = last.split(|byte| *byte == b'\n').rev().find_map(|line| parse(line).map(|line| line.number)).unwrap_or(0);
        Ok(Self { open: Mutex::new(Open { file: opened, last_number, bytes: end, limit, full: false }) })
    }

    /// A phase begins. Returns the line's number.
    pub fn phase(&self, name: &str) -> u64 {
        self.append(Mark::Phase, name.as_bytes())
    }

    /// µPaaS says what it does.
    pub fn say(&self, text: &str) {
        self.append(Mark::Says, text.as_bytes());
    }

    /// A program's output, one line of it. Dropped, with one remark, once the journal is full.
    pub fn output(&self, text: &[u8]) {
        let became_full = {
            let mut open = self.open.lock().expect("no panic while held");
            let full = open.bytes >= open.limit;
            full && !std::mem::replace(&mut open.full, full)
        };
        if became_full {
            self.say("The journal is full: further output is not kept.");
        }
        if !self.open.lock().expect("no panic while held").full {
            self.append(Mark::Out, text);
        }
    }

    /// Why it failed.
    pub fn fail(&self, text: &str) {
        self.append(Mark::Fail, text.as_bytes());
    }

    /// A journal that cannot be written (the disk is full) must not end the deployment: the line is lost, the operator's log says so.
    fn append(&self, mark: Mark, text: &[u8]) -> u64 {
        let mut open = self.open.lock().expect("no panic while held");
        let number = open.last_number + 1;
        let line = format_line(number, mark, text);
        match open.file.write_all(&line) {
            Ok(()) => {
                open.last_number = number;
                open.bytes += line.len() as u64;
            }
            Err(err) => tracing::error!(error = %err, "a journal line could not be written"),
        }
        number
    }
}

/// A line feed inside the text would forge a line: it becomes a space.
fn format_line(number: u64, mark: Mark, text: &[u8]) -> Vec<u8> {
    let kept = &text[..text.len().min(LOG_LINE_MAX_BYTES)];
    let mut line = format!("{number} {} {} ", Moment::now().iso(), mark.sign()).into_bytes();
    line.extend(kept.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
    if kept.len() < text.len() {
        line.extend_from_slice(format!(" … [cut: the line has {} bytes]", text.len()).as_bytes());
    }
    line.push(b'\n');
    line
}

/// Reads a stored line; none when it is not one (half a line of a crash).
fn parse(line: &[u8]) -> Option<Line> {
    let space = line.iter().position(|byte| *byte == b' ')?;
    let number = std::str::from_utf8(&line[..space]).ok()?.parse().ok()?;
    let rest = &line[space + 1..];
    let time = std::str::from_utf8(rest.get(..TIME_CHARS)?).ok()?.to_owned();
    let [b' ', sign, b' ', text @ ..] = &rest[TIME_CHARS..] else { return None };
    Some(Line { number, time, mark: Mark::of_sign(*sign)?, text: text.to_vec() })
}

/// The last `count` lines; a journal that does not exist (yet) is empty.
pub fn tail(file: &Path, count: usize) -> io::Result<Tail> {
    let mut file = match File::open(file) {
        Ok(file) => file,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Tail::default()),
        Err(err) => return Err(err),
    };
    let end = file.metadata()?.len();
    let from = end.saturating_sub(TAIL_MAX_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(TAIL_MAX_BYTES).read_to_end(&mut bytes)?;
    let mut lines: Vec<Line> = bytes.split(|byte| *byte == b'\n').skip(usize::from(from > 0)).filter_map(parse).collect();
    let surplus = lines.len().saturating_sub(count);
    lines.drain(..surplus);
    Ok(Tail { truncated: lines.first().is_some_and(|line| line.number > 1), lines })
}

/// The first `count` lines, as far as they fit into [`TAIL_MAX_BYTES`].
pub fn head(file: &Path, count: usize) -> io::Result<Vec<Line>> {
    let mut reader = match File::open(file) {
        Ok(file) => BufReader::new(file.take(TAIL_MAX_BYTES)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(err) => return Err(err),
    };
    let mut lines = Vec::new();
    let mut line = Vec::new();
    while lines.len() < count && reader.by_ref().take(LINE_SEARCH_BYTES).read_until(b'\n', &mut line)? > 0 {
        lines.extend(parse(line.strip_suffix(b"\n").unwrap_or(&line)));
        line.clear();
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("logs/1.journal");
        (folder, file)
    }

    fn texts(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|line| format!("{}{}", line.mark.sign(), String::from_utf8_lossy(&line.text))).collect()
    }

    #[test]
    fn what_is_written_is_read_back_in_order() {
        let (_folder, file) = journal();
        let journal = Journal::open(&file).expect("open");
        journal.phase("cloning");
        journal.say("Fetching main");
        journal.output(b"\x1b[31mred\xff");
        journal.fail("No.");
        let tail = tail(&file, 3).expect("read");
        assert_eq!(texts(&tail.lines), [">Fetching main", "|\u{1b}[31mred\u{fffd}", "!No."]);
        assert_eq!(tail.lines[0].number, 2);
        assert!(tail.truncated);
        assert_eq!(texts(&head(&file, 2).expect("read")), ["#cloning", ">Fetching main"]);
    }

    #[test]
    fn a_reopened_journal_goes_on_counting_and_closes_a_torn_line() {
        let (_folder, file) = journal();
        Journal::open(&file).expect("open").say("one");
        OpenOptions::new().append(true).open(&file).and_then(|mut file| file.write_all(b"2 2026-11-22T")).expect("torn");
        Journal::open(&file).expect("reopen").say("two");
        let lines = tail(&file, 10).expect("read").lines;
        assert_eq!(texts(&lines), [">one", ">two"]);
        assert_eq!(lines[1].number, 2);
    }

    #[test]
    fn long_lines_are_cut_with_a_mark_and_cannot_forge_others() {
        let (_folder, file) = journal();
        let journal = Journal::open(&file).expect("open");
        journal.output(&vec![b'x'; 10 * 1024 * 1024]);
        journal.output(b"a\n3 2026-11-22T00:20:20.123Z ! forged");
        let lines = tail(&file, 10).expect("read").lines;
        assert_eq!(lines.len(), 2);
        assert!(lines[0].text.ends_with("… [cut: the line has 10485760 bytes]".as_bytes()));
        assert_eq!(lines[1].mark, Mark::Out);
    }

    #[test]
    fn a_full_journal_keeps_what_we_say_and_drops_what_programs_print() {
        let (_folder, file) = journal();
        let journal = Journal::open_with_limit(&file, 100).expect("open");
        for _ in 0..10 {
            journal.output(b"a line of output");
        }
        journal.fail("It failed.");
        let lines = texts(&tail(&file, 100).expect("read").lines);
        assert_eq!(
            lines,
            [
                "|a line of output",
                "|a line of output",
                "|a line of output",
                ">The journal is full: further output is not kept.",
                "!It failed."
            ]
        );
    }

    #[test]
    fn a_missing_journal_is_empty() {
        let (_folder, file) = journal();
        assert!(tail(&file, 10).expect("read").lines.is_empty());
    }
}
