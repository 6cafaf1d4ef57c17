//! What stands in the way of a commit's submodules, in plain words.

use super::git::server_failure;
use crate::{
    deploy::platform::{Failure, FailureKind},
    domain::{commit::CommitId, deployment::Cause, repo_url::RepoUrl},
    git::{Error, SUBMODULES_MAX, SUBMODULES_MAX_DEPTH, SubmoduleError},
};

pub(super) fn failure(err: SubmoduleError) -> Failure {
    let failure = match &err {
        SubmoduleError::Unreadable { file, reason } => {
            Failure::new(Cause::User, format!("The submodules are not known, because the file {file} cannot be read: {reason}"))
                .hint("Mend it in the repository and push, or switch submodules off for this app.")
        }
        SubmoduleError::Address { path, url, reason } => {
            Failure::new(Cause::User, format!("The submodule “{path}” could not be fetched, because of its address “{url}”: {reason}"))
                .hint("Change its url in .gitmodules, best to a relative one such as ../lib.git, and push.")
        }
        SubmoduleError::Place { path, reason } => {
            Failure::new(Cause::User, format!("The submodule “{path}” cannot be put into its folder: {reason}"))
                .hint("Move the submodule to an ordinary folder of the repository and push.")
        }
        SubmoduleError::TooMany => {
            Failure::new(Cause::User, format!("The commit has more than {SUBMODULES_MAX} submodules, counted with theirs."))
                .hint("Copy some of them into the repository, or switch submodules off for this app.")
        }
        SubmoduleError::TooDeep { path } => {
            Failure::new(Cause::User, format!("The submodule “{path}” lies more than {SUBMODULES_MAX_DEPTH} submodules deep."))
                .hint("Does a submodule contain itself?")
        }
        SubmoduleError::Fetch { .. } | SubmoduleError::Git(_) => return from_git(err),
    };
    failure.source(err)
}

fn from_git(err: SubmoduleError) -> Failure {
    match err {
        SubmoduleError::Fetch { path, url, commit, source } => not_fetched(&path, &url, &commit, source),
        SubmoduleError::Git(err) => super::git::export_failure(err),
        err => Failure::internal(err),
    }
}

fn not_fetched(path: &str, url: &RepoUrl, commit: &CommitId, err: Error) -> Failure {
    let hint = match &err {
        Error::HostKeyUnconfirmed => Some(
            "Only servers whose host key you have confirmed are asked: press “Test connection” on the page of an app whose repository is on that server.",
        ),
        Error::KeyRefused(_) | Error::RepositoryRefused(_) => Some(
            "Add this app's deploy key to that repository, too: in Gitea under Settings → Deploy keys, without write access. Is its path right?",
        ),
        Error::PasswordWanted => {
            Some("Use a relative address such as ../lib.git, or an SSH address, in .gitmodules; then the deploy key is used.")
        }
        Error::NoSuchCommit | Error::NotAdvertised => Some("Push the submodule's commit to a branch of its repository, then deploy again."),
        _ => None,
    };
    let missing = matches!(err, Error::NoSuchCommit | Error::NotAdvertised);
    let failure = server_failure(err, url, None);
    let why = if missing { format!("that repository does not have its commit {}.", commit.short()) } else { failure.sentence.clone() };
    let sentence = format!("The submodule “{path}” ({url}) could not be fetched: {why}");
    let hint = hint.map(str::to_owned).or_else(|| failure.hint.clone());
    // What a key's kind of trouble leads to elsewhere is about the app's own server.
    Failure { sentence, hint, kind: FailureKind::Final, ..failure }
}
