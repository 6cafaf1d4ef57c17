//! Submodules: each at the exact commit that the tree names, in its folder of a checkout, and the submodules of those.
//!
//! Not by `git submodule`: that is a shell script's worth of configuration, and it wants a repository in the checkout. A tree is
//! material from whoever can push: addresses go through [`RepoUrl`], paths are walked without following links, names are not used.

mod list;
mod place;

use std::{
    collections::{HashSet, VecDeque},
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{Access, Error, Git, Turn, Want, at_mirror, mirror};
use crate::domain::{
    Invalid,
    commit::CommitId,
    connection::{HostKey, KnownHost},
    is_hidden,
    repo_url::RepoUrl,
    secret::Secret,
};
use list::Link;

/// So many submodules a commit may have, with those of its submodules.
pub const SUBMODULES_MAX: usize = 50;
/// So deep submodules may lie in each other.
pub const SUBMODULES_MAX_DEPTH: usize = 5;

/// What filling submodules needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Submodules<'a> {
    /// The mirror of the repository whose submodules they are.
    pub mirror: &'a Path,
    /// Its address: relative ones are relative to it.
    pub url: &'a RepoUrl,
    /// The deploy key, which the other repositories must know, too.
    pub key: &'a Secret,
    /// The servers that may be asked over SSH.
    pub known: &'a [KnownHost],
    /// The folder of the submodules' own mirrors.
    pub mirrors: &'a Path,
    /// The right to write to these.
    pub turn: &'a Turn,
}

/// What is said while submodules are filled.
#[derive(Debug)]
pub enum Said<'a> {
    /// git's own words.
    Git(&'a str),
    /// What is being done, or left undone.
    Remark(String),
}

