//! Where an app's repository lives.

use std::{fmt, str::FromStr};

use super::{Invalid, is_deceptive};

/// A repository's URL: `ssh://`, the scp form `git@host:path`, or `https://` (public repositories).
///
/// What passed the parser can be no option of git or ssh, names no other transport and carries no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoUrl {
    text: String,
    host: String,
    port: u16,
    path: String,
    ssh: bool,
}

const MAX_LEN: usize = 2048;
const SSH_PORT: u16 = 22;
const HTTPS_PORT: u16 = 443;

impl RepoUrl {
    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether git reaches it over SSH, with the app's deploy key.
    pub fn is_ssh(&self) -> bool {
        self.ssh
    }

    /// The server's name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The repository that `./…` or `../…` means beside this one, as git reads such an address in `.gitmodules`. It never leaves the server.
    pub fn beside(&self, relative: &str) -> Result<Self, Invalid> {
        let server = &self.text[..self.text.len() - self.path.len()];
        let root = if self.path.starts_with('/') { "/" } else { "" };
        let mut parts: Vec<&str> = self.path.trim_matches('/').split('/').collect();
        let mut rest = relative;
        loop {
            if let Some(after) = rest.strip_prefix("./") {
                rest = after;
            } else if let Some(after) = rest.strip_prefix("../") {
                rest = after;
                parts.pop().ok_or_else(|| Invalid::because("The address leads out of the server."))?;
            } else {
                break;
            }
        }
        let rest = rest.trim_matches('/');
        if rest.is_empty() {
            return Err(no_path());
        }
        parts.push(rest);
        format!("{server}{root}{}", parts.join("/")).parse()
    }

    /// Where a Gitea at the same host name has this repository's deploy keys.
    ///
    /// A guess for a link: the web address may differ from the address git uses.
    pub fn deploy_keys_page(&self) -> String {
        self.settings_page("keys")
    }

    /// Where a Gitea at the same host name has this repository's webhooks. A guess, too.
    pub fn webhooks_page(&self) -> String {
        self.settings_page("hooks")
    }

    /// Where a Gitea at the same host name takes a new webhook for this repository. A guess, too.
    pub fn new_webhook_page(&self) -> String {
        self.settings_page("hooks/gitea/new")
    }

    fn settings_page(&self, page: &str) -> String {
        let path = self.path.trim_start_matches('/').trim_end_matches('/');
        format!("https://{}/{}/settings/{page}", self.host, path.strip_suffix(".git").unwrap_or(path))
    }
}

impl FromStr for RepoUrl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::because("Paste the repository's SSH address, for example git@git.example.org:dev/shop.git."));
        }
        if text.len() > MAX_LEN || text.contains(|c: char| is_deceptive(c) || c.is_whitespace() || c == '\\') || text.starts_with('-') {
            return Err(Invalid::because("This is not a repository's address."));
        }
        match text.split_once("://") {
            Some(("ssh", rest)) => ssh_url(text, rest),
            Some(("https", rest)) => https_url(text, rest),
            Some((scheme, _)) => Err(Invalid::because(format!(
                "{scheme}:// is not supported. Use the SSH address (git@host:owner/repository.git), or https:// for a public repository."
            ))),
            None => scp_form(text),
        }
    }
}

fn ssh_url(text: &str, rest: &str) -> Result<RepoUrl, Invalid> {
    let (authority, path) = rest.split_once('/').ok_or_else(no_path)?;
    let (user, server) = split_user(authority);
    check_user(user)?;
    let (host, port) = split_port(server, SSH_PORT)?;
    checked(text, host, port, path, true)
}

fn https_url(text: &str, rest: &str) -> Result<RepoUrl, Invalid> {
    let (authority, path) = rest.split_once('/').ok_or_else(no_path)?;
    if authority.contains('@') {
        return Err(Invalid::because(
            "Leave the user and password out of the address. For a private repository use its SSH address and the deploy key.",
        ));
    }
    let (host, port) = split_port(authority, HTTPS_PORT)?;
    checked(text, host, port, path, false)
}

/// `[user@]host:path`; a port cannot be written in this form.
fn scp_form(text: &str) -> Result<RepoUrl, Invalid> {
    let (server, path) = text.split_once(':').ok_or_else(|| {
        Invalid::because("This is not a repository's address. Expected git@host:owner/repository.git, ssh://… or https://….")
    })?;
    let (user, host) = split_user(server);
    check_user(user)?;
    checked(text, host, SSH_PORT, path, true)
}

fn no_path() -> Invalid {
    Invalid::because("The address names a server but no repository.")
}

fn split_user(authority: &str) -> (Option<&str>, &str) {
    match authority.rsplit_once('@') {
        Some((user, server)) => (Some(user), server),
        None => (None, authority),
    }
}

fn check_user(user: Option<&str>) -> Result<(), Invalid> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match user {
        Some(name) if name.contains(':') => Err(Invalid::because("Leave the password out of the address: the deploy key is used.")),
        Some(name) if name.is_empty() || name.starts_with('-') || !name.chars().all(plain) => {
            Err(Invalid::because("The user name in the address is not valid; with Gitea it is usually git."))
        }
        _ => Ok(()),
    }
}

