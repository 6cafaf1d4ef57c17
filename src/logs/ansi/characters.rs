//! Characters that are not what they look like: seen by nobody, or drawn over others.

use unicode_normalization::char::is_combining_mark;

use crate::domain::is_deceptive;

/// So many characters in a row are drawn on one; no script needs more, and a hundred of them cover the lines around.
pub(super) const ATTACHED_MAX: usize = 8;

const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// Whether nobody sees a character, or it changes how others are ordered: to be shown as its code, wherever it is.
///
/// Beyond what is deceptive in a name these are the characters that Unicode wants ignored where they have no effect
/// (`Default_Ignorable_Code_Point`), and the marks of interlinear annotations. Not those that have one: U+200D joins emoji, U+FE0E and
/// U+FE0F choose between text and emoji.
pub(super) fn is_hidden(c: char) -> bool {
    is_deceptive(c)
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{115f}' | '\u{1160}'
                | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200c}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0d}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
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
