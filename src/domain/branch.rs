//! A branch's name.

use std::{fmt, str::FromStr};

use super::{Invalid, is_deceptive};

/// A name that `git check-ref-format refs/heads/NAME` accepts and that can be no option.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Branch(String);

/// Longer names do not fit a loose ref's file name.
const MAX_LEN: usize = 240;

impl Branch {
    /// The short name: `main`, `feature/login`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `refs/heads/main`.
    pub fn full_ref(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

impl FromStr for Branch {
    type Err = Invalid;

    /// The rules are those of <https://git-scm.com/docs/git-check-ref-format>.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::because("Name the branch to deploy, for example main."));
        }
        if let Some(short) = text.strip_prefix("refs/heads/") {
            return Err(Invalid::because(format!("Write the branch's short name: {short}")));
        }
        let forbidden = |c: char| is_deceptive(c) || " ~^:?*[\\".contains(c);
        let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
        let malformed = text.len() > MAX_LEN
            || text.starts_with('-')
            || text == "@"
            || text.ends_with('.')
            || text.contains("..")
            || text.contains("@{")
            || text.contains(forbidden)
            || text.split('/').any(bad_part);
        if malformed {
            return Err(Invalid::because("Git does not allow this as the name of a branch."));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_names_follow_git() {
        for good in ["main", "feature/login", "release/größe-1.0", "a@b", "v1.2"] {
            assert!(good.parse::<Branch>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "-x",
            "--upload-pack=x",
            "a..b",
            "a b",
            "a~1",
            "a:b",
            "x.lock",
            "a//b",
            "/a",
            "a/",
            ".a",
            "a/.b",
            "@",
            "a@{1}",
            "a\nb",
            "refs/heads/main",
            "a.",
        ] {
            assert!(bad.parse::<Branch>().is_err(), "{bad}");
        }
    }
}