/// Why a commit's submodules could not be filled. Paths are from the root of the checkout and can be shown.
#[derive(Debug, thiserror::Error)]
pub enum SubmoduleError {
    /// The file `.gitmodules` cannot be understood.
    #[error("the file {file} cannot be read: {reason}")]
    Unreadable {
        /// Which one.
        file: String,
        /// Why.
        reason: String,
    },
    /// A submodule's address is none that may be used.
    #[error("the submodule {path} has the address {url}: {reason}")]
    Address {
        /// The submodule.
        path: String,
        /// The address, as it is written.
        url: String,
        /// What is wrong with it.
        reason: Invalid,
    },
    /// A submodule's path is none that may be written to.
    #[error("the submodule {path} cannot be put into its place: {reason}")]
    Place {
        /// The submodule.
        path: String,
        /// What is in the way.
        reason: &'static str,
    },
    /// A submodule could not be fetched.
    #[error("the submodule {path} could not be fetched from {url}")]
    Fetch {
        /// The submodule.
        path: String,
        /// From where.
        url: RepoUrl,
        /// The commit that the tree names.
        commit: CommitId,
        /// Why.
        source: Error,
    },
    /// There are more than [`SUBMODULES_MAX`].
    #[error("too many submodules")]
    TooMany,
    /// They lie deeper in each other than [`SUBMODULES_MAX_DEPTH`].
    #[error("the submodule {path} lies too deep")]
    TooDeep {
        /// The submodule that is too deep.
        path: String,
    },
    /// What should have worked by itself did not.
    #[error("git failed at submodules")]
    Git(#[from] Error),
}

impl From<io::Error> for SubmoduleError {
    fn from(err: io::Error) -> Self {
        Self::Git(err.into())
    }
}

/// A tree in the checkout whose submodules are wanted.
struct Tree {
    mirror: PathBuf,
    url: RepoUrl,
    commit: CommitId,
    /// Where it lies.
    folder: PathBuf,
    /// The same for people: empty, or `lib/`.
    shown: String,
    depth: usize,
}

impl Git {
    /// Fetches the submodules of a commit that was exported to `checkout`, and writes their files there. Mirrors of submodules that are no
    /// longer used go. One that `.gitmodules` says nothing about stays an empty folder, as with git.
    pub async fn fill_submodules(
        &self,
        of: &Submodules<'_>,
        commit: &CommitId,
        checkout: &Path,
        say: &mut (dyn FnMut(Said<'_>) + Send),
    ) -> Result<(), SubmoduleError> {
        let index = checkout.with_extension("index");
        let root = Tree {
            mirror: of.mirror.to_owned(),
            url: of.url.clone(),
            commit: commit.clone(),
            folder: checkout.to_owned(),
            shown: String::new(),
            depth: 0,
        };
        let mut waiting = VecDeque::from([root]);
        let mut used = HashSet::new();
        let mut count = 0;
        while let Some(tree) = waiting.pop_front() {
            let links = self.links(&tree).await?;
            count += links.len();
            if count > SUBMODULES_MAX {
                return Err(SubmoduleError::TooMany);
            }
            for link in links {
                if let Some(filled) = self.fill(of, &tree, link, &index, say).await? {
                    used.insert(filled.mirror.clone());
                    waiting.push_back(filled);
                }
            }
        }
        let (mirrors, scratch) = (of.mirrors.to_owned(), self.scratch.clone());
        Ok(at_mirror(of.turn, move || mirror::remove_others(&mirrors, &used, &scratch)).await?)
    }

    async fn fill(
        &self,
        of: &Submodules<'_>,
        parent: &Tree,
        link: Link,
        index: &Path,
        say: &mut (dyn FnMut(Said<'_>) + Send),
    ) -> Result<Option<Tree>, SubmoduleError> {
        let path = format!("{}{}", parent.shown, printable(&link.path));
        let address = match link.address {
            Ok(address) => address,
            Err(reason) => {
                say(Said::Remark(format!("The folder of the submodule “{path}” stays empty: {reason}")));
                return Ok(None);
            }
        };
        if parent.depth == SUBMODULES_MAX_DEPTH {
            return Err(SubmoduleError::TooDeep { path });
        }
        let url = resolve(&parent.url, &address).map_err(|reason| SubmoduleError::Address {
            path: path.clone(),
            url: printable(&address),
            reason,
        })?;
        let folder = match place::prepare(&parent.folder, &link.path).await? {
            Ok(folder) => folder,
            Err(reason) => return Err(SubmoduleError::Place { path, reason }),
        };
        say(Said::Remark(format!("Fetching {} of the submodule “{path}” from {url}", link.commit.short())));
        let mirror = of.mirrors.join(mirror_name(&url));
        let access = Access { host_key: known_key(of.known, &url), key: of.key.clone(), url };
        let mut say_line = |line: &str| say(Said::Git(line));
        if let Err(source) = self.fetch(&mirror, &access, &Want::Commit(link.commit.clone()), of.turn, &mut say_line).await {
            return Err(SubmoduleError::Fetch { path, url: access.url, commit: link.commit, source });
        }
        self.write_files(&mirror, &link.commit, &folder, index).await?;
        let shown = format!("{path}/");
        Ok(Some(Tree { mirror, url: access.url, commit: link.commit, folder, shown, depth: parent.depth + 1 }))
    }
}

/// What an address in `.gitmodules` means: git takes it for relative only with a dot in front.
fn resolve(parent: &RepoUrl, address: &str) -> Result<RepoUrl, Invalid> {
    if address.starts_with("./") || address.starts_with("../") { parent.beside(address) } else { address.parse() }
}

fn known_key(known: &[KnownHost], url: &RepoUrl) -> Option<HostKey> {
    known.iter().find(|it| it.host == url.host() && it.port == url.port()).map(|it| it.key.clone())
}

fn mirror_name(url: &RepoUrl) -> String {
    let digest = Sha256::digest(url.as_str());
    let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{name}.git")
}

/// A text out of a tree, for people: what nobody sees is shown as its code.
fn printable(text: &str) -> String {
    const MAX_CHARS: usize = 300;
    let shown = |c: char| if is_hidden(c) { c.escape_unicode().to_string() } else { c.to_string() };
    text.chars().take(MAX_CHARS).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_an_app_may_have_are_used() {
        let parent: RepoUrl = "ssh://git@h:2222/dev/shop.git".parse().expect("valid");
        for good in ["../lib.git", "./lib.git", "ssh://git@h/x.git", "git@h:x.git", "https://h/x.git"] {
            assert!(resolve(&parent, good).is_ok(), "{good}");
        }
        for bad in [
            "lib.git",
            "/srv/lib.git",
            "file:///srv/lib.git",
            "http://h/x",
            "git://h/x",
            "ext::sh -c x",
            "-u",
            "--upload-pack=x",
            "..",
            "../../../x",
            "",
        ] {
            assert!(resolve(&parent, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_address_has_its_mirror_and_what_nobody_sees_is_shown() {
        let name = |url: &str| mirror_name(&url.parse().expect("valid"));
        assert_eq!(name("git@h:x.git"), name("git@h:x.git"));
        assert_ne!(name("git@h:x.git"), name("git@h:y.git"));
        assert_eq!(printable("a\nb\u{202e}ä"), "a\\u{a}b\\u{202e}ä");
    }
}
