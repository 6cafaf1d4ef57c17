//! The words of µPaaS as types: no IO, no async, nothing that knows a database, an engine or a page.
//!
//! Whatever enters the program is parsed into one of these at the edge; what holds one needs no second look.

pub mod answer;
pub mod app;
pub mod app_config;
pub mod audit;
pub mod branch;
pub mod commit;
pub mod connection;
pub mod container;
pub mod deletion;
pub mod delivery;
pub mod deployment;
pub mod disk;
pub mod drift;
pub mod engine;
pub mod history;
pub mod ids;
pub mod image;
pub mod integrity;
pub mod moment;
pub mod port;
pub mod registry;
pub mod repo_path;
pub mod repo_url;
pub mod retention;
pub mod secret;
pub mod size;
pub mod slug;
pub mod token;
pub mod watch_paths;

mod text_enum;

/// Whether a character could make a name look like another one: control characters, and those that change the direction of writing or
/// cannot be seen. No value that is stored has one, so this set only ever shrinks.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether a character in a text from outside is to be shown as its code: what is deceptive, and whatever else nobody sees.
///
/// The latter is what Unicode wants ignored where it has no effect (`Default_Ignorable_Code_Point`), and the marks of interlinear
/// annotations; but not what has an effect: U+200C and U+200D part and join, U+FE0E and U+FE0F choose between text and emoji.
pub fn is_hidden(c: char) -> bool {
    is_deceptive(c)
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{115f}' | '\u{1160}'
                | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
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
