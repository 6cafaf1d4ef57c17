//! What a tree says about its submodules: the commits in the tree itself, their addresses in `.gitmodules`.

use std::collections::HashMap;

use super::{SUBMODULES_MAX, SubmoduleError, Tree};
use crate::{
    domain::commit::CommitId,
    git::{Error, Git, arguments},
};

/// So much of `.gitmodules` is read.
const GITMODULES_MAX_BYTES: usize = 256 * 1024;
const NO_ENTRY: &str = ".gitmodules has no address for it.";
const NOT_WANTED: &str = ".gitmodules says “update = none” about it.";

/// A submodule, as its parent's tree has it.
pub(super) struct Link {
    /// From the root of the parent's tree; what is not UTF-8 is replaced.
    pub(super) path: String,
    pub(super) commit: CommitId,
    /// Its address as it is written, or why it is not to be filled.
    pub(super) address: Result<String, &'static str>,
}

/// A section of `.gitmodules`.
#[derive(Default)]
struct Section {
    /// How many came before it.
    place: usize,
    path: Option<String>,
    url: Option<String>,
    update: Option<String>,
}

impl Git {
    pub(super) async fn links(&self, tree: &Tree) -> Result<Vec<Link>, SubmoduleError> {
        let mut commits = Vec::new();
        let mut has_gitmodules = false;
        let mut look = |record: &[u8]| match entry(record) {
            Some((b"160000", commit, path)) if commits.len() <= SUBMODULES_MAX => commits.push((path.to_owned(), commit.to_owned())),
            Some((mode, _, b".gitmodules")) => has_gitmodules = mode.starts_with(b"100"),
            _ => {}
        };
        self.call(arguments::list_tree(&tree.mirror, &tree.commit)).run_and_list(&mut look).await?;
        if commits.is_empty() {
            return Ok(Vec::new());
        }
        let mut addresses = if has_gitmodules { self.addresses(tree).await? } else { HashMap::new() };
        let links = commits.into_iter().map(|(path, commit)| {
            let path = String::from_utf8_lossy(&path).into_owned();
            let commit = String::from_utf8_lossy(&commit).parse().map_err(|_| Error::Unexpected("ls-tree".to_owned()))?;
            let address = addresses.remove(&path).unwrap_or(Err(NO_ENTRY));
            Ok(Link { path, commit, address })
        });
        Ok(links.collect::<Result<_, Error>>()?)
    }

    /// By path.
    async fn addresses(&self, tree: &Tree) -> Result<HashMap<String, Result<String, &'static str>>, SubmoduleError> {
        let unreadable = |reason: String| SubmoduleError::Unreadable { file: format!("{}.gitmodules", tree.shown), reason };
        let mut bytes = 0;
        let mut sections: HashMap<String, Section> = HashMap::new();
        let mut read = |record: &[u8]| {
            bytes += record.len();
            if bytes <= GITMODULES_MAX_BYTES {
                note(&mut sections, &String::from_utf8_lossy(record));
            }
        };
        match self.call(arguments::list_gitmodules(&tree.mirror, &tree.commit)).run_and_list(&mut read).await {
            Err(Error::Other(said) | Error::Unexpected(said)) => return Err(unreadable(said)),
            read => read?,
        }
        if bytes > GITMODULES_MAX_BYTES {
            return Err(unreadable(format!("it is longer than {} KiB", GITMODULES_MAX_BYTES / 1024)));
        }
        Ok(by_path(sections))
    }
}

/// What is said about each path. Of several sections about one the last one counts, as with git.
fn by_path(sections: HashMap<String, Section>) -> HashMap<String, Result<String, &'static str>> {
    let mut sections: Vec<Section> = sections.into_values().collect();
    sections.sort_by_key(|section| section.place);
    sections.into_iter().filter_map(|section| Some((section.path.clone()?, address(section)))).collect()
}

/// A record of `ls-tree`: mode, object and path. The mode tells the kind.
fn entry(record: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let tab = record.iter().position(|byte| *byte == b'\t')?;
    let mut words = record[..tab].split(|byte| *byte == b' ');
    let (mode, _, object) = (words.next()?, words.next()?, words.next()?);
    Some((mode, object, &record[tab + 1..]))
}

/// Takes a record of `config --list` in: `submodule.<name>.<variable>`, a line feed, the value. The last one counts.
fn note(sections: &mut HashMap<String, Section>, record: &str) {
    let told = record.split_once('\n').and_then(|(key, value)| {
        let (name, variable) = key.strip_prefix("submodule.")?.rsplit_once('.')?;
        Some((name, variable, value.to_owned()))
    });
    let Some((name, variable, value)) = told else { return };
    let place = sections.len();
    let section = sections.entry(name.to_owned()).or_insert_with(|| Section { place, ..Section::default() });
    match variable {
        "path" => section.path = Some(value.trim_end_matches('/').to_owned()),
        "url" => section.url = Some(value),
        "update" => section.update = Some(value),
        _ => {}
    }
}

fn address(section: Section) -> Result<String, &'static str> {
    if section.update.as_deref() == Some("none") { Err(NOT_WANTED) } else { section.url.ok_or(NO_ENTRY) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_have_dots_and_the_last_value_counts() {
        let mut sections = HashMap::new();
        for record in [
            "submodule.a.b.path\nlib/",
            "submodule.a.b.url\nx",
            "submodule.a.b.url\ny",
            "submodule.url\nz",
            "core.bare",
            "submodule.c.path",
        ] {
            note(&mut sections, record);
        }
        assert_eq!(sections.len(), 1);
        let section = sections.remove("a.b").expect("it is there");
        assert_eq!(section.path.as_deref(), Some("lib"));
        assert_eq!(address(section), Ok("y".to_owned()));
        assert_eq!(address(Section { update: Some("none".to_owned()), url: Some("x".to_owned()), ..Section::default() }), Err(NOT_WANTED));
    }

    #[test]
    fn of_sections_about_one_path_the_last_one_counts() {
        let mut sections = HashMap::new();
        for number in 0..100 {
            note(&mut sections, &format!("submodule.{number}.path\nlib"));
            note(&mut sections, &format!("submodule.{number}.url\n{number}"));
        }
        assert_eq!(by_path(sections), HashMap::from([("lib".to_owned(), Ok("99".to_owned()))]));
    }

    #[test]
    fn a_record_of_a_tree_is_taken_apart() {
        assert_eq!(entry(b"160000 commit 0c79\ta\tb c"), Some((&b"160000"[..], &b"0c79"[..], &b"a\tb c"[..])));
        assert_eq!(entry(b"rubbish"), None);
    }
}
