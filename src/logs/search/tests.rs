use std::{cell::Cell, io::Cursor};

use super::*;

fn journal(texts: &[&str]) -> Vec<u8> {
    let lines = texts.iter().enumerate();
    lines.flat_map(|(index, text)| format!("{} 2026-11-22T00:20:20.123Z | {text}\n", index + 1).into_bytes()).collect()
}

fn needle(text: &str) -> Needle {
    Needle::new(text).expect("a needle")
}

fn found(texts: &[&str], text: &str) -> Vec<u64> {
    let found = Reader::of(Cursor::new(journal(texts))).search(&needle(text), 0, Limits::default(), &|| true).expect("read");
    assert!(found.complete);
    assert_eq!(found.searched_to_line, texts.len() as u64);
    found.lines.iter().map(|line| line.number).collect()
}

#[test]
fn text_is_found_in_any_case_as_it_was_typed() {
    let texts = ["Step 1/3 : FROM alpine", "ERROR: failed", "an Error", "terror", "ÄRGER", "a.b", "axb"];
    assert_eq!(found(&texts, "error"), [2, 3, 4]);
    assert_eq!(found(&texts, " ERROR"), [3]);
    assert_eq!(found(&texts, "ärger"), [5]);
    assert_eq!(found(&texts, "A.B"), [6], "a dot is a dot");
    assert_eq!(found(&texts, "2026-11"), [0; 0], "the head of a line is not its text");
    assert_eq!(found(&texts, "alpine\nerror"), [0; 0]);
}

#[test]
fn lines_are_searched_as_they_are_seen() {
    let texts = [
        "\x1b[31mer\x1b[1mror\x1b[0m",
        "error\rdone",
        "busy\rerror",
        "\x1b]0;error\x07title",
        "er\u{202e}ror",
        "\x1b]8;;https://example.org\x1b\\error\x1b]8;;\x1b\\",
        "error\r",
        "31m",
    ];
    assert_eq!(found(&texts, "error"), [1, 3, 6, 7]);
    assert_eq!(found(&texts, "31m"), [8]);
    assert_eq!(found(&texts, "[U+202E]"), [5]);
    assert_eq!(found(&texts, "example.org"), [0; 0]);
}

#[test]
fn there_is_no_search_for_nothing_and_an_endless_text_is_cut() {
    assert!(Needle::new("").is_none());
    assert!(Needle::new(" \t\n").is_none());
    assert!(needle(&"k".repeat(100_000)).is_in("K".repeat(NEEDLE_MAX_CHARS).as_bytes()));
    assert!(needle(&"ſ".repeat(100_000)).is_in("S".repeat(NEEDLE_MAX_CHARS).as_bytes()));
}

#[test]
fn a_search_goes_on_where_it_stopped_without_a_gap_or_a_double() {
    let texts: Vec<String> = (1..=5000).map(|line| if line % 3 == 0 { "fizz" } else { "buzz" }.repeat(line % 50 + 1)).collect();
    let content = journal(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let mut reader = Reader::of(Cursor::new(&content));
    let stops = [
        (Limits { matches: 7, ..Limits::default() }, true),
        (Limits { time: Duration::ZERO, ..Limits::default() }, true),
        (Limits { matches: usize::MAX, ..Limits::default() }, false),
    ];
    for (limits, keep_going) in stops {
        let (mut from, mut numbers, mut searches) = (0, Vec::new(), 0);
        loop {
            let found = reader.search(&needle("FIZZ"), from, limits, &|| keep_going).expect("read");
            numbers.extend(found.lines.iter().map(|line| line.number));
            assert!(found.complete || found.to > from);
            (from, searches) = (found.to, searches + 1);
            if found.complete {
                break;
            }
        }
        assert!(searches > 3);
        assert!(numbers.into_iter().eq((1..=5000).filter(|line| line % 3 == 0)), "{limits:?}");
        assert_eq!(from, content.len() as u64);
    }
}

#[test]
fn a_search_that_finds_exactly_its_limit_is_complete() {
    let mut reader = Reader::of(Cursor::new(journal(&["fizz", "buzz", "fizz"])));
    let limits = Limits { matches: 2, ..Limits::default() };
    assert!(reader.search(&needle("fizz"), 0, limits, &|| true).expect("read").complete);
    let limits = Limits { matches: 1, ..Limits::default() };
    let found = reader.search(&needle("fizz"), 0, limits, &|| true).expect("read");
    assert_eq!((found.complete, found.searched_to_line), (false, 1));
}

#[test]
fn what_is_found_is_bounded_in_bytes() {
    let long = "fizz".repeat(4000);
    let mut reader = Reader::of(Cursor::new(journal(&vec![long.as_str(); 400])));
    let limits = Limits { matches: usize::MAX, ..Limits::default() };
    let found = reader.search(&needle("fizz"), 0, limits, &|| true).expect("read");
    assert!(!found.complete && found.lines.len() < 140, "{}", found.lines.len());
}

#[test]
fn nobody_searches_on_for_somebody_who_has_left() {
    let content = journal(&vec!["nothing to see here"; 100_000]);
    let asked = Cell::new(0);
    let keep_going = || {
        asked.set(asked.get() + 1);
        asked.get() < 3
    };
    let found = Reader::of(Cursor::new(&content)).search(&needle("fizz"), 0, Limits::default(), &keep_going).expect("read");
    assert!(!found.complete);
    assert_eq!(asked.get(), 3);
    assert!(found.to < 4 * LOOK_UP_BYTES);
}
