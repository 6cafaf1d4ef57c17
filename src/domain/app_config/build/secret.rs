//! Secrets that the steps of a build may ask for.

use std::{fmt, str::FromStr};

use crate::domain::{Invalid, ids::SecretId, secret::Secret};

/// So many build secrets an app may have.
pub const SECRETS_MAX: usize = 50;
const ID_MAX: usize = 64;
const VALUE_MAX_BYTES: usize = 64 * 1024;

/// A secret that a step of the build may ask for: `RUN --mount=type=secret,id=npm`. It is in no image and in no history.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BuildSecret {
    /// Its id.
    pub id: BuildSecretId,
    /// Its value.
    pub value: SecretId,
}

/// Under which id a step asks for a build secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct BuildSecretId(String);

impl BuildSecretId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BuildSecretId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::because("Name the secret as the Dockerfile does, for example npm."));
        }
        if text.len() > ID_MAX {
            return Err(Invalid::because(format!("An id has at most {ID_MAX} characters.")));
        }
        let good = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
        if !text.as_bytes()[0].is_ascii_alphanumeric() || !text.bytes().all(good) {
            return Err(Invalid::because(
                "An id begins with a letter or digit and has letters, digits, dots, hyphens and underscores only.",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for BuildSecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a build secret may have this value: any text up to a limit that is not empty.
pub fn check_secret(value: &Secret) -> Result<(), Invalid> {
    let value = value.reveal();
    if value.is_empty() {
        return Err(Invalid::because("Write the value. A secret that no step needs any more can be deleted."));
    }
    if value.contains('\0') {
        return Err(Invalid::because("A build secret cannot contain the character NUL: this is not a text."));
    }
    if value.len() > VALUE_MAX_BYTES {
        return Err(Invalid::because("A build secret has at most 64 KB."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_what_a_dockerfile_can_name() {
        for good in ["npm", "NPM_TOKEN", "0", "a.b-c_d", &"a".repeat(64)] {
            assert_eq!(good.parse::<BuildSecretId>().map(|id| id.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", " ", "_npm", "-npm", ".npm", "a b", "a,b", "a=b", "a/b", "ä", "a\0", "a\n", "\u{202e}a", &"a".repeat(65)] {
            assert!(bad.parse::<BuildSecretId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_value_is_any_text_up_to_its_limit() {
        let check = |value: String| check_secret(&Secret::new(value));
        for good in [" ", "\n", "a\tb\n\u{1b}", "//registry.npmjs.org/:_authToken=x\n"] {
            assert_eq!(check(good.to_owned()), Ok(()), "{good:?}");
        }
        assert_eq!(check("x".repeat(VALUE_MAX_BYTES)), Ok(()));
        assert!(check("x".repeat(VALUE_MAX_BYTES + 1)).is_err() && check("\0".to_owned()).is_err() && check(String::new()).is_err());
    }
}
