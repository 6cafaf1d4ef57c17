//! git, as a program with an argument vector: mirrors, commits, exports, and the look at a remote.
//!
//! # Why the program and not a library
//! Deploy keys over SSH, shallow servers and submodules are what git itself does; the Rust implementations launch `ssh` too and lack
//! submodules. No shell is involved: git would run `GIT_SSH_COMMAND` through one, so ssh is reached through `GIT_SSH` and
//! another face of this binary ([`faces`]).

mod arguments;
mod between;
mod changes;
pub mod faces;
mod failure;
mod log;
mod mirror;
mod process;
mod ssh;
mod submodules;

pub use failure::Error;
pub use log::Meant;
pub use submodules::{SUBMODULES_MAX, SUBMODULES_MAX_DEPTH, Said, SubmoduleError, Submodules};

use std::{
    any::Any,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{fs, task::spawn_blocking};

use crate::domain::{
    branch::Branch,
    commit::{CommitFacts, CommitId},
    connection::HostKey,
    repo_url::RepoUrl,
    secret::Secret,
};
use process::Call;

/// How long a look at a remote (`ls-remote`) may take.
const LOOK_DEADLINE: Duration = Duration::from_secs(20);
/// How long git may take to say which one it is.
const VERSION_DEADLINE: Duration = Duration::from_secs(5);
/// How long git may take to tidy up a mirror.
const COMPACT_DEADLINE: Duration = Duration::from_secs(30 * 60);
/// How long a server may take to show its host key.
const KEYSCAN_DEADLINE: Duration = Duration::from_secs(15);

/// The right to write to a mirror: held until nothing of a call goes on any more, also when the call was dropped.
pub type Turn = Arc<dyn Any + Send + Sync>;

/// What git needs on this machine.
#[derive(Debug, Clone)]
pub struct Git {
    /// A folder of our own for keys in use; emptied at start.
    scratch: PathBuf,
    /// This binary, which has other [`faces`].
    binary: PathBuf,
}

/// How to reach a repository.
#[derive(Debug, Clone)]
pub struct Access {
    /// Where it is.
    pub url: RepoUrl,
    /// The private key in OpenSSH form; unused for https.
    pub key: Secret,
    /// The server's confirmed key.
    pub host_key: Option<HostKey>,
}

/// Which commit is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// The branch's tip, as it is now.
    Tip(Branch),
    /// Exactly this one, of that branch's repository.
    Commit(CommitId),
}

impl Git {
    /// Uses `scratch` for keys in use; `binary` is this program, for its other [`faces`].
    pub fn new(scratch: PathBuf, binary: PathBuf) -> Self {
        Self { scratch, binary }
    }

    /// Brings what is new into the mirror, which is created if need be, and says which commit is wanted.
    /// `say` gets git's own words, line by line.
    pub async fn fetch(
        &self,
        mirror: &Path,
        access: &Access,
        want: &Want,
        turn: &Turn,
        say: &mut (dyn FnMut(&str) + Send),
    ) -> Result<CommitFacts, Error> {
        self.ensure_mirror(mirror, &access.url, turn).await?;
        let commit = match want {
            Want::Tip(branch) => {
                self.remote(access, arguments::fetch_tip(mirror, &access.url, branch), say).await?;
                mirror::note_branch(mirror, branch.as_str())?;
                self.tip(mirror).await?
            }
            Want::Commit(commit) => {
                self.fetch_commit(mirror, access, commit, say).await?;
                commit.clone()
            }
        };
        self.facts(mirror, &commit).await
    }

    /// Writes the files of a commit into an empty folder, links as links.
    pub async fn export(&self, mirror: &Path, commit: &CommitId, into: &Path) -> Result<(), Error> {
        self.write_files(mirror, commit, into, &into.with_extension("index")).await
    }

    /// As [`Git::export`], with the place of the list that git makes on the way.
    async fn write_files(&self, mirror: &Path, commit: &CommitId, into: &Path, index: &Path) -> Result<(), Error> {
        fs::create_dir_all(into).await?;
        let result = async {
            for arguments in [arguments::read_tree(mirror, into, commit), arguments::checkout_index(mirror, into)] {
                self.call(arguments).env("GIT_INDEX_FILE", index).run().await?;
            }
            Ok(())
        };
        let exported = result.await;
        let _ = fs::remove_file(index).await;
        exported
    }

    /// Tidies up a mirror and those in a folder of submodules' mirrors, where that is worth its while. Nobody may fetch meanwhile.
    pub async fn compact(&self, mirror: &Path, submodules: &Path) -> Result<(), Error> {
        for mirror in mirror::all(mirror, submodules)? {
            let packing = self.call(arguments::compact(&mirror)).run();
            tokio::time::timeout(COMPACT_DEADLINE, packing).await.map_err(|_| Error::TimedOut)??;
        }
        Ok(())
    }

    /// The tip of a branch on the remote; none when it has no such branch.
    pub async fn look(&self, access: &Access, branch: &Branch) -> Result<Option<CommitId>, Error> {
        let mut unheard = |_: &str| {};
        let looking = self.remote(access, arguments::ls_remote(&access.url, branch), &mut unheard);
        let listed = tokio::time::timeout(LOOK_DEADLINE, looking).await.map_err(|_| Error::TimedOut)??;
        let wanted = branch.full_ref();
        let tip = listed.lines().filter_map(|line| line.split_once('\t')).find(|(_, name)| *name == wanted);
        tip.map(|(id, _)| id.parse().map_err(|_| Error::Unexpected(format!("ls-remote: {id}")))).transpose()
    }

