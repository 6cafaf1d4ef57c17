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

impl Token {
    /// Whether it is worth anything, now and with the sessions of this epoch.
    pub fn is_valid(&self, now: Moment, session_epoch: i64) -> bool {
        self.expires_at.is_none_or(|end| now < end) && self.session_epoch.is_none_or(|epoch| epoch == session_epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(expires_at: Option<i64>, session_epoch: Option<i64>) -> Token {
        Token {
            id: TokenId::new(),
            name: "ci".to_owned(),
            scope: Scope::Read,
            session_epoch,
            created_at: Moment::from_unix_ms(0),
            expires_at: expires_at.map(Moment::from_unix_ms),
            last_used_at: None,
        }
    }

    #[test]
    fn a_token_ends_with_its_time_and_one_from_a_password_with_its_sessions() {
        let now = Moment::from_unix_ms(100);
        assert!(token(None, None).is_valid(now, 7));
        assert!(token(Some(101), Some(7)).is_valid(now, 7));
        assert!(!token(Some(100), None).is_valid(now, 7));
        assert!(!token(Some(101), Some(6)).is_valid(now, 7));
    }

    #[test]
    fn who_may_deploy_may_read_and_not_the_other_way_round() {
        assert!(Scope::Deploy.allows(Scope::Read) && Scope::Deploy.allows(Scope::Deploy));
        assert!(Scope::Read.allows(Scope::Read) && !Scope::Read.allows(Scope::Deploy));
    }
}
