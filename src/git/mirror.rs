//! What a killed git leaves in a mirror, and what would otherwise be in the next one's way for ever.
//!
//! Who writes to a mirror lets nobody else do so meanwhile, so between its calls no lock can be somebody's.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// In it stands the address of the repository that a mirror is of.
const MIRRORED: &str = "upaas-repository";

/// In it stands the branch that its tip is of.
const BRANCH: &str = "upaas-branch";

/// Removes a mirror unless it is of the repository at this address, and notes the address. One of which it was never noted is believed.
pub(super) fn make_way_for(mirror: &Path, url: &str) -> io::Result<()> {
    let note = mirror.join(MIRRORED);
    match fs::read_to_string(&note) {
        Ok(noted) if noted == url => return Ok(()),
        Ok(_) => fs::remove_dir_all(mirror)?,
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        Err(err) => return Err(err),
    }
    fs::create_dir_all(mirror)?;
    fs::write(note, url)
}

/// Those of this mirror and of the folder of submodules' mirrors that are there.
pub(super) fn all(mirror: &Path, submodules: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::from_iter(mirror.exists().then(|| mirror.to_owned()));
    match fs::read_dir(submodules) {
        Ok(entries) => {
            for entry in entries {
                found.push(entry?.path());
            }
        }
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        Err(err) => return Err(err),
    }
    Ok(found)
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
        let object = mirror.join("objects");
        make_way_for(&mirror, "ssh://a").expect("made");
        fs::write(&object, "").expect("a file");
        make_way_for(&mirror, "ssh://a").expect("kept");
        assert!(object.exists());
        make_way_for(&mirror, "ssh://b").expect("made anew");
        assert!(!object.exists());
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
