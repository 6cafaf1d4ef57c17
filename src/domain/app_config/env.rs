//! Environment variables.

use std::{fmt, str::FromStr};

use crate::domain::{Invalid, ids::SecretId, secret::Secret};

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

/// So many variables an app may have.
pub const VARIABLES_MAX: usize = 500;
/// The bytes of all their names and values together.
pub const TOTAL_MAX_BYTES: usize = 1024 * 1024;
/// Linux starts no program with a `NAME=value` of this many bytes (`MAX_ARG_STRLEN`, of which one ends it).
const ENTRY_LIMIT_BYTES: usize = 128 * 1024;

impl EnvName {
    /// A name that the operator may set: not one that µPaaS gives.
    pub fn settable(text: &str) -> Result<Self, Invalid> {
        let name: Self = text.parse()?;
        if name.as_str() == COMMIT_VARIABLE {
            return Err(Invalid::because(format!("{COMMIT_VARIABLE} is given by µPaaS itself. Choose another name.")));
        }
        Ok(name)
    }

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

/// Whether a variable may have this value. Every text may be one, an empty one too, as long as Linux can hand it to a program.
pub fn check_value(name: &EnvName, value: &Secret) -> Result<(), Invalid> {
    let value = value.reveal();
    if value.contains('\0') {
        return Err(Invalid::because("A value cannot contain the character NUL: it would end there."));
    }
    if name.as_str().len() + "=".len() + value.len() >= ENTRY_LIMIT_BYTES {
        return Err(Invalid::because(
            "Linux starts no program with a variable of 128 KB or more. Put a long text into a file, under Files.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_every_shell_takes() {
        for good in ["A", "_", "database_url", "HTTP2", "__x9", &"A".repeat(255)] {
            assert_eq!(good.parse::<EnvName>().map(|name| name.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "9A", "A-B", "A B", "A=B", "Ä", "A\0", "A\n", "\u{202e}A", "１A", "A.B", "$A", &"A".repeat(256)] {
            assert!(bad.parse::<EnvName>().is_err(), "{bad:?}");
        }
        assert!(EnvName::settable("UPAAS_COMMIT").is_err() && EnvName::settable("UPAAS_COMMITS").is_ok());
    }

    #[test]
    fn a_value_is_any_text_that_linux_can_hand_over() {
        let name: EnvName = "NAME".parse().expect("a name");
        let check = |value: String| check_value(&name, &Secret::new(value));
        for good in ["", " ", "a\nb\tc", "\u{1b}[31m\u{202e}", "\r\n", "=", "😀"] {
            assert_eq!(check(good.to_owned()), Ok(()), "{good:?}");
        }
        assert!(check("a\0b".to_owned()).is_err());
        assert_eq!(check("x".repeat(ENTRY_LIMIT_BYTES - 6)), Ok(()));
        assert!(check("x".repeat(ENTRY_LIMIT_BYTES - 5)).is_err());
    }
}
