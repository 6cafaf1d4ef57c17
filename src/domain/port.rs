//! How an app's ports reach the host.

mod taken;

pub use taken::{Holder, Taken, clashes};

use std::net::IpAddr;

use super::{Invalid, text_enum::text_enum};

text_enum! {
    /// What is spoken on a port.
    Protocol {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
    }
}

/// A port of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Port {
    /// The port the app listens on inside its container.
    pub container_port: u16,
    /// What is spoken on it.
    #[serde(default = "tcp")]
    pub protocol: Protocol,
    /// The address of the host on which it is published.
    pub host_address: IpAddr,
    /// The port of the host.
    pub host_port: HostPort,
}

fn tcp() -> Protocol {
    Protocol::Tcp
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

/// A port of the host that one container at a time can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// On which address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// Of which protocol.
    pub protocol: Protocol,
}

impl Held {
    /// Whether both cannot be held at once: an unspecified address stands for all of its family.
    pub fn clashes(&self, other: &Self) -> bool {
        let both = [self.address, other.address];
        let same_family = self.address.is_ipv4() == other.address.is_ipv4();
        let same_place = self.address == other.address || (same_family && both.iter().any(IpAddr::is_unspecified));
        same_place && (self.port, self.protocol) == (other.port, other.protocol)
    }
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = if self.protocol == Protocol::Udp { "UDP " } else { "" };
        write!(f, "{of}port {} on {}", self.port, self.address)
    }
}

impl Port {
    /// The fixed host port that a container with this port holds exclusively.
    pub fn held(&self) -> Option<Held> {
        match self.host_port {
            HostPort::Fixed(port) => Some(Held { address: self.host_address, port, protocol: self.protocol }),
            HostPort::None | HostPort::Auto => None,
        }
    }
}

/// The first of the fixed host ports of `wanted` that cannot be held beside what is held already.
pub fn clash(wanted: &[Port], there: &[Held]) -> Option<Held> {
    wanted.iter().filter_map(Port::held).find(|held| there.iter().any(|other| held.clashes(other)))
}

/// Why a port cannot stand beside those before it.
pub fn collision(port: &Port, before: &[Port]) -> Option<Invalid> {
    before.iter().enumerate().find_map(|(place, other)| {
        let row = place + 1;
        if port == other {
            return Some(Invalid::because(format!("This is the same as row {row}.")));
        }
        let held = port.held().filter(|held| other.held().is_some_and(|other| other.clashes(held)))?;
        Some(Invalid::because(format!("Row {row} has {held} already. Choose another one.")))
    })
}

/// What is asked when only the host's side of a port was filled in.
pub const CONTAINER_PORT_MISSING: &str =
    "Which port of the container should the host port lead to? Its EXPOSE or its documentation says it.";

/// Reads an address of the host; an empty field is this machine alone.
pub fn parse_address(text: &str) -> Result<IpAddr, Invalid> {
    if text.is_empty() {
        return Ok(IpAddr::from([127, 0, 0, 1]));
    }
    let address = text.parse::<IpAddr>().map(|address| address.to_canonical());
    address.map_err(|_| Invalid::because("Write an IP address of this machine, such as 127.0.0.1 or 0.0.0.0."))
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

/// As it is typed.
impl std::fmt::Display for HostPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Auto => f.write_str("auto"),
            Self::Fixed(port) => write!(f, "{port}"),
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

    #[test]
    fn an_address_has_one_spelling() {
        let read = |text: &str| parse_address(text).map(|address| address.to_string());
        assert_eq!(read(""), Ok("127.0.0.1".to_owned()));
        assert_eq!(read("::ffff:127.0.0.1"), Ok("127.0.0.1".to_owned()), "an IPv4 address in IPv6's clothes");
        assert_eq!(read("0:0::1"), Ok("::1".to_owned()));
        assert!(read("localhost").is_err());
    }

    #[test]
    fn two_ports_clash_when_one_container_at_a_time_can_hold_them() {
        let port = |address: &str, host_port, protocol| Port {
            container_port: 80,
            protocol,
            host_address: address.parse().expect("valid"),
            host_port,
        };
        let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
        let here = port("127.0.0.1", HostPort::Fixed(8081), tcp);
        let clashes = |other: Port| other.held().is_some_and(|other| clash(&[here], &[other]).is_some());
        assert!(clashes(here));
        assert!(clashes(port("0.0.0.0", HostPort::Fixed(8081), tcp)), "everywhere is here, too");
        assert!(!clashes(port("::", HostPort::Fixed(8081), tcp)), "the engine publishes on each family by itself");
        assert!(!clashes(port("127.0.0.2", HostPort::Fixed(8081), tcp)));
        assert!(!clashes(port("127.0.0.1", HostPort::Fixed(8081), udp)));
        assert!(!clashes(port("127.0.0.1", HostPort::Fixed(8082), tcp)));
        assert!(!clashes(port("127.0.0.1", HostPort::Auto, tcp)));
        assert!(collision(&here, &[here]).expect("refused").0.contains("same as row 1"));
        let everywhere = Port { container_port: 81, ..port("0.0.0.0", HostPort::Fixed(8081), tcp) };
        assert!(collision(&everywhere, &[here]).expect("refused").0.contains("Row 1 has port 8081 on 0.0.0.0"));
        assert_eq!(collision(&port("127.0.0.1", HostPort::Fixed(8082), tcp), &[here]), None, "one container port may be published twice");
    }
}
