//! Where a submodule's files go: inside the checkout, whatever the tree holds.

use std::{
    io,
    path::{Path, PathBuf},
};

use tokio::fs;

/// The submodule's empty folder, made if need be: every folder on the way is a real one. Otherwise what is in the way.
pub(super) async fn prepare(root: &Path, path: &str) -> io::Result<Result<PathBuf, &'static str>> {
    if path.contains(char::REPLACEMENT_CHARACTER) {
        return Ok(Err("its path is not UTF-8."));
    }
    let mut folder = root.to_owned();
    for part in path.split('/') {
        if matches!(part, "" | "." | "..") || part.eq_ignore_ascii_case(".git") {
            return Ok(Err("its path leads out of the checkout."));
        }
        folder.push(part);
        match fs::symlink_metadata(&folder).await {
            Ok(there) if there.is_dir() => {}
            Ok(_) => return Ok(Err("on its path there is a file or a link instead of a folder.")),
            Err(err) if err.kind() == io::ErrorKind::NotFound => fs::create_dir(&folder).await?,
            Err(err) => return Err(err),
        }
    }
    let is_empty = fs::read_dir(&folder).await?.next_entry().await?.is_none();
    Ok(if is_empty { Ok(folder) } else { Err("its folder is not empty.") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_is_inside_reached_without_links_and_empty() {
        let outside = tempfile::tempdir().expect("a folder");
        let checkout = tempfile::tempdir().expect("a folder");
        let root = checkout.path();
        std::os::unix::fs::symlink(outside.path(), root.join("link")).expect("a link");
        std::fs::create_dir(root.join("full")).expect("a folder");
        std::fs::write(root.join("full/file"), "").expect("a file");
        for bad in [
            "",
            "..",
            "a/../..",
            "/etc",
            "./a",
            "a//b",
            "link",
            "link/a",
            "full",
            "full/file",
            "full/file/a",
            ".git",
            ".GIT/modules",
            "\u{fffd}",
        ] {
            assert!(prepare(root, bad).await.expect("looked").is_err(), "{bad}");
        }
        assert_eq!(std::fs::read_dir(outside.path()).expect("a folder").count(), 0);
        for good in ["a/b", "a/c", "full/x"] {
            let folder = prepare(root, good).await.expect("looked").expect("a place");
            assert!(folder.is_dir() && folder == root.join(good), "{good}");
        }
    }
}
