//! What is known about the way from here to a repository.

use super::{commit::CommitId, ids::AppId, moment::Moment, text_enum::text_enum};

/// A server's SSH key that the operator has confirmed, pinned for `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// Algorithm and key as in `known_hosts`: `ssh-ed25519 AAAA…`.
    pub public_key: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
}

impl HostKey {
    /// The key's algorithm: `ssh-ed25519`.
    pub fn algorithm(&self) -> &str {
        self.public_key.split(' ').next().unwrap_or_default()
    }
}

/// A server with its confirmed key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHost {
    /// Its name or address, as in a repository's address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The key that the operator has confirmed.
    pub key: HostKey,
}

text_enum! {
    /// How the last connection test ended.
    Verdict {
        /// The branch can be read.
        Ok = "ok",
        /// The server's key waits for the operator's confirmation.
        Unconfirmed = "unconfirmed",
        /// The server shows another key than the confirmed one.
        Changed = "changed",
        /// It does not work; the sentence says why.
        Failed = "failed",
    }
}

/// The result of the last connection test of an app.
#[derive(Debug, Clone)]
pub struct ConnectionCheck {
    /// The app.
    pub app: AppId,
    /// When it was made.
    pub checked_at: Moment,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found, for people.
    pub sentence: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The branch's tip, when it could be read.
    pub tip: Option<CommitId>,
    /// The key that the server showed and that is not confirmed.
    pub offered: Option<HostKey>,
}
