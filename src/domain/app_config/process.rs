//! What runs in a container, as whom, with what power, and how it is stopped.

mod capability;
mod command_line;

pub use capability::{Capability, parse_capabilities};
pub use command_line::CommandLine;

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use super::network::is_host_name;
use crate::domain::{Invalid, text_enum::text_enum};

/// What runs in a container, as whom, with what power, and how it is stopped. None: as the image says.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Process {
    /// Instead of the image's ENTRYPOINT; then its CMD counts no more.
    pub entrypoint: Option<CommandLine>,
    /// Instead of the image's CMD.
    pub command: Option<CommandLine>,
    /// As whom it runs.
    pub user: Option<UserSpec>,
    /// Whether a small init process of the engine's comes first: it reaps zombies and passes signals on.
    pub init: bool,
    /// Names that the container finds in its hosts file.
    pub extra_hosts: Vec<ExtraHost>,
    /// Whether nothing but volumes can be written to.
    pub read_only_root: bool,
    /// What root in the container may not do.
    pub dropped: Vec<Capability>,
    /// The signal that asks it to end; none: as the image says, usually SIGTERM.
    pub stop_signal: Option<Signal>,
    /// How long it may take to end before it is killed.
    pub stop_grace: StopGrace,
}

/// As whom a container runs: `1000`, `1000:1000`, `node`, `node:node`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UserSpec(String);

impl UserSpec {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserSpec {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let name = |part: &str| {
            let good = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
            let number = part.bytes().all(|b| b.is_ascii_digit());
            (1..=32).contains(&part.len())
                && !part.starts_with('-')
                && part.bytes().all(good)
                && (!number || part.parse::<u32>().is_ok_and(|id| id <= i32::MAX.unsigned_abs()))
        };
        let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
        if !name(user) || !group.is_none_or(name) {
            return Err(Invalid::because("Write a user, or user:group, as names or numbers: 1000:1000."));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for UserSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name in a container's hosts file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ExtraHost {
    /// The name.
    pub name: String,
    /// Its address; none: the engine's host.
    pub address: Option<IpAddr>,
}

/// What stands for the address of the engine's host.
pub const HOST_GATEWAY: &str = "host-gateway";

impl fmt::Display for ExtraHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "{}:{address}", self.name),
            None => write!(f, "{}:{HOST_GATEWAY}", self.name),
        }
    }
}

const EXTRA_HOSTS_MAX: usize = 100;

/// Reads extra hosts, one a line: `db:192.0.2.4` or `db:host-gateway`.
pub fn parse_extra_hosts(text: &str) -> Result<Vec<ExtraHost>, Invalid> {
    let mut hosts: Vec<ExtraHost> = Vec::new();
    for (number, line) in super::label::lines(text) {
        let at = |sentence: &str| Invalid::because(format!("Line {number}: {sentence}"));
        let (name, address) = line.split_once([':', '=']).ok_or_else(|| at("write name:address."))?;
        let (name, address) = (name.trim(), address.trim());
        if !is_host_name(name) {
            return Err(at("this is not a host name."));
        }
        let address = match address {
            HOST_GATEWAY => None,
            address => {
                let address = address.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(address);
                Some(address.parse().map_err(|_| at("the address is an IP address, or host-gateway for the engine's host."))?)
            }
        };
        let host = ExtraHost { name: name.to_owned(), address };
        if hosts.contains(&host) {
            return Err(at(&format!("{host} is there twice.")));
        }
        hosts.push(host);
    }
    if hosts.len() > EXTRA_HOSTS_MAX {
        return Err(Invalid::because(format!("There are more than {EXTRA_HOSTS_MAX} hosts.")));
    }
    Ok(hosts)
}

