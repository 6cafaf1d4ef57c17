//! git on this machine, and the sentences of its errors.

use std::{
    path::Path,
    sync::Mutex,
    time::{Duration, Instant},
};

use async_trait::async_trait;

use super::{mirrors::Mirrors, submodules};
use crate::{
    deploy::{
        files::Files,
        platform::{Failure, FailureKind, Meant, Origin, Source},
    },
    domain::{
        branch::Branch,
        commit::{Between, CommitFacts, CommitId},
        connection::{HostKey, KnownHost},
        deployment::Cause,
        ids::AppId,
        repo_url::RepoUrl,
    },
    git::{self, Access, Git, Said, Submodules, Want},
    logs::journal::Journal,
};

/// So long git is believed to be the one it was.
const VERSION_KEPT: Duration = Duration::from_secs(60);

/// What runs where: git on this machine.
pub struct GitHost {
    git: Git,
    files: Files,
    mirrors: Mirrors,
    /// Its version, and when it was asked. Held for a look-up.
    version: Mutex<Option<(Instant, String)>>,
}

impl GitHost {
    /// git with the mirrors in these files.
    pub fn new(git: Git, files: Files) -> Self {
        Self { git, files, mirrors: Mirrors::default(), version: Mutex::default() }
    }

    /// The right to write to the app's mirrors, once nobody else does.
    async fn turn(&self, app: AppId) -> Result<git::Turn, Failure> {
        let deleted = || Failure::new(Cause::User, "The app has been deleted meanwhile.");
        self.mirrors.fetch(app).await.ok_or_else(deleted)
    }

    /// Brings what is wanted into the app's mirror, when nobody else writes to it.
    async fn bring(&self, origin: &Origin, want: &Want, say: &mut (dyn FnMut(&str) + Send)) -> Result<CommitFacts, Failure> {
        let turn = self.turn(origin.app).await?;
        match self.git.fetch(&self.files.mirror(origin.app), &access(origin), want, &turn, say).await {
            // Nothing was asked of the server yet: one that cannot be reached is to be told apart from one that waits for its confirmation.
            Err(unconfirmed @ git::Error::HostKeyUnconfirmed) => match self.git.host_key(origin.url.host(), origin.url.port()).await {
                Ok(_) => Err(git_failure(unconfirmed, origin)),
                Err(err) => Err(git_failure(err, origin)),
            },
            fetched => fetched.map_err(|err| git_failure(err, origin)),
        }
    }
}

fn access(origin: &Origin) -> Access {
    Access { url: origin.url.clone(), key: origin.key.clone(), host_key: origin.host_key.clone() }
}

#[async_trait]
impl Source for GitHost {
    async fn fetch(&self, origin: &Origin, commit: Option<&CommitId>, journal: &Journal) -> Result<CommitFacts, Failure> {
        let want = commit.map_or_else(|| Want::Tip(origin.branch.clone()), |commit| Want::Commit(commit.clone()));
        self.bring(origin, &want, &mut |line| journal.output(line.as_bytes())).await
    }

    async fn export(&self, app: AppId, commit: &CommitId, into: &Path) -> Result<(), Failure> {
        self.git.export(&self.files.mirror(app), commit, into).await.map_err(export_failure)
    }

    async fn changed(&self, app: AppId, from: &CommitId, to: &CommitId) -> Result<Option<Vec<String>>, Failure> {
        self.git.changed(&self.files.mirror(app), from, to).await.map_err(|err| {
            let failure = Failure::new(Cause::Internal, "The commit could not be compared with the one that is live.");
            failure.hint("The log has the details.").source(err)
        })
    }

