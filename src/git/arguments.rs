//! The argument vectors, as pure functions. Values from outside stand behind `--` or `--end-of-options`, or inside an option of ours.

use std::path::Path;

use crate::domain::{branch::Branch, commit::CommitId, repo_url::RepoUrl};

/// The branch's tip, as last fetched. One name for whatever branch, so that `a` and `a/b` cannot be in each other's way.
const TIP: &str = "refs/upaas/tip";
/// Tells the kinds of host key apart that a server is asked for, best first.
pub(super) const HOST_KEY_KINDS: &[&str] = &["ed25519", "ecdsa", "rsa"];
/// Of a commit: its id, its author, its seconds, its subject.
const LOGGED: &str = "--format=%H%x00%<(100,trunc)%an%x00%ct%x00%<(200,trunc)%s";
const KEYSCAN_TIMEOUT_SECONDS: &str = "10";

/// What every call gets: only ssh and https, no hooks, no filters or helpers from anybody's configuration, no housekeeping behind our back.
const GUARDS: &[&str] = &[
    "protocol.allow=never",
    "protocol.ssh.allow=always",
    "protocol.https.allow=always",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.autocrlf=false",
    "core.symlinks=true",
    "credential.helper=",
    "gc.auto=0",
    "maintenance.auto=false",
    "safe.directory=*",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
    "i18n.logOutputEncoding=UTF-8",
    "log.showSignature=false",
];

fn git(more: &[&str]) -> Vec<String> {
    let guards = GUARDS.iter().flat_map(|guard| ["-c", guard]);
    guards.chain(more.iter().copied()).map(str::to_owned).collect()
}

fn in_mirror(mirror: &Path, more: &[&str]) -> Vec<String> {
    let folder = format!("--git-dir={}", mirror.display());
    git(&[&[folder.as_str()], more].concat())
}

fn fetch(mirror: &Path, url: &RepoUrl, refspec: &str) -> Vec<String> {
    in_mirror(
        mirror,
        &[
            "fetch",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--prune",
            "--force",
            "--progress",
            "--",
            url.as_str(),
            refspec,
        ],
    )
}

pub(super) fn version() -> Vec<String> {
    git(&["version"])
}

pub(super) fn init(mirror: &Path) -> Vec<String> {
    git(&["init", "--quiet", "--bare", "--template=", "--", &mirror.display().to_string()])
}

pub(super) fn fetch_tip(mirror: &Path, url: &RepoUrl, branch: &Branch) -> Vec<String> {
    fetch(mirror, url, &format!("+{}:{TIP}", branch.full_ref()))
}

pub(super) fn fetch_commit(mirror: &Path, url: &RepoUrl, commit: &CommitId) -> Vec<String> {
    fetch(mirror, url, &format!("+{commit}:refs/upaas/wanted"))
}

pub(super) fn fetch_all_branches(mirror: &Path, url: &RepoUrl) -> Vec<String> {
    fetch(mirror, url, "+refs/heads/*:refs/upaas/heads/*")
}

pub(super) fn resolve_tip(mirror: &Path) -> Vec<String> {
    in_mirror(mirror, &["rev-parse", "--verify", "--end-of-options", &format!("{TIP}^{{commit}}")])
}

pub(super) fn has_commit(mirror: &Path, commit: &CommitId) -> Vec<String> {
    in_mirror(mirror, &["cat-file", "-e", &format!("{commit}^{{commit}}")])
}

pub(super) fn facts(mirror: &Path, commit: &CommitId) -> Vec<String> {
    in_mirror(mirror, &["show", "-z", "--no-patch", "--no-notes", "--format=%H%x00%an%x00%ct%x00%B", commit.as_str(), "--"])
}

/// Whether everything is there that this one commit's files are made of.
pub(super) fn is_whole(mirror: &Path, commit: &CommitId) -> Vec<String> {
    in_mirror(mirror, &["rev-list", "--objects", "--no-walk", "--quiet", "--end-of-options", commit.as_str(), "--"])
}

/// The commit whose id begins so.
pub(super) fn resolve(mirror: &Path, beginning: &str) -> Vec<String> {
    in_mirror(mirror, &["rev-parse", "--verify", "--end-of-options", &format!("{beginning}^{{commit}}")])
}

