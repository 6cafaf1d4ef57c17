//! Environment variables.

use std::{fmt, str::FromStr};

use crate::domain::{Invalid, ids::SecretId};

/// The variable that µPaaS itself gives to each build and each container: the full id of the deployed commit.
pub const COMMIT_VARIABLE: &str = "UPAAS_COMMIT";

/// An environment variable of an app. Its value is sealed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EnvVar {
    /// Its name.
    pub name: EnvName,
    /// Its value.
    pub value: SecretId,
}

/// The name of an environment variable: `[A-Za-z_][A-Za-z0-9_]*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct EnvName(String);

const NAME_MAX: usize = 255;

impl EnvName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EnvName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::because("Name the variable, for example DATABASE_URL."));
        }
        if text.len() > NAME_MAX {
            return Err(Invalid::because(format!("A name has at most {NAME_MAX} characters.")));
        }
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if text.as_bytes()[0].is_ascii_digit() || !text.bytes().all(good) {
            return Err(Invalid::because("A name has letters, digits and underscores only, and does not begin with a digit."));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for EnvName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
