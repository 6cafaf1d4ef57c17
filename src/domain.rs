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

/// Whether a character could make a text look like another one: control characters, and those that change the direction of writing
/// or cannot be seen.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
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
