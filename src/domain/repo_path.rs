//! Paths inside a repository, as typed by an operator.

use std::{fmt, str::FromStr};

use super::{Invalid, is_hidden};

/// A relative path with `/` between its parts, without `..`: what it means is decided inside the checkout.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct RepoPath(String);

const MAX_LEN: usize = 1024;

impl RepoPath {
    /// The text, normalised: no leading `./`, no trailing `/`; the repository's root is `.`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepoPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.starts_with('/') {
            return Err(Invalid::because("Write the path relative to the repository's root, without a leading slash."));
        }
        if text.len() > MAX_LEN || text.contains(|c: char| is_hidden(c) || c == '\\') {
            return Err(Invalid::because("This is not a path inside a repository."));
        }
        let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if parts.contains(&"..") {
            return Err(Invalid::because("The path must stay inside the repository: “..” is not allowed."));
        }
        if parts.first().is_some_and(|part| part.starts_with('-')) {
            return Err(Invalid::because("A path must not start with a hyphen."));
        }
        let path = if parts.is_empty() { ".".to_owned() } else { parts.join("/") };
        // A form takes off what is white around a text: such a path would come back as another one.
        if path.trim() != path {
            return Err(Invalid::because("A path must not begin or end with a space."));
        }
        Ok(Self(path))
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_and_stay_inside() {
        let parse = |text: &str| text.parse::<RepoPath>().map(|path| path.0);
        assert_eq!(parse("").as_deref(), Ok("."));
        assert_eq!(parse("./a//b/").as_deref(), Ok("a/b"));
        assert_eq!(parse("a / b").as_deref(), Ok("a / b"));
        for bad in ["/etc/passwd", "../x", "a/../../b", "-f", "a\0b", "a\\b", "a\u{ad}b", "./ a", "a /", "a/b\u{3000}"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
