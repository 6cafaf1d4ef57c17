//! What no journal shows: the values of an app's secrets, should a program print them.

use std::borrow::Cow;

use memchr::memmem::Finder;

use crate::domain::secret::Secret;

/// Stands in place of a secret.
const MASK: &[u8] = "•••".as_bytes();
/// A shorter value would be found in texts that have nothing to do with it.
const MIN_BYTES: usize = 6;

/// Values that are masked wherever they stand in a line.
#[derive(Debug, Default)]
pub(super) struct Hidden(Vec<Secret>);

impl Hidden {
    /// These values; of one with several lines each line, since that is how it is printed.
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let lines = secrets.into_iter().flat_map(|secret| secret.reveal().lines()).map(str::trim);
        let mut values: Vec<Secret> = lines.filter(|line| line.len() >= MIN_BYTES).map(Secret::new).collect();
        // What contains another one is looked for first.
        values.sort_by_key(|value| std::cmp::Reverse(value.reveal().len()));
        Self(values)
    }

    /// The text without them.
    pub(super) fn mask<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let mut masked = Cow::Borrowed(text);
        for value in &self.0 {
            let finder = Finder::new(value.reveal());
            if finder.find(&masked).is_some() {
                masked = Cow::Owned(replaced(&masked, &finder, value.reveal().len()));
            }
        }
        masked
    }
}

fn replaced(text: &[u8], finder: &Finder, length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = 0;
    for at in finder.find_iter(text) {
        out.extend_from_slice(&text[rest..at]);
        out.extend_from_slice(MASK);
        rest = at + length;
    }
    out.extend_from_slice(&text[rest..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_wherever_it_stands_and_short_values_are_left_alone() {
        let secrets = ["hunter2", "hunter2-and-more", "1", "-----BEGIN KEY-----\r\nabcdefgh\r\n-----END KEY-----\n"].map(Secret::new);
        let hidden = Hidden::new(&secrets);
        let masked = |text: &str| String::from_utf8(hidden.mask(text.as_bytes()).into_owned()).expect("UTF-8");
        assert_eq!(masked("a hunter2 b hunter2"), "a ••• b •••");
        assert_eq!(masked("hunter2-and-more!"), "•••!");
        assert_eq!(masked("key abcdefgh 1"), "key ••• 1");
        assert!(matches!(hidden.mask(b"nothing"), Cow::Borrowed(_)));
        assert!(matches!(Hidden::default().mask(b"\xff"), Cow::Borrowed(_)));
    }
}
