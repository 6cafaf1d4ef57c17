//! The files `YYYY-MM-DD.jsonl`: whole lines in the order of the entries, each once, whatever cut the writing off.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::line;
use crate::domain::{audit::Entry, moment::Moment};

/// The folder of the files.
#[derive(Debug, Clone)]
pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Appends entries, each to the file of its day, and waits until the disk has them. `unsure` says that an earlier try may have
    /// written some of them: those are not written again, and half a line at the end goes.
    pub(super) fn append(&self, entries: &[Entry], unsure: bool) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let mut days: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in entries {
            days.entry(entry.at.date()).or_default().push(serde_json::to_string(&line::json(entry))?);
        }
        days.iter().try_for_each(|(day, lines)| append(&self.folder.join(format!("{day}.jsonl")), lines, unsure))
    }
}

/// Removes the files of the days that ended before `moment`; returns how many. Other files in the folder are left alone.
pub(super) fn remove_before(folder: &Path, moment: Moment) -> io::Result<u64> {
    let entries = match std::fs::read_dir(folder) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut removed = 0;
    for entry in entries {
        let name = entry?.file_name();
        let day = name.to_str().and_then(|name| name.strip_suffix(".jsonl")).filter(|day| is_day(day));
        if day.is_some_and(|day| day < moment.date().as_str()) {
            std::fs::remove_file(folder.join(name))?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// `2026-11-22`: such days sort as text.
fn is_day(text: &str) -> bool {
    text.len() == 10 && text.char_indices().all(|(at, c)| if matches!(at, 4 | 7) { c == '-' } else { c.is_ascii_digit() })
}

fn append(path: &Path, lines: &[String], unsure: bool) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)?;
    let room: usize = lines.iter().map(|line| line.len() + 1).sum();
    let there = if unsure { whole_lines_at_the_end(&mut file, room)? } else { HashSet::new() };
    let mut text = String::with_capacity(room);
    for line in lines.iter().filter(|line| !there.contains(*line)) {
        text.push_str(line);
        text.push('\n');
    }
    let end = file.metadata()?.len();
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
    if written.is_err() {
        // Best effort: what stays is looked for at the next try.
        let _ = file.set_len(end);
    }
    written
}

/// The lines among the last `room` bytes of a file, after half a line at its end was removed.
fn whole_lines_at_the_end(file: &mut File, room: usize) -> io::Result<HashSet<String>> {
    let end = file.metadata()?.len();
    // A torn line is at most as long as all that was to be written.
    let from = end.saturating_sub(2 * room as u64);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(2 * room as u64).read_to_end(&mut tail)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < tail.len() {
        file.set_len(from + whole as u64)?;
    }
    Ok(String::from_utf8_lossy(&tail[..whole]).lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{Act, Action, Actor, Resource, Subject};

    fn entry(id: i64, at_ms: i64) -> Entry {
        let act = Act::done(Action::Login, &Actor::upaas(), Subject::new(Resource::User, 1, "ada")).detail("line\nbreak");
        Entry { id, at: Moment::from_unix_ms(at_ms), act }
    }

    fn ids(path: &Path) -> Vec<i64> {
        let text = std::fs::read_to_string(path).expect("is there");
        assert!(text.ends_with('\n'));
        text.lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a JSON object")["id"].as_i64().expect("a number"))
            .collect()
    }

    #[test]
    fn each_day_has_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::new(folder.path().join("audit"));
        files.append(&[entry(1, 0), entry(2, 86_399_999), entry(3, 86_400_000)], true).expect("written");
        assert_eq!(ids(&folder.path().join("audit/1970-01-01.jsonl")), [1, 2]);
        assert_eq!(ids(&folder.path().join("audit/1970-01-02.jsonl")), [3]);
    }

    #[test]
    fn what_an_interrupted_try_has_written_is_not_written_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let (files, path) = (Files::new(folder.path().to_owned()), folder.path().join("1970-01-01.jsonl"));
        let entries: Vec<Entry> = (1..=5).map(|id| entry(id, id)).collect();
        files.append(&entries[..3], true).expect("written");
        let whole = std::fs::read(&path).expect("is there");
        // Cut off at every byte of the second and third line.
        let first = whole.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
        for end in first..=whole.len() {
            std::fs::write(&path, &whole[..end]).expect("written");
            files.append(&entries[1..], true).expect("written");
            assert_eq!(ids(&path), [1, 2, 3, 4, 5], "cut at {end}");
        }
    }

    #[test]
    fn whole_days_that_are_over_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["1970-01-01.jsonl", "1970-01-02.jsonl", "1970-01-03.jsonl", "notes.jsonl", "1970-01-01.jsonl.gz"] {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        assert_eq!(remove_before(folder.path(), Moment::from_unix_ms(2 * 86_400_000 + 5)).expect("removed"), 2);
        let mut left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").map(|it| it.expect("a file").file_name()).collect();
        left.sort();
        assert_eq!(left, ["1970-01-01.jsonl.gz", "1970-01-03.jsonl", "notes.jsonl"]);
        assert_eq!(remove_before(&folder.path().join("none"), Moment::now()).expect("nothing"), 0);
    }
}
