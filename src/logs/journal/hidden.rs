//! What no journal shows: the values of an app's secrets, should a program print them.

use std::borrow::Cow;

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
        let values = self.values.iter().map(Secret::reveal);
        // Of values that contain one another the longest is meant.
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(values);
        self.finder = finder.ok().filter(|_| !self.values.is_empty());
    }

    /// The text without them.
    pub(super) fn mask<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let mut masked = Cow::Borrowed(text);
        for value in self.long.iter().map(Secret::reveal).filter(|value| value.len() <= text.len()) {
            if let Some(at) = memmem::find(&masked, value.as_bytes()) {
                masked = Cow::Owned([&masked[..at], MASK.as_bytes(), &masked[at + value.len()..]].concat());
            }
        }
        match &self.finder {
            Some(finder) if finder.is_match(&*masked) => Cow::Owned(finder.replace_all_bytes(&masked, &vec![MASK; self.values.len()])),
            _ => masked,
        }
    }
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
        assert_eq!(masked(&format!("<{}> hunter2", long.trim())), "<•••> •••");
        assert!(matches!(hidden.mask(b"nothing"), Cow::Borrowed(_)));
    }
}
