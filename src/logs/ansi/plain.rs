//! The text of a line without its looks, for searches: most lines are what they look like, and need no terminal to tell.

use std::borrow::Cow;

use super::{
    characters::{is_attached, is_hidden},
    render,
};

const ESCAPE: u8 = 0x1b;

/// What [`render`] shows of a line, as text. Borrowed when it is shown as it came.
#[must_use]
pub fn plain_text(line: &[u8]) -> Cow<'_, [u8]> {
    if is_plain(line) {
        return Cow::Borrowed(line);
    }
    match without_colours(line) {
        Some(text) if is_plain(&text) => Cow::Owned(text),
        _ => Cow::Owned(render(line).into_iter().flat_map(|span| span.text.into_bytes()).collect()),
    }
}

/// Whether a line is shown as it is.
fn is_plain(line: &[u8]) -> bool {
    let steers = |byte: u8| (byte < b' ' && byte != b'\t') || byte == 0x7f;
    // No early exit, so that many bytes are looked at at once.
    !line.iter().fold(false, |steered, byte| steered | steers(*byte))
        && (line.is_ascii()
            || std::str::from_utf8(line).is_ok_and(|text| !text.contains(|c: char| !c.is_ascii() && (is_hidden(c) || is_attached(c)))))
}

/// A line without changes of colour; none when it has other sequences, or when what they part could form a character together.
fn without_colours(line: &[u8]) -> Option<Vec<u8>> {
    if !line.is_ascii() {
        std::str::from_utf8(line).ok()?;
    }
    let mut text = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = memchr::memchr(ESCAPE, rest) {
        text.extend_from_slice(&rest[..at]);
        let parameters = rest[at + 1..].strip_prefix(b"[")?;
        let end = parameters.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':'))?;
        rest = parameters[end..].strip_prefix(b"m")?;
    }
    text.extend_from_slice(rest);
    Some(text)
}
