use std::{
    cell::Cell,
    io::{Cursor, SeekFrom, Write},
    path::PathBuf,
    rc::Rc,
};

use super::*;
use crate::logs::{
    archive::{self, packed_path},
    journal::Head,
};

const TORN: [&str; 5] = ["", "77", "77 2026-11-22T00:2", "no line at all", "9 2026-11-22T00:20:20.123Z ? wrong mark"];

/// Lines of all lengths with numbers that rise, some by more than one, and now and then half a line between them; half a line ends it.
fn generated(bytes: usize) -> Vec<u8> {
    let mut content = b"half a line\n".to_vec();
    let (mut number, mut chance) = (0_u64, 1_u64);
    while content.len() < bytes {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let dice = (chance >> 33) as usize;
        number += if dice.is_multiple_of(50) { 3 } else { 1 };
        let length = if dice.is_multiple_of(200) { dice % 16_000 } else { dice % 120 };
        writeln!(content, "{number} 2026-11-22T00:20:20.123Z | {}", "x".repeat(length)).expect("memory");
        if dice.is_multiple_of(30) {
            writeln!(content, "{}", TORN[dice / 30 % TORN.len()]).expect("memory");
        }
    }
    content.extend_from_slice(b"99999999 2026-11-22T00:20:20.123Z | half wri");
    content
}

/// What a reader should say, found by reading everything.
struct Model {
    lines: Vec<(u64, Line)>,
    end: u64,
}

impl Model {
    fn of(content: &[u8]) -> Self {
        let mut model = Self { lines: Vec::new(), end: 0 };
        for line in content.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            model
                .lines
                .extend(Head::parse(line.strip_suffix(b"\n").unwrap_or(line)).map(|head| (model.end, head.line(&line[..line.len() - 1]))));
            model.end += line.len() as u64;
        }
        model
    }

    fn after(&self, index: usize) -> u64 {
        let (place, line) = &self.lines[index];
        place + format!("{} ", line.number).len() as u64 + 27 + line.text.len() as u64 + 1
    }

    /// From a place on.
    fn at(&self, place: u64) -> usize {
        self.lines.partition_point(|(begin, _)| *begin < place)
    }

    /// From a number on.
    fn of_number(&self, number: u64) -> usize {
        self.lines.partition_point(|(_, line)| line.number < number)
    }

    fn window(&self, first: usize, after: usize) -> Window {
        let place = |index: usize| self.lines.get(index).map_or(self.end, |(place, _)| *place);
        let at_end = after == self.lines.len();
        let to = if at_end {
            self.end
        } else if first == after {
            place(first)
        } else {
            self.after(after - 1)
        };
        let lines = self.lines[first..after].iter().map(|(_, line)| line.clone()).collect();
        Window { lines, from: place(first), to, at_start: first == 0, at_end }
    }

    fn bytes_from(&self, first: usize, max_bytes: usize) -> Window {
        let fits = |index: &usize| *index == first || self.after(*index) - self.lines[first].0 <= max_bytes as u64;
        self.window(first, (first..self.lines.len()).take_while(fits).count() + first)
    }
}

fn stored(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("1.journal");
    std::fs::write(&file, content).expect("write");
    (folder, file)
}

fn reader(file: &Path) -> Reader {
    Reader::open(file).expect("open").expect("a journal")
}

fn check<F: Read + Seek>(reader: &mut Reader<F>, model: &Model, places: impl Iterator<Item = u64>, numbers: impl Iterator<Item = u64>) {
    assert_eq!(reader.end().expect("read"), model.end);
    let all = model.lines.len();
    for count in [0, 1, 7, 1000] {
        assert_eq!(reader.last(count).expect("read"), model.window(all - count.min(all), all));
    }
    for place in places {
        for max_bytes in [0, 300] {
            assert_eq!(reader.from_place(place, max_bytes).expect("read"), model.bytes_from(model.at(place), max_bytes), "{place}");
        }
    }
    for number in numbers {
        let first = model.of_number(number);
        for count in [0, 1, 20] {
            assert_eq!(reader.from_line(number, count).expect("read"), model.window(first, all.min(first + count)), "{number}");
            assert_eq!(reader.before_line(number, count).expect("read"), model.window(first - count.min(first), first), "{number}");
        }
    }
}

#[test]
fn every_place_and_every_number_of_a_small_journal_opens_where_it_should() {
    let content = generated(5000);
    let model = Model::of(&content);
    let last = model.lines.last().expect("lines").1.number;
    let mut reader = Reader::of(Cursor::new(&content));
    check(&mut reader, &model, 0..content.len() as u64 + 3, 0..last + 3);
}

#[test]
fn a_large_journal_says_the_same_plain_and_compressed() {
    let content = generated(8 * 1024 * 1024);
    let model = Model::of(&content);
    let last = model.lines.last().expect("lines").1.number;
    let (_folder, file) = stored(&content);
    let places = || (0..content.len() as u64 + 100_000).step_by(199_999);
    let numbers = || (0..last + 1000).step_by(9973);
    check(&mut reader(&file), &model, places(), numbers());
    archive::compress(&file).expect("compress");
    assert!(!file.exists());
    check(&mut reader(&file), &model, places(), numbers());
}

