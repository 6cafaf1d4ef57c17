//! What root in a container may do.

use std::{fmt, str::FromStr};

use crate::domain::Invalid;

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

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Capability {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let name = text.to_ascii_uppercase();
        let name = name.strip_prefix("CAP_").unwrap_or(&name);
        if !CAPABILITIES.contains(&name) {
            return Err(Invalid::because("this is not a capability of Linux, such as NET_RAW, nor ALL."));
        }
        Ok(Self(name.to_owned()))
    }
}

/// Reads capabilities, with spaces, commas or line ends between them.
pub fn parse_capabilities(text: &str) -> Result<Vec<Capability>, Invalid> {
    let mut capabilities: Vec<Capability> = Vec::new();
    for (index, word) in text.split([',', ' ', '\n', '\r', '\t']).filter(|word| !word.is_empty()).enumerate() {
        let capability = word.parse().map_err(|err: Invalid| Invalid::because(format!("Word {}: {err}", index + 1)))?;
        if !capabilities.contains(&capability) {
            capabilities.push(capability);
        }
    }
    Ok(capabilities)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_those_of_linux_each_once() {
        let dropped = parse_capabilities("cap_net_raw, SYS_ADMIN\nNET_RAW all").expect("good");
        let shown: Vec<String> = dropped.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["NET_RAW", "SYS_ADMIN", "ALL"]);
        assert_eq!(parse_capabilities(&shown.join("\n")), Ok(dropped));
        for bad in ["NET_RAW ROOT", "NET_RAW CAP_CAP_CHOWN", "NET_RAW -ALL", "NET_RAW \u{202e}"] {
            assert!(parse_capabilities(bad).expect_err(bad).0.starts_with("Word 2: "), "{bad}");
        }
    }
}