    /// The version of git: `2.47.3`.
    pub async fn version(&self) -> Result<String, Error> {
        let asking = self.call(arguments::version()).run();
        let said = tokio::time::timeout(VERSION_DEADLINE, asking).await.map_err(|_| Error::TimedOut)??.stdout;
        let version = said.trim().strip_prefix("git version ").and_then(|rest| rest.split(' ').next());
        version.map(str::to_owned).ok_or_else(|| Error::Unexpected(format!("version: {said}")))
    }

    /// The key a server shows, of the best kind it has. Nothing is trusted by this: the operator confirms the fingerprint.
    pub async fn host_key(&self, host: &str, port: u16) -> Result<HostKey, Error> {
        let scanning = Call::program("ssh-keyscan", arguments::keyscan(host, port)).run_whatever_it_exits_with();
        let scanned = tokio::time::timeout(KEYSCAN_DEADLINE, scanning).await.map_err(|_| Error::TimedOut)??;
        ssh::best_key(&scanned.stdout).ok_or_else(|| Error::from_keyscan(&scanned.stderr))
    }

    async fn fetch_commit(
        &self,
        mirror: &Path,
        access: &Access,
        commit: &CommitId,
        say: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Error> {
        if self.has_whole(mirror, commit).await {
            return Ok(());
        }
        // Servers that speak protocol v0 refuse a commit that no branch points at: then everything is fetched.
        match self.remote(access, arguments::fetch_commit(mirror, &access.url, commit), say).await {
            Err(Error::NotAdvertised) => {
                self.remote(access, arguments::fetch_all_branches(mirror, &access.url), say).await?;
            }
            result => {
                result?;
            }
        }
        if self.has_whole(mirror, commit).await { Ok(()) } else { Err(Error::NoSuchCommit) }
    }

    /// A mirror of another repository goes first: its commits are not this one's.
    async fn ensure_mirror(&self, mirror: &Path, url: &RepoUrl, turn: &Turn) -> Result<(), Error> {
        let (of, url, scratch) = (mirror.to_owned(), url.to_string(), self.scratch.clone());
        at_mirror(turn, move || mirror::make_way_for(&of, &url, &scratch)).await?;
        // Harmless on a mirror that is there; completes one whose making was interrupted.
        fs::create_dir_all(mirror).await?;
        self.call(arguments::init(mirror)).run().await?;
        let mirror = mirror.to_owned();
        at_mirror(turn, move || mirror::remove_leftovers(&mirror)).await?;
        Ok(())
    }

    /// git, in a folder that belongs to no repository: what lies around the process's own folder must not be found.
    fn call(&self, arguments: Vec<String>) -> Call {
        self.outside_of_repositories(Call::git(&self.binary, arguments))
    }

    fn outside_of_repositories(&self, call: Call) -> Call {
        let ceiling = self.scratch.parent().unwrap_or(&self.scratch);
        call.current_dir(&self.scratch).env("GIT_CEILING_DIRECTORIES", ceiling)
    }

    async fn has(&self, mirror: &Path, commit: &CommitId) -> bool {
        self.call(arguments::has_commit(mirror, commit)).run().await.is_ok()
    }

    /// Whether it has the commit and all its files: one that was fetched long ago may be half forgotten.
    async fn has_whole(&self, mirror: &Path, commit: &CommitId) -> bool {
        self.has(mirror, commit).await && self.call(arguments::is_whole(mirror, commit)).run().await.is_ok()
    }

    async fn tip(&self, mirror: &Path) -> Result<CommitId, Error> {
        let id = self.call(arguments::resolve_tip(mirror)).run().await?.stdout;
        id.trim().parse().map_err(|_| Error::Unexpected(format!("rev-parse: {id}")))
    }

    /// Runs git against a remote, with the key in place for as long as it runs.
    async fn remote(&self, access: &Access, arguments: Vec<String>, say: &mut (dyn FnMut(&str) + Send)) -> Result<String, Error> {
        let call = self.call(arguments);
        if !access.url.is_ssh() {
            return Ok(call.pass_proxy_settings().run_and_tell(say).await?.stdout);
        }
        if access.host_key.is_none() {
            return Err(Error::HostKeyUnconfirmed);
        }
        let keys = ssh::KeyFolder::create(&self.scratch, &self.binary, access).await?;
        Ok(call.env("GIT_SSH", keys.launcher()).env("GIT_SSH_VARIANT", "ssh").run_and_tell(say).await?.stdout)
    }
}

/// Writes to a mirror on a thread of its own, which goes on when its caller does not wait any more: so it has the turn, too.
async fn at_mirror(turn: &Turn, work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    let turn = turn.clone();
    let working = spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    working.await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_configuration_of_a_repository_around_us_is_not_read() {
        let around = tempfile::tempdir().expect("a folder");
        let scratch = around.path().join("data/scratch");
        std::fs::create_dir_all(&scratch).expect("a folder");
        let git = Git::new(scratch, PathBuf::from("/nonexistent"));
        let init = ["init", "--quiet", &around.path().display().to_string()].map(str::to_owned);
        Call::program("git", init.into()).run().await.expect("a repository");
        let shown = git.outside_of_repositories(Call::program("git", ["rev-parse", "--git-dir"].map(str::to_owned).into())).run().await;
        assert!(matches!(shown, Err(Error::Other(said)) if said.contains("not a git repository")));
    }
}