pub(super) fn read_tree(mirror: &Path, into: &Path, commit: &CommitId) -> Vec<String> {
    in_work_tree(mirror, into, &["read-tree", commit.as_str()])
}

pub(super) fn checkout_index(mirror: &Path, into: &Path) -> Vec<String> {
    in_work_tree(mirror, into, &["checkout-index", "--all", "--force"])
}

fn in_work_tree(mirror: &Path, work_tree: &Path, more: &[&str]) -> Vec<String> {
    let work_tree = format!("--work-tree={}", work_tree.display());
    in_mirror(mirror, &[&["-c", "core.bare=false", work_tree.as_str()], more].concat())
}

/// The paths whose entries differ between the trees of two commits: a submodule is its path, and nothing in the trees can change that.
pub(super) fn changed(mirror: &Path, from: &CommitId, to: &CommitId) -> Vec<String> {
    in_mirror(
        mirror,
        &[
            "diff-tree",
            "-r",
            "-z",
            "--name-only",
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
            "--ignore-submodules=none",
            "--end-of-options",
            from.as_str(),
            to.as_str(),
            "--",
        ],
    )
}

/// The commits of a range, newest first: four texts for each, of which those that people wrote are cut.
pub(super) fn log(mirror: &Path, range: &str, count: usize) -> Vec<String> {
    let count = format!("--max-count={count}");
    in_mirror(mirror, &["log", "-z", "--no-patch", "--no-notes", LOGGED, &count, "--end-of-options", range, "--"])
}

/// What leads to the branch's tip.
pub(super) fn to_the_tip() -> String {
    TIP.to_owned()
}

/// What `to` has in its history and `from` has not.
pub(super) fn from_to(from: &CommitId, to: &CommitId) -> String {
    format!("{from}..{to}")
}

pub(super) fn list_tree(mirror: &Path, commit: &CommitId) -> Vec<String> {
    in_mirror(mirror, &["ls-tree", "-r", "-z", "--full-tree", "--end-of-options", commit.as_str()])
}

/// The entries of a commit's `.gitmodules`, from the object and not from a file, without includes.
pub(super) fn list_gitmodules(mirror: &Path, commit: &CommitId) -> Vec<String> {
    in_mirror(mirror, &["config", "--blob", &format!("{commit}:.gitmodules"), "--no-includes", "-z", "--list"])
}

/// Packs what lies about and forgets what nothing has led to for two weeks; does nothing where there is little of that.
pub(super) fn compact(mirror: &Path) -> Vec<String> {
    let worth_it = ["-c", "gc.auto=500", "-c", "gc.autoPackLimit=10", "-c", "gc.autoDetach=false"];
    in_mirror(mirror, &[&worth_it[..], &["gc", "--auto", "--quiet"]].concat())
}

pub(super) fn ls_remote(url: &RepoUrl, branch: &Branch) -> Vec<String> {
    git(&["ls-remote", "--heads", "--", url.as_str(), &branch.full_ref()])
}