    async fn fill_submodules(
        &self,
        origin: &Origin,
        known: &[KnownHost],
        commit: &CommitId,
        checkout: &Path,
        journal: &Journal,
    ) -> Result<(), Failure> {
        let (mirror, mirrors) = (self.files.mirror(origin.app), self.files.submodule_mirrors(origin.app));
        let turn = self.turn(origin.app).await?;
        let of = Submodules { mirror: &mirror, url: &origin.url, key: &origin.key, known, mirrors: &mirrors, turn: &turn };
        let mut say = |said: Said<'_>| match said {
            Said::Git(line) => journal.output(line.as_bytes()),
            Said::Remark(remark) => journal.say(&remark),
        };
        self.git.fill_submodules(&of, commit, checkout, &mut say).await.map_err(submodules::failure)
    }

    async fn look(&self, origin: &Origin) -> Result<Option<CommitId>, Failure> {
        self.git.look(&access(origin), &origin.branch).await.map_err(|err| git_failure(err, origin))
    }

    async fn version(&self) -> Result<String, Failure> {
        let known = self.version.lock().expect("no panic while held").clone();
        if let Some((_, version)) = known.filter(|(asked, _)| asked.elapsed() < VERSION_KEPT) {
            return Ok(version);
        }
        let version = self.git.version().await.map_err(no_git)?;
        *self.version.lock().expect("no panic while held") = Some((Instant::now(), version.clone()));
        Ok(version)
    }

    async fn host_key(&self, url: &RepoUrl) -> Result<HostKey, Failure> {
        self.git.host_key(url.host(), url.port()).await.map_err(|err| server_failure(err, url, None))
    }

    async fn compact(&self, app: AppId) -> Result<bool, Failure> {
        let (mirror, submodules) = (self.files.mirror(app), self.files.submodule_mirrors(app));
        let tidied = self.mirrors.tidy(app, self.git.compact(&mirror, &submodules)).await;
        tidied.transpose().map(|done| done.is_some()).map_err(|err| {
            let failure = Failure::new(Cause::Internal, "A mirror could not be tidied up.");
            failure.hint("The log has the details.").source(err)
        })
    }

    async fn close(&self, app: AppId) {
        self.mirrors.close(app).await;
    }

    async fn between(&self, app: AppId, from: &CommitId, to: &CommitId, limit: usize) -> Result<Option<Between>, Failure> {
        let between = self.git.between(&self.files.mirror(app), from, to, limit).await;
        between.map_err(|err| Failure::new(Cause::Internal, "The commits between the two could not be listed.").source(err))
    }

    async fn recent(&self, app: AppId, url: &RepoUrl, branch: &Branch, limit: usize) -> Result<Vec<CommitFacts>, Failure> {
        self.git.recent(&self.files.mirror(app), url, branch, limit).await.map_err(unreadable)
    }

    async fn refresh(&self, origin: &Origin) -> Result<(), Failure> {
        self.bring(origin, &Want::Tip(origin.branch.clone()), &mut |_| {}).await.map(drop)
    }

    async fn meant(&self, app: AppId, url: &RepoUrl, beginning: &str) -> Result<Meant, Failure> {
        Ok(match self.git.meant(&self.files.mirror(app), url, beginning).await.map_err(unreadable)? {
            git::Meant::One(id) => Meant::One(id),
            git::Meant::Several => Meant::Several,
            git::Meant::None => Meant::None,
        })
    }
}

pub(super) fn export_failure(err: git::Error) -> Failure {
    let failure = match &err {
        // A path that git writes nowhere, such as `.git/config`, or a link with a name that must be a file's.
        git::Error::Other(said) if said.contains("invalid path") => {
            Failure::new(Cause::User, format!("git refuses to write the commit's files: {said}")).hint("Mend the commit and push.")
        }
        git::Error::DiskFull => no_space(),
        _ => Failure::new(Cause::Internal, "The commit's files could not be written to µPaaS's data directory.")
            .hint("Is its disk full? The log has the details."),
    };
    failure.source(err)
}

/// Where mirrors and checkouts lie, nothing fits any more.
fn no_space() -> Failure {
    Failure::new(Cause::Internal, "The disk of µPaaS's data directory is full.").hint("Free some space there, then deploy again.")
}

/// Why the mirror does not say what it has.
fn unreadable(err: git::Error) -> Failure {
    Failure::new(Cause::Internal, "git could not read what was fetched of the repository.").hint("The log has the details.").source(err)
}

/// Why git does not even say its version.
fn no_git(err: git::Error) -> Failure {
    match err {
        git::Error::NotInstalled { .. } => Failure::new(Cause::Internal, "git is missing on the machine where µPaaS runs."),
        err => Failure::new(Cause::Internal, "git does not work on the machine where µPaaS runs.").source(err),
    }
}

