//! Registries that want a login before they give an image.

use std::{fmt, net::Ipv6Addr, str::FromStr};

use super::{Invalid, ids::SecretId, is_deceptive, moment::Moment, secret::Secret};

/// A registry for which µPaaS has a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// Which one.
    pub host: RegistryHost,
    /// The user's name there.
    pub username: String,
    /// The password or token, sealed.
    pub password: SecretId,
    /// Since when.
    pub set_at: Moment,
}

/// The host of a registry as images name it, in lower case: `ghcr.io`, `registry.example.org:5000`; Docker Hub is `docker.io`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryHost(String);

const HOST_MAX: usize = 253;
const LABEL_MAX: usize = 63;
const USERNAME_MAX_CHARS: usize = 255;
/// Passwords that are whole documents, as Google's are, have a few KB.
const PASSWORD_MAX_BYTES: usize = 16 * 1024;
/// Docker Hub, under the name that people know.
pub const HUB: &str = "docker.io";
/// And under which other names it is known.
const HUB_ALIASES: &[&str] = &["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com", "www.docker.io"];

impl RegistryHost {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RegistryHost {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::because("Name the registry, such as ghcr.io. Docker Hub is docker.io."));
        }
        if text.contains('/') {
            return Err(Invalid::because("Write the host only, without https:// and without a path: ghcr.io. Docker Hub is docker.io."));
        }
        let text = text.to_ascii_lowercase();
        let (host, port) = split(&text).ok_or_else(no_host)?;
        if port.is_some_and(|port| !is_port(port)) {
            return Err(Invalid::because("After the colon stands a port from 1 to 65535."));
        }
        if !(is_address(host) || is_name(host)) {
            return Err(no_host());
        }
        if port.is_none() && host != "localhost" && !host.contains(['.', '[']) {
            return Err(Invalid::because(
                "Docker takes a name without a dot for a user of Docker Hub. Write the whole name, such as registry.example.org, or add the port.",
            ));
        }
        Ok(Self(by_one_name(&text).to_owned()))
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A registry's host, in lower case, by the one name that is used for it.
pub fn by_one_name(host: &str) -> &str {
    if HUB_ALIASES.contains(&host) { HUB } else { host }
}

fn no_host() -> Invalid {
    Invalid::because("This is not the name of a host. Write it as the images do: ghcr.io, registry.example.org:5000.")
}

/// Host and port; an IPv6 address stands in brackets.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    match text.find(']') {
        Some(end) => match &text[end + 1..] {
            "" => Some((text, None)),
            port => Some((&text[..=end], Some(port.strip_prefix(':')?))),
        },
        None => Some(text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)))),
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse().is_ok_and(|port: u16| port > 0)
}

fn is_address(host: &str) -> bool {
    let inside = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inside.is_some_and(|inside| inside.parse::<Ipv6Addr>().is_ok())
}

fn is_name(host: &str) -> bool {
    let good = |label: &str| {
        let inside = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !label.is_empty() && label.len() <= LABEL_MAX && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(inside)
    };
    host.len() <= HOST_MAX && host.split('.').all(good)
}

/// A user's name at a registry.
pub fn parse_username(text: &str) -> Result<String, Invalid> {
    match text.chars().count() {
        0 => Err(Invalid::because("Name the user of the registry. With a token, its documentation says which name goes with it.")),
        length if length > USERNAME_MAX_CHARS => Err(Invalid::because(format!("A user name has at most {USERNAME_MAX_CHARS} characters."))),
        _ if text.contains(is_deceptive) => Err(Invalid::because("The user name has characters that cannot be seen. Type it anew.")),
        _ if text.contains(':') => Err(Invalid::because("A user name has no colon. The password has its own field.")),
        _ => Ok(text.to_owned()),
    }
}

/// Whether this can be a password at a registry.
pub fn check_password(password: &Secret) -> Result<(), Invalid> {
    match password.reveal() {
        "" => Err(Invalid::because("Write the password, or better a token that may only read.")),
        text if text.len() > PASSWORD_MAX_BYTES => Err(Invalid::because("A password has at most 16 KB.")),
        text if text.contains('\0') => Err(Invalid::because("A password has no character NUL.")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_written_as_images_name_it() {
        let hosts = [
            ("docker.io", "docker.io"),
            ("Index.Docker.IO", "docker.io"),
            ("registry-1.docker.io", "docker.io"),
            ("GHCR.io", "ghcr.io"),
            ("registry.example.org:5000", "registry.example.org:5000"),
            ("localhost", "localhost"),
            ("localhost:5000", "localhost:5000"),
            ("registry:5000", "registry:5000"),
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("[::1]:5000", "[::1]:5000"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("123.dkr.ecr.eu-west-1.amazonaws.com", "123.dkr.ecr.eu-west-1.amazonaws.com"),
        ];
        for (typed, kept) in hosts {
            assert_eq!(typed.parse::<RegistryHost>().map(|host| host.to_string()), Ok(kept.to_owned()));
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let (long, long_label) = (format!("{}.io", "a.".repeat(130)), format!("{}.io", "a".repeat(64)));
        let bad = [
            "",
            "registry",
            "https://ghcr.io",
            "ghcr.io/",
            "ghcr.io/dev/app",
            "user@ghcr.io",
            "ghcr.io:",
            "ghcr.io:0",
            "ghcr.io:65536",
            "ghcr.io:+1",
            "ghcr.io:５000",
            "ghcr.io:50:00",
            "-ghcr.io",
            "ghcr-.io",
            "ghcr..io",
            ".ghcr.io",
            "ghcr.io.",
            "gh cr.io",
            "ghcr_x.io",
            "::1",
            "[::1",
            "[::g]:5000",
            "[::1]5000",
            "bücher.example",
            "ghcr.io\0",
            "ghcr\u{202e}.io",
            "ghcr.io?x",
            "*.io",
            &long,
            &long_label,
        ];
        for typed in bad {
            assert!(typed.parse::<RegistryHost>().is_err(), "{typed:?}");
        }
    }

    #[test]
    fn a_login_has_a_name_and_a_password() {
        assert_eq!(parse_username("robot$ci"), Ok("robot$ci".to_owned()));
        for bad in ["", "a:b", "a\nb", "\u{202e}x", &"x".repeat(256)] {
            assert!(parse_username(bad).is_err(), "{bad:?}");
        }
        assert_eq!(check_password(&Secret::new(" two words\n")), Ok(()));
        for bad in ["", "a\0b", &"x".repeat(PASSWORD_MAX_BYTES + 1)] {
            assert!(check_password(&Secret::new(bad)).is_err());
        }
    }
}