pub(super) fn keyscan(host: &str, port: u16) -> Vec<String> {
    let port = port.to_string();
    let kinds = HOST_KEY_KINDS.join(",");
    ["-T", KEYSCAN_TIMEOUT_SECONDS, "-p", &port, "-t", &kinds, "--", host].map(str::to_owned).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_guards(arguments: &[String]) -> String {
        arguments[GUARDS.len() * 2..].join(" ")
    }

    #[test]
    fn the_argument_vectors() {
        let mirror = Path::new("/d/repos/1.git");
        let url: RepoUrl = "ssh://git@h:2222/dev/shop.git".parse().expect("valid");
        let branch: Branch = "feature/x".parse().expect("valid");
        let commit: CommitId = "0c79164d00000000000000000000000000000000".parse().expect("valid");
        let into = Path::new("/d/builds/1-2");
        let all = [
            version(),
            init(mirror),
            fetch_tip(mirror, &url, &branch),
            fetch_commit(mirror, &url, &commit),
            fetch_all_branches(mirror, &url),
            resolve_tip(mirror),
            has_commit(mirror, &commit),
            is_whole(mirror, &commit),
            facts(mirror, &commit),
            log(mirror, &to_the_tip(), 50),
            resolve(mirror, "0c79164"),
            read_tree(mirror, into, &commit),
            checkout_index(mirror, into),
            changed(mirror, &commit, &commit),
            log(mirror, &from_to(&commit, &commit), 51),
            list_tree(mirror, &commit),
            list_gitmodules(mirror, &commit),
            compact(mirror),
            ls_remote(&url, &branch),
        ];
        let shown: Vec<String> = all.iter().map(|arguments| after_guards(arguments)).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        version
        init --quiet --bare --template= -- /d/repos/1.git
        --git-dir=/d/repos/1.git fetch --no-tags --no-write-fetch-head --no-recurse-submodules --prune --force --progress -- ssh://git@h:2222/dev/shop.git +refs/heads/feature/x:refs/upaas/tip
        --git-dir=/d/repos/1.git fetch --no-tags --no-write-fetch-head --no-recurse-submodules --prune --force --progress -- ssh://git@h:2222/dev/shop.git +0c79164d00000000000000000000000000000000:refs/upaas/wanted
        --git-dir=/d/repos/1.git fetch --no-tags --no-write-fetch-head --no-recurse-submodules --prune --force --progress -- ssh://git@h:2222/dev/shop.git +refs/heads/*:refs/upaas/heads/*
        --git-dir=/d/repos/1.git rev-parse --verify --end-of-options refs/upaas/tip^{commit}
        --git-dir=/d/repos/1.git cat-file -e 0c79164d00000000000000000000000000000000^{commit}
        --git-dir=/d/repos/1.git rev-list --objects --no-walk --quiet --end-of-options 0c79164d00000000000000000000000000000000 --
        --git-dir=/d/repos/1.git show -z --no-patch --no-notes --format=%H%x00%an%x00%ct%x00%B 0c79164d00000000000000000000000000000000 --
        --git-dir=/d/repos/1.git log -z --no-patch --no-notes --format=%H%x00%<(100,trunc)%an%x00%ct%x00%<(200,trunc)%s --max-count=50 --end-of-options refs/upaas/tip --
        --git-dir=/d/repos/1.git rev-parse --verify --end-of-options 0c79164^{commit}
        --git-dir=/d/repos/1.git -c core.bare=false --work-tree=/d/builds/1-2 read-tree 0c79164d00000000000000000000000000000000
        --git-dir=/d/repos/1.git -c core.bare=false --work-tree=/d/builds/1-2 checkout-index --all --force
        --git-dir=/d/repos/1.git diff-tree -r -z --name-only --no-renames --no-ext-diff --no-textconv --ignore-submodules=none --end-of-options 0c79164d00000000000000000000000000000000 0c79164d00000000000000000000000000000000 --
        --git-dir=/d/repos/1.git log -z --no-patch --no-notes --format=%H%x00%<(100,trunc)%an%x00%ct%x00%<(200,trunc)%s --max-count=51 --end-of-options 0c79164d00000000000000000000000000000000..0c79164d00000000000000000000000000000000 --
        --git-dir=/d/repos/1.git ls-tree -r -z --full-tree --end-of-options 0c79164d00000000000000000000000000000000
        --git-dir=/d/repos/1.git config --blob 0c79164d00000000000000000000000000000000:.gitmodules --no-includes -z --list
        --git-dir=/d/repos/1.git -c gc.auto=500 -c gc.autoPackLimit=10 -c gc.autoDetach=false gc --auto --quiet
        ls-remote --heads -- ssh://git@h:2222/dev/shop.git refs/heads/feature/x
        ");
    }

    #[test]
    fn every_call_allows_ssh_and_https_only_and_runs_no_hooks() {
        let arguments = init(Path::new("/d/x"));
        for guard in ["protocol.allow=never", "protocol.ssh.allow=always", "protocol.https.allow=always", "core.hooksPath=/dev/null"] {
            assert!(arguments.contains(&guard.to_owned()), "{guard}");
        }
    }

    #[test]
    fn a_host_name_can_be_no_option_of_keyscan() {
        assert_eq!(keyscan("h", 22), ["-T", "10", "-p", "22", "-t", "ed25519,ecdsa,rsa", "--", "h"]);
    }
}
