//! What happens when a container exits.

use std::str::FromStr;

use crate::domain::{Invalid, text_enum::text_enum};

text_enum! {
    /// When the engine starts a container again that has exited by itself.
    RestartPolicy {
        /// Always, also after a reboot; not when it was stopped.
        Always = "always",
        /// When it has exited with another code than 0.
        OnFailure = "on-failure",
        /// Never.
        Never = "never",
    }
}

/// What happens when a container exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Restart {
    /// When it is started again.
    pub policy: RestartPolicy,
    /// After so many restarts within a quarter of an hour it is stopped.
    pub cap: RestartCap,
}

impl Default for Restart {
    fn default() -> Self {
        Self { policy: RestartPolicy::Always, cap: RestartCap(10) }
    }
}

/// A number of restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct RestartCap(u32);

impl RestartCap {
    /// The engine waits up to a minute before each restart, so more would not happen in a quarter of an hour.
    pub const MAX: u32 = 20;

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for RestartCap {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.parse() {
            Ok(cap @ 1..=RestartCap::MAX) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(cap)),
            _ => Err(Invalid::because(format!("Write a number of restarts from 1 to {}.", Self::MAX))),
        }
    }
}

impl FromStr for RestartPolicy {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .iter()
            .copied()
            .find(|it| it.as_str() == text)
            .ok_or_else(|| Invalid::because("Choose when the container is started again."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_and_cap_are_of_a_list_and_a_range() {
        for policy in RestartPolicy::ALL {
            assert_eq!(policy.to_string().parse(), Ok(*policy));
        }
        for bad in ["", "Always", "unless-stopped", "no", "on-failure:3"] {
            assert!(bad.parse::<RestartPolicy>().is_err(), "{bad}");
        }
        assert_eq!("20".parse().map(RestartCap::get), Ok(20));
        for bad in ["", "0", "21", "-1", "+1", "1.5", "∞"] {
            assert!(bad.parse::<RestartCap>().is_err(), "{bad}");
        }
    }
}
