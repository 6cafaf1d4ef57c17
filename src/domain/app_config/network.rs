//! The engine's networks that an app's container joins.

use std::{fmt, str::FromStr};

use crate::domain::Invalid;

/// A network that an app's container joins.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NetworkUse {
    /// The network.
    pub name: NetworkName,
    /// Under which name the others in it find the container, beside the container's own.
    pub alias: Option<Alias>,
}

/// The name of a network that users define: Docker's grammar, without those that the engine brings.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct NetworkName(String);

const NAME_MAX: usize = 64;

impl NetworkName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NetworkName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "" => return Err(Invalid::because("Name the network.")),
            "host" => {
                return Err(Invalid::because("The host's own network is not given to apps: publish the ports that the app needs instead."));
            }
            "none" | "bridge" | "default" => {
                return Err(Invalid::because("This network is the engine's own. Without a network here the app is in the default one."));
            }
            _ => {}
        }
        if text.len() > NAME_MAX {
            return Err(Invalid::because(format!("A network's name has at most {NAME_MAX} characters.")));
        }
        if !is_docker_name(text) {
            return Err(Invalid::because(
                "A network's name begins with a letter or digit and has letters, digits, dots, hyphens and underscores only.",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A host name under which the containers of a network find another one: a label of DNS, or several with dots.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Alias(String);

impl Alias {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Alias {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !is_host_name(text) {
            return Err(Invalid::because("An alias is a host name: letters, digits, hyphens and underscores, and dots between them."));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Docker's grammar for the names of networks and volumes: `[a-zA-Z0-9][a-zA-Z0-9_.-]*`.
pub(super) fn is_docker_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// Whether a text can be the name of a host.
pub(super) fn is_host_name(text: &str) -> bool {
    let good = |label: &str| {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        label.len() <= 63 && inner && edge(label.chars().next()) && edge(label.chars().last())
    };
    text.len() <= 253 && text.split('.').all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_docker_s_and_the_engine_s_own_networks_are_refused() {
        for good in ["web", "Web_2.internal", "0"] {
            assert!(good.parse::<NetworkName>().is_ok(), "{good}");
        }
        for bad in ["", "host", "none", "bridge", "default", "-web", ".web", "a b", "web\n", "größe", "container:x"] {
            assert!(bad.parse::<NetworkName>().is_err(), "{bad}");
        }
        let long = "a".repeat(NAME_MAX + 1).parse::<NetworkName>();
        assert_eq!(long, Err(Invalid::because("A network's name has at most 64 characters.")));
    }

    #[test]
    fn aliases_are_host_names() {
        for good in ["shop", "shop-api", "db.internal", "_x", "Shop2"] {
            assert!(good.parse::<Alias>().is_ok(), "{good}");
        }
        for bad in ["", "-shop", "shop-", "a..b", ".a", "a b", "a/b", "größe", &"a".repeat(64), &format!("{}a", "a.".repeat(127))] {
            assert!(bad.parse::<Alias>().is_err(), "{bad}");
        }
    }
}