#[test]
fn going_on_from_where_a_window_ends_meets_every_line_once() {
    let content = generated(300_000);
    let model = Model::of(&content);
    let mut reader = Reader::of(Cursor::new(&content));
    let (mut place, mut lines) = (0, Vec::new());
    loop {
        let window = reader.from_place(place, 5000).expect("read");
        lines.extend(window.lines);
        place = window.to;
        if window.at_end {
            break;
        }
    }
    assert!(lines.iter().eq(model.lines.iter().map(|(_, line)| line)));
    assert_eq!(place, model.end);
}

#[test]
fn a_window_holds_no_more_than_its_limit_however_much_is_asked_for() {
    let content = generated(5 * 1024 * 1024);
    let mut reader = Reader::of(Cursor::new(&content));
    let middle = reader.from_place(content.len() as u64 / 2, 1).expect("read").lines[0].number;
    let windows = [
        reader.last(usize::MAX),
        reader.from_line(0, usize::MAX),
        reader.before_line(middle, usize::MAX),
        reader.from_place(0, usize::MAX),
    ];
    for window in windows.map(|window| window.expect("read")) {
        let held = window.to - window.from;
        assert!((WINDOW_MAX_BYTES - 20_000..=WINDOW_MAX_BYTES).contains(&held), "{held}");
    }
}

#[test]
fn a_half_written_last_line_is_not_there_until_it_is_whole() {
    let (_folder, file) = stored(b"1 2026-11-22T00:20:20.123Z > one\n2 2026-11-22T00:20:20.123Z > tw");
    let mut reader = reader(&file);
    let before = reader.last(10).expect("read");
    assert_eq!((before.lines.len(), before.at_end), (1, true));
    std::fs::OpenOptions::new().append(true).open(&file).and_then(|mut file| file.write_all(b"o\n")).expect("append");
    let after = reader.from_place(before.to, 1000).expect("read");
    assert_eq!(after.lines.iter().map(|line| line.text.as_slice()).collect::<Vec<_>>(), [b"two"]);
}

#[test]
fn what_is_no_journal_is_passed_over_in_bounded_memory() {
    let line = |number: u64| format!("{number} 2026-11-22T00:20:20.123Z > {number}\n").into_bytes();
    let hole = [vec![0; 3 * 1024 * 1024], vec![b'\n'; 100_000]].concat();
    let content = [line(1), hole.clone(), line(2), hole.clone(), line(3), hole].concat();
    let mut reader = Reader::of(Cursor::new(&content));
    let numbers = |window: io::Result<Window>| window.expect("read").lines.iter().map(|line| line.number).collect::<Vec<_>>();
    assert_eq!(numbers(reader.last(2)), [3]);
    assert_eq!(numbers(reader.from_line(2, 5)), [2]);
    assert_eq!(numbers(reader.from_line(3, 5)), [3]);
    assert_eq!(numbers(reader.before_line(2, 5)), [1]);
    assert_eq!(numbers(reader.from_place(1, usize::MAX)), [2]);
    assert!(!reader.last(1).expect("read").at_start);
}

#[test]
fn numbers_that_begin_anew_lead_somewhere() {
    let content: Vec<u8> = [0, 0, 0].iter().flat_map(|_| generated(200_000)).chain(*b"\n").collect();
    let mut reader = Reader::of(Cursor::new(&content));
    for number in (0..5000).step_by(37) {
        assert!(reader.from_line(number, 1).expect("read").lines.iter().all(|line| line.number >= number));
        reader.before_line(number, 10).expect("read");
    }
}

#[test]
fn a_missing_journal_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(Reader::open(&folder.path().join("1.journal")).expect("open").is_none());
}

/// Counts what is read.
struct Counting<R>(R, Rc<Cell<usize>>);

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.set(self.1.get() + read);
        Ok(read)
    }
}

impl<R: Seek> Seek for Counting<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn only_what_is_needed_is_read() {
    let content = generated(32 * 1024 * 1024);
    let middle = Reader::of(Cursor::new(&content)).from_place(content.len() as u64 / 3, 1).expect("read").lines[0].number;
    let (_folder, file) = stored(&content);
    archive::compress(&file).expect("compress");
    let packed = std::fs::read(packed_path(&file)).expect("read");
    let frame = packed.len() / 32;
    let count = Rc::new(Cell::new(0));
    let counting = Counting(Cursor::new(&packed), count.clone());
    let mut reader = Reader { content: Content::Packed(Box::new(archive::Frames::open(counting).expect("open"))) };
    let mut cost = |read: fn(&mut Reader<_>, u64) -> io::Result<Window>| {
        count.set(0);
        assert!(!read(&mut reader, middle).expect("read").lines.is_empty());
        count.get().div_ceil(frame)
    };
    assert!(cost(|reader, _| reader.last(10)) <= 4);
    assert!(cost(|reader, middle| reader.from_line(middle, 10)) <= 10);
    assert!(cost(|reader, middle| reader.before_line(middle, 10)) <= 10);
    assert!(cost(|reader, _| reader.from_place(20_000_000, 1000)) <= 4);
}
