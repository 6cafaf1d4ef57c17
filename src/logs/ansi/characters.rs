//! Characters that are not what they look like: seen by nobody, or drawn over others.

use unicode_normalization::char::is_combining_mark;

use crate::domain;

/// So many characters in a row are drawn on one; no script needs more, and a hundred of them cover the lines around.
pub(super) const ATTACHED_MAX: usize = 8;

const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// Whether a character is to be shown as its code, wherever it is. U+200C parts letters that would be joined, where people write so;
/// in a log nobody would see it.
pub(super) fn is_hidden(c: char) -> bool {
    domain::is_hidden(c) || c == '\u{200c}'
}

/// Whether a character is drawn together with the one before it.
pub(super) fn is_attached(c: char) -> bool {
    !c.is_ascii() && (c == ZERO_WIDTH_JOINER || is_combining_mark(c))
}

/// Whether it has an effect there, or else would be seen by nobody.
pub(super) fn may_attach(attached: char, previous: char) -> bool {
    match attached {
        ZERO_WIDTH_JOINER => !previous.is_ascii() && previous != ZERO_WIDTH_JOINER,
        '\u{fe0e}' | '\u{fe0f}' => !is_attached(previous),
        _ => true,
    }
}
