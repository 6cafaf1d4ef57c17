//! What no journal shows: the values of an app's secrets, should a program print them.

use std::{borrow::Cow, cmp::Reverse};

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memmem;

use crate::domain::secret::Secret;

/// Stands in place of a secret.
const MASK: &str = "•••";
/// A shorter value would be found in texts that have nothing to do with it.
const MIN_BYTES: usize = 6;
/// A longer one is looked for by itself: it would make the common finder large, and there are few.
const COMMON_MAX_BYTES: usize = 256;
/// A single word up to this length is no secret, and stands in texts of all kinds: `production`.
const WORD_MAX_BYTES: usize = 12;

/// Values that are masked wherever they stand in a line.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    values: Vec<Secret>,
    /// Finds them all at once; none when there are none.
    finder: Option<AhoCorasick>,
    long: Vec<Secret>,
}

impl Hidden {
    /// Masks these values, too; of one with several lines each line, since that is how it is printed.
    pub(super) fn add<'a>(&mut self, secrets: impl IntoIterator<Item = &'a Secret>) {
        let lines = secrets.into_iter().flat_map(|secret| secret.reveal().lines()).map(str::trim);
        let (values, long): (Vec<_>, Vec<_>) = lines.filter(|line| is_worth_hiding(line)).partition(|line| line.len() <= COMMON_MAX_BYTES);
        self.values.extend(values.into_iter().map(Secret::new));
        self.long.extend(long.into_iter().map(Secret::new));
        // As below: of two that begin alike the longer one is meant.
        self.long.sort_by_key(|value| Reverse(value.reveal().len()));
        let values = self.values.iter().map(Secret::reveal);
        // Of values that contain one another the longest is meant.
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(values);
        self.finder = finder.ok().filter(|_| !self.values.is_empty());
    }

    /// The text without them.
    pub(super) fn mask<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let mut masked = Cow::Borrowed(text);
        for value in self.long.iter().map(Secret::reveal) {
            if let Some(without) = without(&masked, value.as_bytes()) {
                masked = Cow::Owned(without);
            }
        }
        match &self.finder {
            Some(finder) if finder.is_match(&*masked) => Cow::Owned(finder.replace_all_bytes(&masked, &vec![MASK; self.values.len()])),
            _ => masked,
        }
    }

    /// The beginning of a line without them, and without what the cut has left of one.
    pub(super) fn mask_beginning<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        // Before whole values are masked: what is left may begin with one of them.
        let left = self.all().map(|value| beginning_at_the_end(text, value)).max().unwrap_or(0);
        if left == 0 {
            return self.mask(text);
        }
        let mut end = text.len() - left;
        while let Some(before) = self.all().filter_map(|value| beginning_of_one_across(text, end, value)).min() {
            end = before;
        }
        Cow::Owned([&self.mask(&text[..end]), MASK.as_bytes()].concat())
    }

    fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.values.iter().chain(&self.long).map(|value| value.reveal().as_bytes())
    }
}

/// The text with the mask in all places of a value; none when it is in no place.
fn without(text: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let mut without = Vec::new();
    let mut rest = 0;
    for at in memmem::find_iter(text, value) {
        without.extend_from_slice(&text[rest..at]);
        without.extend_from_slice(MASK.as_bytes());
        rest = at + value.len();
    }
    (rest > 0).then(|| [&without, &text[rest..]].concat())
}

/// How many bytes at the text's end are the beginning of a value.
fn beginning_at_the_end(text: &[u8], value: &[u8]) -> usize {
    (1..=value.len().min(text.len())).rev().find(|bytes| text.ends_with(&value[..*bytes])).unwrap_or(0)
}

/// Where a value begins that stands before this place and goes on after it.
fn beginning_of_one_across(text: &[u8], place: usize, value: &[u8]) -> Option<usize> {
    let from = (place + 1).saturating_sub(value.len());
    let to = text.len().min(place + value.len() - 1);
    memmem::find(&text[from..to], value).map(|at| from + at)
}

fn is_worth_hiding(value: &str) -> bool {
    let is_word = value.len() <= WORD_MAX_BYTES && value.bytes().all(|b| b.is_ascii_lowercase());
    value.len() >= MIN_BYTES && !is_word && value.parse::<std::net::IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_wherever_it_stands_and_short_values_are_left_alone() {
        let mut hidden = Hidden::default();
        assert!(matches!(hidden.mask(b"\xff"), Cow::Borrowed(_)));
        hidden.add(&["hunter2", "1", "production", "127.0.0.1"].map(Secret::new));
        hidden.add(&["hunter2-and-more", "-----BEGIN KEY-----\r\nAbCdEfGh\r\n-----END KEY-----\n"].map(Secret::new));
        let masked = |text: &str| String::from_utf8(hidden.mask(text.as_bytes()).into_owned()).expect("UTF-8");
        assert_eq!(masked("a hunter2 b hunter2"), "a ••• b •••");
        assert_eq!(masked("hunter2-and-more!"), "•••!");
        assert_eq!(masked("key AbCdEfGh 1"), "key ••• 1");
        assert_eq!(masked("production on 127.0.0.1"), "production on 127.0.0.1");
        let long = "long ".repeat(100);
        hidden.add(&[Secret::new(long.trim())]);
        let masked = |text: &str| String::from_utf8(hidden.mask(text.as_bytes()).into_owned()).expect("UTF-8");
        assert_eq!(masked(&format!("<{0}> {0} hunter2", long.trim())), "<•••> ••• •••");
        assert!(matches!(hidden.mask(b"nothing"), Cow::Borrowed(_)));
        hidden.add(&[Secret::new(format!("{}, and more", long.trim()))]);
        assert_eq!(hidden.mask(format!("{}, and more", long.trim()).as_bytes()), "•••".as_bytes());
    }

    #[test]
    fn what_a_cut_has_left_of_a_secret_is_masked_too() {
        let mut hidden = Hidden::default();
        assert!(matches!(hidden.mask_beginning(b"text"), Cow::Borrowed(_)));
        let long = "0123456789".repeat(30);
        hidden.add(&["hunter2", "hunter2-and-more", &*long].map(Secret::new));
        let masked = |text: &str| String::from_utf8(hidden.mask_beginning(text.as_bytes()).into_owned()).expect("UTF-8");
        assert_eq!(masked("a hunter2 b hun"), "a ••• b •••");
        assert_eq!(masked(&format!("<{}", &long[..299])), "<•••");
        assert_eq!(masked(&format!("{long}{}", &long[..20])), "•••");
        assert_eq!(masked("a hunter2-and"), "a •••", "one value begins with another");
        assert_eq!(masked("a hunter2"), "a •••");
        hidden.add(&["over-the-lap", "the-lap-of-luxury"].map(Secret::new));
        let masked = |text: &str| String::from_utf8(hidden.mask_beginning(text.as_bytes()).into_owned()).expect("UTF-8");
        assert_eq!(masked("all over-the-lap-of"), "all •••", "the one goes on where the other is");
        assert_eq!(masked("hunter2 over-the-lap, hun"), "••• •••, •••");
        assert_eq!(masked(&long[..7]), "•••");
        assert!(matches!(hidden.mask_beginning(b"hunter and more."), Cow::Borrowed(_)));
    }
}
