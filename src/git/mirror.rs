//! What a killed git leaves in a mirror, and what would otherwise be in the next one's way for ever.
//!
//! Only the app's one worker writes to a mirror, so between its calls no lock can be somebody's.

use std::{fs, io, path::Path};

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