fn split_port(server: &str, default: u16) -> Result<(&str, u16), Invalid> {
    let after_address = server.rfind(']').map_or(0, |end| end + 1);
    match server[after_address..].split_once(':') {
        None => Ok((server, default)),
        Some((_, digits)) => {
            let port = digits.parse::<u16>().ok().filter(|port| *port > 0 && !digits.starts_with('+'));
            let host = &server[..server.len() - digits.len() - 1];
            port.map(|port| (host, port))
                .ok_or_else(|| Invalid::because(format!("The port in the address is not a number from 1 to 65535: {digits}")))
        }
    }
}

fn checked(text: &str, host: &str, port: u16, path: &str, ssh: bool) -> Result<RepoUrl, Invalid> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let valid_host = match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty() && !host.starts_with('-') && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        }
    };
    if !valid_host {
        return Err(Invalid::because(format!("“{host}” is not a server's name.")));
    }
    if path.trim_matches('/').is_empty() {
        return Err(no_path());
    }
    if path.starts_with(['-', ':']) {
        return Err(Invalid::because("A repository’s path must not start with a hyphen or a colon."));
    }
    Ok(RepoUrl { text: text.to_owned(), host: bare.unwrap_or(host).to_owned(), port, path: path.to_owned(), ssh })
}

impl fmt::Display for RepoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl serde::Serialize for RepoUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for RepoUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Option<(String, u16, bool)> {
        let url = text.parse::<RepoUrl>().ok()?;
        Some((url.host().to_owned(), url.port(), url.is_ssh()))
    }

    #[test]
    fn the_three_forms_are_understood() {
        assert_eq!(parts("git@git.example.org:dev/shop.git"), Some(("git.example.org".into(), 22, true)));
        assert_eq!(parts("ssh://git@git.example.org:2222/dev/shop.git"), Some(("git.example.org".into(), 2222, true)));
        assert_eq!(parts("ssh://git@[::1]:2222/shop.git"), Some(("::1".into(), 2222, true)));
        assert_eq!(parts("https://git.example.org/dev/shop.git"), Some(("git.example.org".into(), 443, false)));
    }

    #[test]
    fn nothing_else_passes() {
        for bad in [
            "",
            "shop",
            "/srv/git/shop.git",
            "file:///srv/git/shop.git",
            "git://h/x",
            "http://h/x",
            "ext::sh -c x",
            "-oProxyCommand=x",
            "ssh://-oProxyCommand=x/y",
            "git@-h:x",
            "-u@h:x",
            "git@h:-x",
            "git@h:",
            "ssh://h",
            "ssh://h/",
            "ssh://git@h:0/x",
            "ssh://git@h:70000/x",
            "https://user:pw@h/x",
            "ssh://git:pw@h/x",
            "git@h h:x",
            "git@h:x\ny",
            "ssh://[::g]/x",
            "ext::x",
            "fd::17/x",
        ] {
            // `ext::x` reads as host "ext" and path ":x"; git itself would see a transport helper.
            assert!(bad.parse::<RepoUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_stands_beside_a_repository_is_found_as_git_does() {
        let beside = |base: &str, relative: &str| {
            let base: RepoUrl = base.parse().expect("valid");
            base.beside(relative).map(|url| url.to_string()).map_err(|invalid| invalid.0)
        };
        let table = [
            ("ssh://git@h:2222/dev/shop.git", "../lib.git", "ssh://git@h:2222/dev/lib.git"),
            ("ssh://git@h:2222/dev/shop.git/", "../lib.git/", "ssh://git@h:2222/dev/lib.git"),
            ("ssh://git@h/dev/shop.git", "../../ops/lib.git", "ssh://git@h/ops/lib.git"),
            ("ssh://git@h/dev/shop.git", "./lib", "ssh://git@h/dev/shop.git/lib"),
            ("https://h/dev/shop", "./../lib", "https://h/dev/lib"),
            ("git@h:dev/shop.git", "../lib.git", "git@h:dev/lib.git"),
            ("git@h:dev/shop.git", "../../lib.git", "git@h:lib.git"),
            ("git@h:/srv/shop.git", "../../lib.git", "git@h:/lib.git"),
        ];
        for (base, relative, expected) in table {
            assert_eq!(beside(base, relative).as_deref(), Ok(expected), "{base} {relative}");
        }
        for bad in ["../../../x", "../../../../../evil/x", "../", "../../-x", "../a b", "../a\nb", "../../:x"] {
            assert!(beside("git@h:dev/shop.git", bad).is_err(), "{bad}");
        }
        assert!(beside("ssh://git@h:2222/shop.git", "../../../evil.example/x").is_err());
    }

    #[test]
    fn the_pages_in_gitea_are_guessed() {
        let url: RepoUrl = "git@git.example.org:dev/shop.git".parse().expect("valid");
        assert_eq!(url.deploy_keys_page(), "https://git.example.org/dev/shop/settings/keys");
        assert_eq!(url.new_webhook_page(), "https://git.example.org/dev/shop/settings/hooks/gitea/new");
    }
}
