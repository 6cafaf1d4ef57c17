//! The folder of a deleted app's volumes. Whatever somebody has mounted below it is not the app's: it is neither emptied nor unmounted.

use std::{ffi::CString, os::unix::ffi::OsStrExt, path::Path};

use rustix::{
    fd::BorrowedFd,
    fs::{AtFlags, Dir, Mode, OFlags, ResolveFlags, open, openat2, unlinkat},
    io::{self, Errno},
};
use tokio_util::sync::CancellationToken;

/// Folders lie no deeper in each other: each one on the way holds a file descriptor.
const DEPTH_MAX: usize = 256;

/// Removes a folder with what is in it, and goes on past what cannot be removed, until `stop` is cancelled. Why something is left, in words.
pub(super) fn remove(folder: &Path, stop: &CancellationToken) -> Result<(), String> {
    let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else { return Err("it is no folder".to_owned()) };
    let name = CString::new(name.as_bytes()).expect("a path has no zero byte");
    let removed = match open(parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(parent) => remove_in(rustix::fd::AsFd::as_fd(&parent), &name, 0, stop),
        Err(Errno::NOENT) => Ok(()),
        Err(err) => Err(err),
    };
    removed.map_err(|err| match err {
        Errno::XDEV | Errno::BUSY => "something is mounted there, which was not touched".to_owned(),
        Errno::CANCELED => "µPaaS was stopped".to_owned(),
        Errno::NAMETOOLONG => format!("its folders lie more than {DEPTH_MAX} deep"),
        err => std::io::Error::from(err).to_string(),
    })
}

fn remove_in(parent: BorrowedFd<'_>, name: &CString, depth: usize, stop: &CancellationToken) -> io::Result<()> {
    if stop.is_cancelled() {
        return Err(Errno::CANCELED);
    }
    match unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => {}
        Err(Errno::NOENT) => return Ok(()),
        removed => return removed,
    }
    if depth == DEPTH_MAX {
        return Err(Errno::NAMETOOLONG);
    }
    // The engine's bind mounts may be of the same device: only the kernel knows where a mount begins.
    let here_only = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let emptied = empty(Dir::new(openat2(parent, name, flags, Mode::empty(), here_only)?)?, depth + 1, stop);
    let removed = unlinkat(parent, name, AtFlags::REMOVEDIR);
    // Why it is not empty says more than that it is not.
    emptied.and(removed)
}

/// The first thing that cannot be removed says why.
fn empty(mut folder: Dir, depth: usize, stop: &CancellationToken) -> io::Result<()> {
    let mut first = Ok(());
    while let Some(entry) = folder.read() {
        let name = entry?.file_name().to_owned();
        if ![c".", c".."].contains(&&*name) {
            first = first.and(remove_in(folder.fd()?, &name, depth, stop));
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_all_that_is_in_it_and_links_lead_nowhere() {
        let place = tempfile::tempdir().expect("a folder");
        let (kept, folder) = (place.path().join("kept"), place.path().join("volumes"));
        std::fs::create_dir_all(folder.join("a/b")).expect("made");
        std::fs::create_dir(&kept).expect("made");
        std::fs::write(kept.join("file"), "text").expect("written");
        std::fs::write(folder.join("a/b/file"), "text").expect("written");
        std::os::unix::fs::symlink(&kept, folder.join("a/link")).expect("linked");
        let stop = CancellationToken::new();
        assert_eq!(remove(&folder, &stop), Ok(()));
        assert!(!folder.exists() && kept.join("file").exists());
        assert_eq!(remove(&folder, &stop), Ok(()), "what is gone is fine");
        assert_eq!(remove(&folder.join("below"), &stop), Ok(()));
    }

    #[test]
    fn what_lies_too_deep_is_left_and_the_rest_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut deep = folder.path().join("volumes");
        std::fs::create_dir_all(deep.join("beside")).expect("made");
        for _ in 0..=DEPTH_MAX {
            deep.push("d");
        }
        std::fs::create_dir_all(&deep).expect("made");
        let said = remove(&folder.path().join("volumes"), &CancellationToken::new()).expect_err("too deep");
        assert!(said.contains("256 deep"), "{said}");
        assert!(!folder.path().join("volumes/beside").exists());
    }

    #[test]
    fn a_stop_leaves_the_rest_for_another_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let volumes = folder.path().join("volumes");
        std::fs::create_dir_all(volumes.join("a")).expect("made");
        let stop = CancellationToken::new();
        stop.cancel();
        remove(&volumes, &stop).expect_err("it is stopped");
        assert!(volumes.join("a").exists());
        assert_eq!(remove(&volumes, &CancellationToken::new()), Ok(()));
    }
}
