//! The words of µPaaS as types: no IO, no async, nothing that knows a database, an engine or a page.
//!
//! Whatever enters the program is parsed into one of these at the edge; what holds one needs no second look.

pub mod app;
pub mod branch;
pub mod commit;
pub mod connection;
pub mod container;
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
