use std::{io::Cursor, path::PathBuf};

use tokio::sync::watch;

use super::*;
use crate::logs::{journal::Journal, reader::Reader};

fn journal_of(lines: u64) -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("1.journal");
    append(&file, lines);
    let bytes = std::fs::read(&file).expect("read");
    (folder, file, bytes)
}

fn append(file: &Path, lines: u64) {
    let journal = Journal::open(file, watch::Sender::default()).expect("open");
    (0..lines).for_each(|line| journal.output(format!("line {line} {}", "x".repeat(line as usize % 300)).as_bytes()));
}

fn content(file: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    Reader::open(file).expect("open").expect("a journal").into_content().read_to_end(&mut bytes).expect("read");
    bytes
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_compressed_journal_has_the_same_content_in_one_file_of_frames() {
    let (folder, file, bytes) = journal_of(20_000);
    compress(&file).expect("compress");
    assert_eq!(names(folder.path()), ["1.journal.zst"]);
    assert_eq!(content(&file), bytes);
    let packed = File::open(packed_path(&file)).expect("open");
    assert_eq!(packed.metadata().expect("facts").mode() & 0o777, 0o600);
    assert_eq!(u64::from(Frames::open(packed).expect("frames").table.num_frames()), (bytes.len() as u64).div_ceil(u64::from(FRAME_BYTES)));
    compress(&file).expect("nothing left to do");
    assert_eq!(content(&file), bytes);
}

#[test]
fn any_zstd_unpacks_it() {
    let (_folder, file, bytes) = journal_of(20_000);
    compress(&file).expect("compress");
    let packed = std::fs::read(packed_path(&file)).expect("read");
    let mut unpacked = Vec::new();
    zstd::stream::copy_decode(packed.as_slice(), &mut unpacked).expect("unpack");
    assert_eq!(unpacked, bytes);
}

#[test]
fn an_empty_journal_and_none_can_be_compressed() {
    let (folder, file, _) = journal_of(0);
    compress(&file).expect("compress");
    assert_eq!(content(&file), b"");
    let mut reader = Reader::open(&file).expect("open").expect("a journal");
    let window = reader.last(10).expect("read");
    assert!(window.lines.is_empty() && window.at_start && window.at_end);
    compress(&folder.path().join("2.journal")).expect("nothing to do");
    assert_eq!(names(folder.path()), ["1.journal.zst"]);
}

#[test]
fn an_interrupted_compression_costs_nothing() {
    let (folder, file, bytes) = journal_of(1000);
    std::fs::write(with_ending(&packed_path(&file), ".part"), b"half of something longer than the whole").expect("write");
    assert_eq!(content(&file), bytes);
    compress(&file).expect("compress");
    assert_eq!(content(&file), bytes);
    assert_eq!(names(folder.path()), ["1.journal.zst"]);
}

#[test]
fn where_both_files_exist_the_plain_one_counts() {
    let (folder, file, bytes) = journal_of(1000);
    std::fs::write(packed_path(&file), b"not whole").expect("write");
    assert_eq!(content(&file), bytes);
    append(&file, 1);
    assert!(content(&file).starts_with(&bytes));
    compress(&file).expect("compress");
    assert!(content(&file).starts_with(&bytes));
    assert_eq!(names(folder.path()), ["1.journal.zst"]);
}

#[test]
fn appending_to_a_compressed_journal_keeps_places_and_numbers() {
    let (folder, file, bytes) = journal_of(20_000);
    compress(&file).expect("compress");
    append(&file, 2);
    assert_eq!(names(folder.path()), ["1.journal"]);
    assert!(content(&file).starts_with(&bytes));
    let mut reader = Reader::open(&file).expect("open").expect("a journal");
    let added = reader.from_place(bytes.len() as u64, 1000).expect("read");
    assert_eq!(added.lines.iter().map(|line| line.number).collect::<Vec<_>>(), [20_001, 20_002]);
}

#[test]
fn a_journal_that_is_written_is_not_compressed() {
    let (folder, file, _) = journal_of(1);
    let journal = Journal::open(&file, watch::Sender::default()).expect("open");
    assert_eq!(compress(&file).expect_err("it is open").kind(), io::ErrorKind::ResourceBusy);
    journal.say("still here");
    drop(journal);
    compress(&file).expect("compress");
    assert_eq!(names(folder.path()), ["1.journal.zst"]);
    assert!(content(&file).ends_with(b"still here\n"));
}

#[test]
fn a_reader_goes_on_with_what_it_has_opened() {
    let (_folder, file, bytes) = journal_of(1000);
    let mut reader = Reader::open(&file).expect("open").expect("a journal");
    compress(&file).expect("compress");
    assert_eq!(reader.end().expect("read"), bytes.len() as u64);
}

#[test]
fn a_damaged_file_is_an_error_and_never_a_panic() {
    let (_folder, file, bytes) = journal_of(5000);
    compress(&file).expect("compress");
    let packed = std::fs::read(packed_path(&file)).expect("read");
    for length in (0..packed.len()).step_by(packed.len() / 50) {
        assert!(Frames::open(Cursor::new(&packed[..length])).is_err());
    }
    for at in (0..packed.len()).step_by(packed.len() / 200) {
        let mut damaged = packed.clone();
        damaged[at] ^= 0x55;
        let Ok(mut frames) = Frames::open(Cursor::new(damaged)) else { continue };
        let mut read = Vec::new();
        while let Ok(rest @ [_, ..]) = frames.rest_of_frame(read.len() as u64) {
            read.extend_from_slice(rest);
        }
        assert!(bytes.starts_with(&read));
    }
}