fn git_failure(err: git::Error, origin: &Origin) -> Failure {
    server_failure(err, &origin.url, Some(&origin.branch))
}

/// What stands in the way to a repository, and what to do about it.
pub(super) fn server_failure(err: git::Error, url: &RepoUrl, branch: Option<&Branch>) -> Failure {
    use git::Error;
    let server = format!("{}:{}", url.host(), url.port());
    let failure = match &err {
        Error::HostKeyUnconfirmed | Error::HostKeyChanged => host_key_failure(&err, &server),
        Error::HostUnknown(_) | Error::Unreachable(_) | Error::TimedOut | Error::Certificate(_) => unreachable(&err, url, &server),
        Error::KeyRefused(_) | Error::RepositoryRefused(_) | Error::PasswordWanted => refused(&err, &server),
        Error::NoSuchBranch => {
            let sentence = branch
                .map_or_else(|| "The branch does not exist.".to_owned(), |branch| format!("The repository has no branch “{branch}”."));
            Failure::new(Cause::User, sentence)
                .hint("Push the branch, or choose another one for this app. An empty repository has no branches yet.")
        }
        Error::NoSuchCommit | Error::NotAdvertised => {
            Failure::new(Cause::User, "The repository does not have this commit.").hint("Was it pushed, and not removed by a force push?")
        }
        Error::DiskFull => no_space(),
        Error::NotInstalled { program, .. } => {
            Failure::new(Cause::Internal, format!("The program {program} is missing on the machine where µPaaS runs."))
                .hint("Install git and the OpenSSH client.")
        }
        Error::Other(said) => Failure::new(Cause::Forge, format!("git failed: {said}")).hint("The journal has git's output."),
        Error::Unexpected(_) | Error::Io(_) => return Failure::internal(err),
    };
    failure.source(err)
}

fn host_key_failure(err: &git::Error, server: &str) -> Failure {
    if matches!(err, git::Error::HostKeyUnconfirmed) {
        return Failure::new(Cause::Forge, format!("The host key of {server} is not confirmed yet."))
            .hint("On the app's page press “Test connection”, compare the fingerprint and confirm it. This is asked once for a server.")
            .kind(FailureKind::HostKeyUnconfirmed);
    }
    Failure::new(Cause::Forge, format!("{server} shows another host key than the one you confirmed."))
        .hint("If the server was set up anew, press “Test connection” on the app's page and confirm the new fingerprint. If not, somebody may be between you and it.")
        .kind(FailureKind::HostKeyChanged)
}

fn unreachable(err: &git::Error, url: &RepoUrl, server: &str) -> Failure {
    let (sentence, hint) = match err {
        git::Error::HostUnknown(_) => {
            (format!("The server's name {} cannot be resolved.", url.host()), "Is it spelled right, and does this machine's DNS know it?")
        }
        git::Error::Certificate(said) => (
            format!("The certificate of {server} is not trusted: {said}"),
            "Renew it, or add its authority to this machine's certificates.",
        ),
        git::Error::Unreachable(said) => {
            (format!("{server} cannot be reached: {said}"), "Is the server up, the port right, and no firewall in between?")
        }
        _ => (format!("{server} did not answer in time."), "Is the server up, the port right, and no firewall in between?"),
    };
    Failure::new(Cause::Forge, sentence).hint(hint)
}

fn refused(err: &git::Error, server: &str) -> Failure {
    let (sentence, hint) = match err {
        git::Error::KeyRefused(_) => (
            format!("{server} does not know this app's deploy key."),
            "Add the app's deploy key to the repository: in Gitea under Settings → Deploy keys, without write access. Its public half is on the app's page.",
        ),
        git::Error::RepositoryRefused(said) => (
            format!("{server} answers, but this repository cannot be read: {said}"),
            "Is the repository's path right? If the key belongs to another repository or user there, remove it and add it to this repository's deploy keys.",
        ),
        _ => (
            "The repository does not exist or is private: over https only public repositories can be read.".to_owned(),
            "Give the app the repository's SSH address; then its deploy key is used.",
        ),
    };
    Failure::new(Cause::User, sentence).hint(hint)
}
