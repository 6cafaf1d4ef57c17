//! SSH for git: a folder with the key for as long as a call runs, and in it the link under which git starts ssh.
//!
//! git runs `$GIT_SSH host command` directly, without a shell. We point it at a link to this very binary in the key's folder; started
//! under that name, the binary becomes `ssh` with that folder's key and known host ([`super::faces`]).

use std::{
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use ssh_key::{HashAlg, PublicKey};

use super::{Access, Error, faces::SSH_FACE};
use crate::domain::connection::HostKey;

const KEY: &str = "key";
const KNOWN_HOSTS: &str = "known_hosts";

/// ssh with nothing of this machine's configuration: one key, one known host, no questions.
/// Relative names: [`super::faces`] enters the folder first, so no path has to be quoted.
pub(super) const OPTIONS: &[&str] = &[
    "-F",
    "/dev/null",
    "-i",
    KEY,
    "-o",
    "IdentitiesOnly=yes",
    "-o",
    "IdentityAgent=none",
    "-o",
    "UserKnownHostsFile=known_hosts",
    "-o",
    "GlobalKnownHostsFile=/dev/null",
    "-o",
    "StrictHostKeyChecking=yes",
    "-o",
    "UpdateHostKeys=no",
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=10",
    "-o",
    "ServerAliveInterval=15",
    "-o",
    "ServerAliveCountMax=3",
    "-o",
    "ClearAllForwardings=yes",
    "-o",
    "ForwardAgent=no",
    "-o",
    "PermitLocalCommand=no",
];

/// A key in use, in a folder of its own that goes with this value.
pub(super) struct KeyFolder(PathBuf);

impl KeyFolder {
    pub(super) async fn create(scratch: &Path, binary: &Path, access: &Access) -> Result<Self, Error> {
        let folder = Self(scratch.join(uuid::Uuid::new_v4().to_string()));
        tokio::fs::create_dir(&folder.0).await?;
        write_private(&folder.0.join(KEY), access.key.reveal().as_bytes())?;
        let known = access.host_key.as_ref().map(|key| known_host(access.url.host(), access.url.port(), key)).unwrap_or_default();
        write_private(&folder.0.join(KNOWN_HOSTS), known.as_bytes())?;
        std::os::unix::fs::symlink(binary, folder.launcher())?;
        Ok(folder)
    }

    pub(super) fn launcher(&self) -> PathBuf {
        self.0.join(SSH_FACE)
    }
}

impl Drop for KeyFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn write_private(file: &Path, content: &[u8]) -> io::Result<()> {
    use io::Write;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?.write_all(content)
}

/// The line of `known_hosts`; a port other than 22 is written `[host]:port`.
fn known_host(host: &str, port: u16, key: &HostKey) -> String {
    match port {
        22 => format!("{host} {}\n", key.public_key),
        port => format!("[{host}]:{port} {}\n", key.public_key),
    }
}

/// The best key among the lines of `ssh-keyscan`, in the order of [`super::arguments::HOST_KEY_KINDS`].
pub(super) fn best_key(scanned: &str) -> Option<HostKey> {
    let keys: Vec<HostKey> = scanned.lines().filter(|line| !line.starts_with('#')).filter_map(parse_scanned).collect();
    let of_kind = |kind: &&str| keys.iter().find(|key| key.algorithm().contains(*kind)).cloned();
    super::arguments::HOST_KEY_KINDS.iter().find_map(of_kind)
}

fn parse_scanned(line: &str) -> Option<HostKey> {
    let (_, public_key) = line.split_once(' ')?;
    let parsed = PublicKey::from_openssh(public_key.trim()).ok()?;
    Some(HostKey { public_key: public_key.trim().to_owned(), fingerprint: parsed.fingerprint(HashAlg::Sha256).to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcEc=";

    #[test]
    fn the_best_kind_of_key_is_offered() {
        let scanned = format!("# h:22 SSH-2.0-OpenSSH\nh {ECDSA}\nh {ED25519}\n");
        let key = best_key(&scanned).expect("a key");
        assert_eq!(key.algorithm(), "ssh-ed25519");
        assert!(key.fingerprint.starts_with("SHA256:"), "{}", key.fingerprint);
        assert_eq!(best_key("# nothing\nrubbish line\n"), None);
    }

    #[test]
    fn a_port_is_part_of_the_known_host() {
        let key = HostKey { public_key: ED25519.to_owned(), fingerprint: String::new() };
        assert!(known_host("h", 22, &key).starts_with("h ssh-ed25519 "));
        assert!(known_host("h", 2222, &key).starts_with("[h]:2222 ssh-ed25519 "));
    }
}
