//! How an app's port reaches the host.

use std::net::IpAddr;

use super::Invalid;

/// The published port of an app.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Publish {
    /// The port the app listens on inside its container; none when it listens on none.
    pub container_port: Option<u16>,
    /// The address of the host on which it is published.
    pub host_address: IpAddr,
    /// The port of the host.
    pub host_port: HostPort,
}

/// The port of the host on which a container port is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostPort {
    /// Not published.
    None,
    /// The engine chooses a free one at each start.
    Auto,
    /// Always this one.
    Fixed(u16),
}

impl Publish {
    /// The fixed host port that a container with this configuration holds exclusively.
    pub fn exclusive_port(&self) -> Option<u16> {
        match (self.container_port, self.host_port) {
            (Some(_), HostPort::Fixed(port)) => Some(port),
            _ => None,
        }
    }
}

/// Reads an optional port: an empty field is none.
pub fn parse_optional_port(text: &str) -> Result<Option<u16>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<u16>() {
        Ok(port) if port > 0 && text.bytes().all(|b| b.is_ascii_digit()) => Ok(Some(port)),
        _ => Err(Invalid::because("A port is a number from 1 to 65535.")),
    }
}

impl std::str::FromStr for HostPort {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        match parse_optional_port(text) {
            Ok(None) => Ok(Self::None),
            Ok(Some(port)) => Ok(Self::Fixed(port)),
            Err(_) => Err(Invalid::because("Write a number from 1 to 65535, or auto, or leave it empty.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_numbers_or_auto() {
        assert_eq!("".parse(), Ok(HostPort::None));
        assert_eq!("auto".parse(), Ok(HostPort::Auto));
        assert_eq!("8081".parse(), Ok(HostPort::Fixed(8081)));
        for bad in ["0", "65536", "-1", "+80", "8o", "Auto "] {
            assert!(bad.parse::<HostPort>().is_err(), "{bad}");
        }
    }
}
