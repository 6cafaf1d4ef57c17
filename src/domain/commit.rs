//! Commits: their ids and what people want to know about them.

use std::{fmt, str::FromStr};

use super::{Invalid, moment::Moment};

/// A full commit id: 40 or 64 hexadecimal digits, lower case. A branch's name cannot pass for one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommitId(String);

impl CommitId {
    /// The full id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 8 digits, as pages show it.
    pub fn short(&self) -> &str {
        &self.0[..8]
    }
}

impl FromStr for CommitId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let full = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !full {
            return Err(Invalid::because("A commit is written as its full id: 40 (or 64) hexadecimal digits."));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a commit id begins: as git wants it, at least 4 of its hexadecimal digits, lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitPrefix(String);

impl CommitPrefix {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommitPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CommitPrefix {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !(4..=64).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Invalid::because("A commit's id is looked for by 4 to 64 hexadecimal digits, with which it begins."));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

/// How somebody names a commit: by its id, or by the beginning of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitName {
    /// The full id.
    Full(CommitId),
    /// How it begins; at least [`CommitName::MIN_DIGITS`] of its digits.
    Abbreviated(CommitPrefix),
}

impl CommitName {
    /// Fewer digits are not enough.
    pub const MIN_DIGITS: usize = 7;
}

impl FromStr for CommitName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Full(id));
        }
        let beginning = text.parse().ok().filter(|it: &CommitPrefix| it.as_str().len() >= Self::MIN_DIGITS);
        beginning.map(Self::Abbreviated).ok_or_else(|| {
            Invalid::because("A commit is written as its id: 40 (or 64) hexadecimal digits, or at least the first 7 of them.")
        })
    }
}

/// What a deployment keeps of its commit, so that a page never has to ask git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitFacts {
    /// The commit.
    pub id: CommitId,
    /// Its whole message, cut at [`CommitFacts::MESSAGE_MAX_BYTES`].
    pub message: String,
    /// The author's name.
    pub author: String,
    /// When it was committed.
    pub committed_at: Moment,
}

impl CommitFacts {
    /// Messages are kept up to this many bytes.
    pub const MESSAGE_MAX_BYTES: usize = 4096;
}

/// The commits that one of two has in its history and the other has not, newest first. Of each message the subject is told,
/// and a long one is cut.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Between {
    /// Those of the second.
    pub ahead: Commits,
    /// Those of the first.
    pub behind: Commits,
}

/// Commits, as many as were asked for at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commits {
    /// The newest of them.
    pub newest: Vec<CommitFacts>,
    /// Whether there are more.
    pub more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_named_by_its_id_or_the_beginning_of_it() {
        assert_eq!("0C79164".parse(), Ok(CommitName::Abbreviated(CommitPrefix("0c79164".to_owned()))));
        assert!("0".repeat(40).parse::<CommitName>().is_ok_and(|name| matches!(name, CommitName::Full(_))));
        for bad in ["", "0c7916", "main", "HEAD~1", "0c79164^", "--help", "0c79164\n", &"0".repeat(65)] {
            assert!(bad.parse::<CommitName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_full_ids_are_commits() {
        assert!("A".repeat(40).parse::<CommitId>().is_ok_and(|id| id.as_str() == "a".repeat(40)));
        assert!("0".repeat(64).parse::<CommitId>().is_ok());
        for bad in ["", "main", "0c79164d", &"g".repeat(40), &"0".repeat(41)] {
            assert!(bad.parse::<CommitId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_commit_is_looked_for_by_four_digits_or_more() {
        assert!("0C79".parse::<CommitPrefix>().is_ok_and(|prefix| prefix.as_str() == "0c79"));
        assert!("0".repeat(64).parse::<CommitPrefix>().is_ok());
        for bad in ["", "0c7", "main", "0c79%", "0c79 164d", &"0".repeat(65)] {
            assert!(bad.parse::<CommitPrefix>().is_err(), "{bad}");
        }
    }
}
