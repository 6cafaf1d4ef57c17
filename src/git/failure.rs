//! What can go wrong with git, understood from what it and ssh print in the C locale.

use std::io;

/// Why git did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program is missing on this machine.
    #[error("{program} could not be started")]
    NotInstalled {
        /// Its name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// No host key is confirmed for this server.
    #[error("the server's host key is not confirmed")]
    HostKeyUnconfirmed,
    /// The server shows another key than the confirmed one.
    #[error("the server's host key has changed")]
    HostKeyChanged,
    /// The server does not know the deploy key.
    #[error("the server refused the key: {0}")]
    KeyRefused(String),
    /// The key is known, but this repository cannot be read with it, or does not exist.
    #[error("the repository cannot be read: {0}")]
    RepositoryRefused(String),
    /// An https repository that wants a password.
    #[error("the repository is private")]
    PasswordWanted,
    /// The server's name is unknown.
    #[error("the server's name cannot be resolved: {0}")]
    HostUnknown(String),
    /// The server does not answer.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("git took too long")]
    TimedOut,
    /// The branch is not there.
    #[error("the branch does not exist")]
    NoSuchBranch,
    /// The commit is not there.
    #[error("the commit does not exist")]
    NoSuchCommit,
    /// The server does not give out a commit that no branch points at.
    #[error("the server does not offer this commit")]
    NotAdvertised,
    /// The server's certificate is not trusted.
    #[error("the server's certificate is not trusted: {0}")]
    Certificate(String),
    /// This machine's disk is full.
    #[error("no space left on this machine")]
    DiskFull,
    /// Anything else, in git's words.
    #[error("git failed: {0}")]
    Other(String),
    /// git printed something else than it should.
    #[error("git's answer was not understood: {0}")]
    Unexpected(String),
    /// Reading or writing around git failed.
    #[error("input or output failed")]
    Io(#[from] io::Error),
}

/// What a message means; it gets the line that says most.
type FromLine = fn(String) -> Error;

/// Patterns of git's and ssh's messages, most telling first (git 2.30 to 2.47, OpenSSH 8.4 to 9.9).
const PATTERNS: &[(&str, FromLine)] = &[
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", |_| Error::HostKeyChanged),
    // A key is always pinned when ssh runs: one of another kind than the pinned one is a change.
    ("Host key verification failed", |_| Error::HostKeyChanged),
    ("Permission denied (", Error::KeyRefused),
    ("Could not resolve host", Error::HostUnknown),
    ("Connection refused", Error::Unreachable),
    ("timed out", Error::Unreachable),
    ("No route to host", Error::Unreachable),
    ("Network is unreachable", Error::Unreachable),
    ("Connection reset", Error::Unreachable),
    ("Connection closed", Error::Unreachable),
    ("kex_exchange_identification", Error::Unreachable),
    ("Failed to connect to", Error::Unreachable),
    ("Timeout, server", Error::Unreachable),
    ("closed by remote host", Error::Unreachable),
    ("unexpected disconnect", Error::Unreachable),
    ("early EOF", Error::Unreachable),
    ("couldn't find remote ref refs/heads/", |_| Error::NoSuchBranch),
    ("couldn't find remote ref", |_| Error::NoSuchCommit),
    ("unadvertised object", |_| Error::NotAdvertised),
    ("not our ref", |_| Error::NotAdvertised),
    ("could not read Username", |_| Error::PasswordWanted),
    ("certificate", Error::Certificate),
    ("No space left on device", |_| Error::DiskFull),
    ("does not appear to be a git repository", Error::RepositoryRefused),
    ("Could not read from remote repository", Error::RepositoryRefused),
    ("not found", Error::RepositoryRefused),
];

impl Error {
    /// Understands what git printed before it exited with an error.
    pub(super) fn from_stderr(stderr: &str) -> Self {
        match PATTERNS.iter().find(|(pattern, _)| stderr.contains(pattern)) {
            Some((pattern, error)) => error(telling_line(stderr, Some(pattern))),
            None => Self::Other(telling_line(stderr, None)),
        }
    }

    /// Whether git could not use what it was shown: a mirror that has lost something, as a rule.
    pub(super) fn is_about_the_mirror(&self) -> bool {
        !matches!(self, Self::NotInstalled { .. } | Self::TimedOut | Self::DiskFull | Self::Io(_))
    }

    /// Understands why `ssh-keyscan` found no key.
    pub(super) fn from_keyscan(stderr: &str) -> Self {
        let said = stderr.lines().rfind(|line| !line.starts_with('#') && !line.is_empty()).unwrap_or("no answer").to_owned();
        if said.contains("Name or service not known") || said.contains("name resolution") || said.contains("nodename nor servname") {
            Self::HostUnknown(said)
        } else {
            Self::Unreachable(said)
        }
    }
}

/// The line that says most: the one with the pattern, unless that is only git's own conclusion; then what the server said before it.
fn telling_line(stderr: &str, pattern: Option<&str>) -> String {
    let says_nothing = |line: &&str| {
        line.is_empty()
            || line.starts_with("fatal: Could not read from remote")
            || line.starts_with("Please make sure you have the correct access rights")
            || line.starts_with("and the repository exists")
            || line.starts_with("fatal: the remote end hung up")
            || line.contains('%')
    };
    let lines = || stderr.lines().map(str::trim).filter(|line| !says_nothing(line));
    let line =
        pattern.and_then(|pattern| lines().find(|line| line.contains(pattern))).or_else(|| lines().next_back()).unwrap_or("no message");
    let line = line.trim_start_matches("fatal: ").trim_start_matches("remote: ").trim_start_matches("error: ");
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_messages_are_understood() {
        let end = "fatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n";
        let understood: Vec<String> = [
            format!("git@h: Permission denied (publickey).\r\n{end}"),
            format!("refused: this key may only read app.git\n{end}"),
            format!("@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@\nHost key verification failed.\r\n{end}"),
            format!(
                "No RSA host key is known for [h]:2222 and you have requested strict checking.\r\nHost key verification failed.\r\n{end}"
            ),
            format!("ssh: Could not resolve hostname nowhere.invalid: Name or service not known\r\n{end}"),
            format!("ssh: connect to host 127.0.0.1 port 1: Connection refused\r\n{end}"),
            "fatal: couldn't find remote ref refs/heads/nope\n".to_owned(),
            "error: Server does not allow request for unadvertised object 0c79\n".to_owned(),
            "fatal: remote error: upload-pack: not our ref 0c79\n".to_owned(),
            "fatal: could not read Username for 'https://h': terminal prompts disabled\n".to_owned(),
            format!("remote: Compressing objects: 100% (9/9), done.\nConnection to h closed by remote host.\r\nfatal: early EOF\n{end}"),
            "fatal: something new\n".to_owned(),
        ]
        .iter()
        .map(|stderr| Error::from_stderr(stderr).to_string())
        .collect();
        insta::assert_snapshot!(understood.join("\n"), @r"
        the server refused the key: git@h: Permission denied (publickey).
        the repository cannot be read: refused: this key may only read app.git
        the server's host key has changed
        the server's host key has changed
        the server's name cannot be resolved: ssh: Could not resolve hostname nowhere.invalid: Name or service not known
        the server cannot be reached: ssh: connect to host 127.0.0.1 port 1: Connection refused
        the branch does not exist
        the server does not offer this commit
        the server does not offer this commit
        the repository is private
        the server cannot be reached: Connection to h closed by remote host.
        git failed: something new
        ");
    }
}
