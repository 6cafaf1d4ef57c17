//! Text files that a container finds.

use std::{fmt, str::FromStr};

use crate::domain::{Invalid, ids::SecretId, is_deceptive};

/// A text file that is mounted into the container, read-only. Its content is sealed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ConfigFile {
    /// Where the container finds it.
    pub path: ContainerPath,
    /// Its content.
    pub content: SecretId,
}

/// An absolute path inside a container, normalised: no `.`, no `..`, no double or trailing slash; never `/` itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ContainerPath(String);

const PATH_MAX: usize = 1024;

impl ContainerPath {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContainerPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !text.starts_with('/') {
            return Err(Invalid::because("Write the path inside the container from its root on: it begins with a slash."));
        }
        if text.len() > PATH_MAX || text.contains(is_deceptive) {
            return Err(Invalid::because("This is not a path inside a container."));
        }
        let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if parts.contains(&"..") {
            return Err(Invalid::because("Write the path without “..”."));
        }
        if parts.is_empty() {
            return Err(Invalid::because("The whole file system of the container cannot be replaced: name a path in it."));
        }
        Ok(Self(format!("/{}", parts.join("/"))))
    }
}

impl fmt::Display for ContainerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
