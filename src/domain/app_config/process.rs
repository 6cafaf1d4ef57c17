//! What runs in a container, as whom, with what power, and how it is stopped.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use super::network::is_host_name;
use crate::domain::{Invalid, is_deceptive, text_enum::text_enum};

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

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct CommandLine(Vec<String>);

const COMMAND_MAX: usize = 8192;

impl CommandLine {
    /// The program and its arguments; never empty.
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for CommandLine {
    type Err = Invalid;

    /// Words, with quotes as a shell has them, or a JSON array as in a Dockerfile. Nothing is expanded: no shell reads it.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.len() > COMMAND_MAX || text.contains(|c: char| is_deceptive(c) && !matches!(c, '\n' | '\t' | '\r')) {
            return Err(Invalid::because("A command has at most 8192 characters, all of which can be seen."));
        }
        let words = if text.starts_with('[') {
            serde_json::from_str(text)
                .map_err(|_| Invalid::because("After a “[” a list in JSON is expected: [\"node\", \"server.js\"]."))?
        } else {
            shlex::split(text).ok_or_else(|| Invalid::because("A quotation mark is not closed."))?
        };
        if words.first().is_none_or(String::is_empty) {
            return Err(Invalid::because("Name a program."));
        }
        if words.iter().any(|word| word.contains('\0')) {
            return Err(Invalid::because("A command has no NUL characters."));
        }
        Ok(Self(words))
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.0.iter().map(String::as_str);
        f.write_str(&shlex::try_join(words).expect("words without NUL can be quoted"))
    }
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
        hosts.push(ExtraHost { name: name.to_owned(), address });
    }
    if hosts.len() > EXTRA_HOSTS_MAX {
        return Err(Invalid::because(format!("There are more than {EXTRA_HOSTS_MAX} hosts.")));
    }
    Ok(hosts)
}

/// Something that root in a container may do: Docker's name without `CAP_`, or `ALL`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Capability(String);

impl Capability {
    /// The name: `NET_RAW`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The capabilities of Linux (`man 7 capabilities`).
const CAPABILITIES: &[&str] = &[
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "SYSLOG",
    "WAKE_ALARM",
];

impl FromStr for Capability {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let name = text.to_ascii_uppercase();
        let name = name.strip_prefix("CAP_").unwrap_or(&name);
        if !CAPABILITIES.contains(&name) {
            return Err(Invalid::because("This is not a capability of Linux, such as NET_RAW, or ALL."));
        }
        Ok(Self(name.to_owned()))
    }
}

/// Reads capabilities, with spaces, commas or line ends between them.
pub fn parse_capabilities(text: &str) -> Result<Vec<Capability>, Invalid> {
    let mut capabilities: Vec<Capability> = Vec::new();
    for word in text.split([',', ' ', '\n', '\r', '\t']).filter(|word| !word.is_empty()) {
        let capability = word.parse().map_err(|err: Invalid| Invalid::because(format!("“{word}”: {err}")))?;
        if !capabilities.contains(&capability) {
            capabilities.push(capability);
        }
    }
    Ok(capabilities)
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
