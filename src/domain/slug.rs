//! The name of an app in URLs, container names, image tags and metrics.

use std::{fmt, str::FromStr};

use super::Invalid;

/// `[a-z0-9][a-z0-9-]{0,38}`, not a word that the URL table needs. Never changes once given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Slug(String);

const MAX_LEN: usize = 39;
const RESERVED: &[&str] = &["new"];

impl Slug {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() {
            return Err(Invalid::because("Give the app a name, for example shop-api."));
        }
        if text.len() > MAX_LEN {
            return Err(Invalid::because(format!("A name has at most {MAX_LEN} characters; this one has {}.", text.chars().count())));
        }
        if !text.chars().all(allowed) {
            return Err(Invalid::because("Use lower-case letters a to z, digits and hyphens only."));
        }
        if text.starts_with('-') {
            return Err(Invalid::because("A name starts with a letter or a digit."));
        }
        if RESERVED.contains(&text) {
            return Err(Invalid::because(format!("The name “{text}” is reserved. Choose another one.")));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_lower_case_letters_digits_and_hyphens() {
        for good in ["a", "0", "shop-api", "a-", "abcdefghijklmnopqrstuvwxyz0123456789-zz"] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "Shop", "a_b", "a b", "a/b", "..", "ä", "new", &"a".repeat(40)] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }
}
