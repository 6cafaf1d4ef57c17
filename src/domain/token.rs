//! Tokens with which other programs ask.

use super::{ids::TokenId, moment::Moment, text_enum::text_enum};

text_enum! {
    /// What the holder of a token may do.
    Scope {
        /// See: health, audit.
        Read = "read",
        /// See, and ask for deployments.
        Deploy = "deploy",
    }
}

impl Scope {
    /// Whether what needs `asked` may be done.
    pub fn allows(self, asked: Self) -> bool {
        self >= asked
    }
}

/// A token, without what makes it one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// The epoch of the sessions that it ends with, when a password gave it.
    pub session_epoch: Option<i64>,
    /// When it was made.
    pub created_at: Moment,
    /// When it ends by itself, if it does.
    pub expires_at: Option<Moment>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Moment>,
}
