use std::{fs::OpenOptions, path::PathBuf};

use super::*;
use crate::logs::ansi;

fn journal() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("logs/1.journal");
    (folder, file)
}

fn open(file: &Path) -> Journal {
    Journal::open(file, watch::Sender::default()).expect("open")
}

fn lines(file: &Path) -> Vec<Line> {
    Reader::open(file).expect("open").expect("a journal").last(1000).expect("read").lines
}

fn shown(line: &Line) -> String {
    format!("{}{}", line.mark.sign(), String::from_utf8_lossy(&line.text))
}

fn texts(file: &Path) -> Vec<String> {
    lines(file).iter().map(shown).collect()
}

fn append(file: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(file).and_then(|mut file| file.write_all(bytes)).expect("append");
}

#[test]
fn what_is_written_is_read_back_in_order() {
    let (_folder, file) = journal();
    let journal = open(&file);
    journal.phase("cloning");
    journal.say("Fetching main");
    journal.output(b"\x1b[31mred\xff");
    assert_eq!(journal.next_number(), 4);
    journal.fail("No.");
    assert_eq!(texts(&file), ["#cloning", ">Fetching main", "|\u{1b}[31mred\u{fffd}", "!No."]);
    assert_eq!(lines(&file)[3].number, 4);
}

#[test]
fn a_reopened_journal_goes_on_counting_and_closes_a_torn_line() {
    let (_folder, file) = journal();
    open(&file).say("one");
    append(&file, b"2 2026-11-22T");
    open(&file).say("two");
    assert_eq!(texts(&file), [">one", ">two"]);
    assert_eq!(lines(&file)[1].number, 2);
}

#[test]
fn it_goes_on_counting_after_many_torn_lines_of_the_greatest_length() {
    let (_folder, file) = journal();
    open(&file).output(&[b'x'; LOG_LINE_MAX_BYTES]);
    for _ in 0..20 {
        append(&file, &[b'x'; LOG_LINE_MAX_BYTES]);
        open(&file);
    }
    assert_eq!(open(&file).next_number(), 2);
}

#[test]
fn whoever_watches_always_knows_the_place_after_the_last_line() {
    let (_folder, file) = journal();
    open(&file).say("one");
    append(&file, b"2 2026-11-22T");
    let (grown, watched) = watch::channel(0);
    let journal = Journal::open(&file, grown).expect("reopen");
    let on_disk = || file.metadata().expect("a file").len();
    assert_eq!(*watched.borrow(), on_disk());
    for _ in 0..3 {
        let before = on_disk();
        journal.say("more");
        assert_eq!(*watched.borrow(), on_disk());
        assert!(on_disk() > before);
    }
    assert_eq!(Reader::open(&file).expect("open").expect("a journal").end().expect("read"), on_disk());
}

#[test]
fn long_lines_are_cut_with_a_mark_and_cannot_forge_others() {
    let (_folder, file) = journal();
    let journal = open(&file);
    journal.output(&vec![b'x'; 10 * 1024 * 1024]);
    journal.output(b"a\n3 2026-11-22T00:20:20.123Z ! forged");
    let lines = lines(&file);
    assert_eq!(lines.len(), 2);
    assert!(lines[0].text.starts_with(b"xxx"));
    assert!(lines[0].text.ends_with("… [cut: the line has 10485760 bytes]".as_bytes()));
    assert_eq!(lines[1].mark, Mark::Out);
}

fn stored_and_shown(text: &[u8]) -> String {
    let line = format_line(1, Mark::Out, text, 0);
    assert!(line.len() <= LINE_MAX_BYTES);
    let text = &line[Head::parse(&line).expect("a line").bytes..line.len() - 1];
    String::from_utf8(ansi::plain_text(text).into_owned()).expect("text")
}

#[test]
fn of_a_long_progress_bar_the_last_state_is_kept() {
    let bar: String = (0..=100_000).map(|percent| format!("{percent} of 100000 layers\r")).collect();
    let last_long = [bar.as_bytes(), &[b'y'; 2 * LOG_LINE_MAX_BYTES]].concat();
    let only_returns = [&b"done"[..], &[b'\r'; LOG_LINE_MAX_BYTES]].concat();
    let cases = [
        (bar.trim_end().as_bytes(), "100000 of 100000 layers … [cut"),
        (bar.as_bytes(), "100000 of 100000 layers … [cut"),
        (&[bar.as_bytes(), b"done"].concat(), "done … [cut"),
        (&last_long, "yyyyy"),
        (&only_returns, "done … [cut"),
        (&[b'\r'; 2 * LOG_LINE_MAX_BYTES], " … [cut"),
    ];
    for (text, expected) in cases {
        let shown = stored_and_shown(text);
        assert!(shown.starts_with(expected), "{shown:.80}");
        assert!(shown.ends_with(&format!(" … [cut: the line has {} bytes]", text.len())));
    }
}

#[test]
fn the_mark_of_a_cut_is_seen_though_the_cut_goes_through_a_sequence() {
    for sequence in ["\x1b]8;;https://example.org/", "\x1b[38;5;1", "\x1bPdata", "\x1b"] {
        let text = [sequence.as_bytes(), &[b'1'; LOG_LINE_MAX_BYTES]].concat();
        assert!(stored_and_shown(&text).ends_with("bytes]"), "{sequence:?}");
    }
}

#[test]
fn of_a_secret_that_a_cut_goes_through_nothing_is_written() {
    let (_folder, file) = journal();
    let journal = open(&file);
    let long = "0123456789".repeat(4000);
    journal.hide(&[Secret::new("hunter2-and-more"), Secret::new(&long)]);
    journal.output_beginning(b"a hunter2-and-more, b hunter2-and", 1000);
    journal.output_beginning(&long.as_bytes()[..15_000], 40_000);
    journal.output(format!("{long} {}", &long[..30_000]).as_bytes());
    journal.output(format!("{}hunter2-and-more", "x".repeat(LOG_LINE_MAX_BYTES - 7)).as_bytes());
    journal.output(b"whole: hunter2");
    let texts = texts(&file);
    assert_eq!(texts[0], "|a •••, b ••• … [cut: the line has 991 bytes]");
    assert!(texts[1].starts_with("|••• … [cut: the line has ") && texts[2] == "|••• •••", "{} {}", texts[1], texts[2]);
    assert!(texts[3].starts_with("|xxx") && !texts[3].contains("hunter"));
    assert_eq!(texts[4], "|whole: hunter2", "what is whole has no beginning of a secret at its end");
}

#[test]
fn a_full_journal_keeps_what_we_say_and_drops_what_programs_print() {
    let (_folder, file) = journal();
    let journal = Journal::open_with_limit(&file, watch::Sender::default(), 100).expect("open");
    for _ in 0..10 {
        journal.output(b"a line of output");
    }
    journal.fail("It failed.");
    let out = "|a line of output";
    assert_eq!(texts(&file), [out, out, out, ">The journal is full: further output is not kept.", "!It failed."]);
}