text_enum! {
    /// A signal that asks a process to end, in one of the ways that programs know.
    Signal {
        /// Terminate.
        Term = "SIGTERM",
        /// Interrupt, as Ctrl-C.
        Int = "SIGINT",
        /// Quit.
        Quit = "SIGQUIT",
        /// Hang up.
        Hup = "SIGHUP",
        /// For the program to define.
        Usr1 = "SIGUSR1",
        /// For the program to define.
        Usr2 = "SIGUSR2",
        /// The window has changed: how Apache ends gracefully.
        Winch = "SIGWINCH",
        /// How systemd is asked to halt.
        RtMin3 = "SIGRTMIN+3",
        /// Kill at once.
        Kill = "SIGKILL",
    }
}

impl FromStr for Signal {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.iter().copied().find(|it| it.as_str() == text).ok_or_else(|| Invalid::because("Choose one of the signals of the list."))
    }
}

/// How long a container may take to end, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct StopGrace(u32);

const STOP_GRACE_MAX: u32 = 300;

impl StopGrace {
    /// In seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl Default for StopGrace {
    fn default() -> Self {
        Self(10)
    }
}

impl From<StopGrace> for Duration {
    fn from(grace: StopGrace) -> Self {
        Self::from_secs(u64::from(grace.0))
    }
}

impl FromStr for StopGrace {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.parse() {
            Ok(seconds @ 0..=STOP_GRACE_MAX) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(seconds)),
            _ => Err(Invalid::because(format!("Write a number of seconds from 0 to {STOP_GRACE_MAX}."))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_names_or_numbers() {
        for good in ["0", "1000:1000", "node", "www-data:www-data", "_apt", "a.b"] {
            assert_eq!(good.parse::<UserSpec>().expect(good).to_string(), good);
        }
        for bad in ["", ":", "a:", ":a", "-1", "a:b:c", "a b", "2147483648", "node\n", "ünal", "٣", "--user", &"a".repeat(33)] {
            assert!(bad.parse::<UserSpec>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn extra_hosts_read_back_as_they_are_shown() {
        let hosts =
            parse_extra_hosts("db:192.0.2.4\r\n\nhost.docker.internal=host-gateway\nsix:[2001:db8::1]\nsix:192.0.2.6").expect("good");
        let shown: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["db:192.0.2.4", "host.docker.internal:host-gateway", "six:2001:db8::1", "six:192.0.2.6"]);
        assert_eq!(parse_extra_hosts(&shown.join("\n")), Ok(hosts));
        let said = |text: &str| parse_extra_hosts(text).expect_err(text).0;
        assert_eq!(said("db"), "Line 1: write name:address.");
        assert_eq!(said("a:192.0.2.4\na:192.0.2.4"), "Line 2: a:192.0.2.4 is there twice.");
        for name in ["-a", "a b", "a..b", "", "ü", "a/b", "\u{202e}"] {
            assert_eq!(said(&format!("{name}:192.0.2.4")), "Line 1: this is not a host name.");
        }
        for address in ["", "localhost", "256.0.0.1", "192.0.2.4:80", "fe80::1%eth0", "Host-Gateway", "１.1.1.1"] {
            assert!(said(&format!("db:{address}")).starts_with("Line 1: the address is an IP address"), "{address}");
        }
        let many: String = (0..=EXTRA_HOSTS_MAX).map(|number| format!("h{number}:192.0.2.4\n")).collect();
        assert_eq!(said(&many), "There are more than 100 hosts.");
    }

    #[test]
    fn signals_and_grace_are_of_a_list_and_a_range() {
        for signal in Signal::ALL {
            assert_eq!(signal.to_string().parse(), Ok(*signal));
        }
        for bad in ["", "sigterm", "TERM", "15", "SIGSTOP"] {
            assert!(bad.parse::<Signal>().is_err(), "{bad}");
        }
        assert_eq!("0".parse().map(StopGrace::seconds), Ok(0));
        for bad in ["", "-1", "301", "1.5", "+1", "10s"] {
            assert!(bad.parse::<StopGrace>().is_err(), "{bad}");
        }
    }
}
