//! What a killed git leaves in a mirror, and what would otherwise be in the next one's way for ever.
//!
//! Who writes to a mirror lets nobody else do so meanwhile, so between its calls no lock can be somebody's.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use uuid::Uuid;

/// In it stands the address of the repository that a mirror is of.
const MIRRORED: &str = "upaas-repository";

/// In it stands the branch that its tip is of.
const BRANCH: &str = "upaas-branch";

/// Removes a mirror unless it is of the repository at this address, and notes the address. One of which it was never noted is believed.
pub(super) fn make_way_for(mirror: &Path, url: &str, scratch: &Path) -> io::Result<()> {
    let note = mirror.join(MIRRORED);
    match fs::read_to_string(&note) {
        Ok(noted) if noted == url => return Ok(()),
        Ok(_) => remove(mirror, scratch)?,
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        Err(err) => return Err(err),
    }
    fs::create_dir_all(mirror)?;
    fs::write(note, url)
}

/// Removes a mirror, by way of a folder that is emptied at each start: whatever comes in between, nobody finds half of it in its place.
fn remove(mirror: &Path, scratch: &Path) -> io::Result<()> {
    let aside = scratch.join(Uuid::new_v4().to_string());
    match fs::rename(mirror, &aside) {
        // Mirrors may lie on a disk of their own.
        Err(err) if err.kind() == io::ErrorKind::CrossesDevices => fs::remove_dir_all(mirror),
        renamed => renamed.and_then(|()| fs::remove_dir_all(aside)),
    }
}

/// Removes the mirrors in a folder but for these.
pub(super) fn remove_others(mirrors: &Path, used: &HashSet<PathBuf>, scratch: &Path) -> io::Result<()> {
    for mirror in in_folder(mirrors)?.iter().filter(|mirror| !used.contains(*mirror)) {
        remove(mirror, scratch)?;
    }
    Ok(())
}

/// Those of this mirror and of the folder of submodules' mirrors that are there.
pub(super) fn all(mirror: &Path, submodules: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::from_iter(mirror.exists().then(|| mirror.to_owned()));
    found.extend(in_folder(submodules)?);
    Ok(found)
}

/// Those in a folder; none when it is not there.
fn in_folder(mirrors: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(mirrors) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(err) => Err(err),
    }
}

/// Notes of which branch the tip is that was fetched.
pub(super) fn note_branch(mirror: &Path, branch: &str) -> io::Result<()> {
    fs::write(mirror.join(BRANCH), branch)
}

/// Whether the mirror's tip is of this branch of this repository. What was never noted is believed.
pub(super) fn is_of(mirror: &Path, url: &str, branch: &str) -> bool {
    is_of_repository(mirror, url) && says(mirror, BRANCH, branch)
}

/// Whether the mirror is of this repository. What was never noted is believed.
pub(super) fn is_of_repository(mirror: &Path, url: &str) -> bool {
    mirror.is_dir() && says(mirror, MIRRORED, url)
}

fn says(mirror: &Path, note: &str, wanted: &str) -> bool {
    fs::read_to_string(mirror.join(note)).map_or(true, |noted| noted == wanted)
}

/// Removes lock files and half-written packs.
pub(super) fn remove_leftovers(mirror: &Path) -> io::Result<()> {
    for entry in fs::read_dir(mirror)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            remove_leftovers(&entry.path())?;
        } else if name.ends_with(".lock") || name.starts_with("tmp_") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_of_another_repository_makes_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let mirror = folder.path().join("a.git");
        let (object, scratch) = (mirror.join("objects"), folder.path().join("scratch"));
        fs::create_dir(&scratch).expect("a folder");
        make_way_for(&mirror, "ssh://a", &scratch).expect("made");
        fs::write(&object, "").expect("a file");
        make_way_for(&mirror, "ssh://a", &scratch).expect("kept");
        assert!(object.exists());
        make_way_for(&mirror, "ssh://b", &scratch).expect("made anew");
        assert!(!object.exists());
        assert_eq!(fs::read_dir(&scratch).expect("a folder").count(), 0);
    }

    #[test]
    fn a_mirror_that_cannot_be_removed_as_a_whole_is_removed_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let mirror = folder.path().join("a.git");
        make_way_for(&mirror, "ssh://a", folder.path()).expect("made");
        let nowhere = folder.path().join("nowhere");
        assert!(make_way_for(&mirror, "ssh://b", &nowhere).is_err());
        assert!(is_of_repository(&mirror, "ssh://a"), "it is whole, and still says of what it is");
    }

    #[test]
    fn locks_and_half_packs_go_and_everything_else_stays() {
        let mirror = tempfile::tempdir().expect("a folder");
        let at = |name: &str| mirror.path().join(name);
        for folder in ["refs/upaas", "objects/pack", "objects/ab"] {
            fs::create_dir_all(at(folder)).expect("a folder");
        }
        let kept = ["HEAD", "refs/upaas/tip", "objects/pack/pack-1.pack", "objects/ab/cd"];
        let gone = ["refs/upaas/tip.lock", "packed-refs.lock", "objects/pack/tmp_pack_x", "objects/ab/tmp_obj_x"];
        for name in kept.iter().chain(&gone) {
            fs::write(at(name), "").expect("a file");
        }
        remove_leftovers(mirror.path()).expect("tidied");
        assert!(kept.iter().all(|name| at(name).exists()));
        assert!(!gone.iter().any(|name| at(name).exists()));
    }
}
