//! The walk through the data directory.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs::{Metadata, read_dir},
    os::unix::fs::MetadataExt,
};

use tokio_util::sync::CancellationToken;

use super::Folder;
use crate::{
    deploy::files::Files,
    domain::{disk::Part, ids::AppId},
};

/// The size of the blocks in which files are counted, whatever the file system.
const BLOCK_BYTES: u64 = 512;

/// The length of an app's id, with which the names of all its files and folders begin.
const ID_BYTES: usize = 36;

/// What each part of the data directory takes, and each app in it; none when `stop` is cancelled meanwhile. Links are not followed, a file with several
/// names counts once, and what goes away meanwhile does not count.
pub(super) fn used(files: &Files, stop: &CancellationToken) -> Option<Folder> {
    let parts = Part::ALL.iter().filter(|part| **part != Part::Images);
    let mut used = Folder { parts: parts.map(|part| (*part, 0)).collect(), ..Folder::default() };
    let mut seen = HashSet::new();
    let mut folders = vec![(None, None, files.root().to_owned())];
    while let Some((part, owner, folder)) = folders.pop() {
        for entry in read_dir(folder).into_iter().flatten().flatten() {
            if stop.is_cancelled() {
                return None;
            }
            let Ok(metadata) = entry.metadata() else { continue };
            let bytes = bytes(&metadata, &mut seen);
            // In the folder of a part stands what belongs to apps, each under its id.
            let (part, owner) = match part {
                None => (files.part_of(&entry.file_name()), None),
                Some(part) => (part, owner.or_else(|| is_of_apps(part).then(|| app(&entry.file_name())))),
            };
            *used.parts.entry(part).or_default() += bytes;
            if let Some(owner) = owner {
                *used.apps.entry(owner).or_default().entry(part).or_default() += bytes;
            }
            if metadata.is_dir() {
                folders.push((Some(part), owner, entry.path()));
            }
        }
    }
    Some(used)
}

/// Whether everything in the part belongs to some app.
fn is_of_apps(part: Part) -> bool {
    matches!(part, Part::Journals | Part::Mirrors | Part::Builds | Part::Volumes | Part::ConfigFiles)
}

/// The app whose id a name begins with.
fn app(name: &OsStr) -> Option<AppId> {
    name.to_str()?.get(..ID_BYTES)?.parse().ok()
}

fn bytes(metadata: &Metadata, seen: &mut HashSet<(u64, u64)>) -> u64 {
    let is_new = metadata.is_dir() || metadata.nlink() < 2 || seen.insert((metadata.dev(), metadata.ino()));
    if is_new { metadata.blocks() * BLOCK_BYTES } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn each_part_counts_what_lies_in_it_once() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |name: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("created");
            fs::write(path, vec![1; 100_000]).expect("written");
        };
        for name in [
            "upaas.db",
            "upaas.db-wal",
            "logs/a/1.journal",
            "repos/a.git/objects/pack/p",
            "volumes/a/uploads/1",
            "files/a/1/0",
            "session.key",
        ] {
            write(name);
        }
        let pack = root.path().join("repos/a.git/objects/pack/p");
        fs::hard_link(&pack, root.path().join("repos/a.git/again")).expect("linked");
        std::os::unix::fs::symlink("/usr", root.path().join("repos/usr")).expect("linked");
        let of_an_app = AppId::new();
        write(&format!("repos/{of_an_app}.sub/1/pack"));
        write(&format!("logs/{of_an_app}/1.journal"));
        let Folder { parts: used, apps } = used(&Files::new(root.path()), &CancellationToken::new()).expect("not stopped");
        let of = |app, part| apps[&app][&part] / 100_000;
        assert_eq!((of(Some(of_an_app), Part::Mirrors), of(Some(of_an_app), Part::Journals)), (1, 1));
        assert_eq!((of(None, Part::Mirrors), of(None, Part::Journals), of(None, Part::Volumes)), (1, 1, 1), "under no app's name");
        let about = |part: Part, files: u64| {
            let bytes = used[&part];
            assert!((files * 100_000..files * 100_000 + 50_000).contains(&bytes), "{part}: {bytes}");
        };
        about(Part::Database, 2);
        about(Part::Journals, 2);
        about(Part::Mirrors, 2);
        about(Part::Volumes, 1);
        about(Part::ConfigFiles, 1);
        about(Part::Other, 1);
        assert_eq!((used[&Part::Audit], used[&Part::Builds], used.get(&Part::Images)), (0, 0, None));
    }

    #[test]
    fn it_ends_when_it_is_told_to() {
        let root = tempfile::tempdir().expect("a folder");
        fs::write(root.path().join("upaas.db"), "").expect("written");
        let stop = CancellationToken::new();
        stop.cancel();
        assert!(used(&Files::new(root.path()), &stop).is_none());
    }
}
