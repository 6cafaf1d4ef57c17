//! Characters that must not reach a log as they are.

/// Whether a character could end a line, steer a terminal, or turn text around.
pub(super) fn must_be_escaped(c: char) -> bool {
    c.is_control() || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
