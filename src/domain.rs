//! The words of µPaaS as types: no IO, no async, nothing that knows a database, an engine or a page.
//!
//! Whatever enters the program is parsed into one of these at the edge; what holds one needs no second look.

pub mod app;
pub mod branch;
pub mod commit;
pub mod connection;
pub mod container;
pub mod delivery;
pub mod deployment;
pub mod engine;
pub mod ids;
pub mod moment;
pub mod port;
pub mod repo_path;
pub mod repo_url;
pub mod secret;
pub mod slug;

mod text_enum;

/// Whether a character could make a text look like another one: control characters, those that change the direction of writing, and those
/// that nobody sees.
///
/// The last are what Unicode wants ignored where it has no effect (`Default_Ignorable_Code_Point`), and the marks of interlinear
/// annotations; but not what has an effect: U+200C and U+200D part and join, U+FE0E and U+FE0F choose between text and emoji.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}' | '\u{1160}'
                | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}' | '\u{200e}' | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0d}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// A value that an operator typed and µPaaS cannot take, with the sentence to show beside the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

impl Invalid {
    /// An invalid value, explained in plain words.
    pub fn because(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}
