//! The text files of containers. Each container has them written fresh, into a folder that its label names; a folder that no container
//! names goes.

use std::{
    collections::HashSet,
    fs::{DirBuilder, OpenOptions, Permissions, read_dir, remove_dir, remove_dir_all},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use crate::domain::{ids::AppId, secret::Secret};

/// For µPaaS only; the engine mounts the files themselves.
const FOLDER_MODE: u32 = 0o700;
/// Whoever the container runs as may read them, nobody write to them.
const FILE_MODE: u32 = 0o444;

/// The folder with all of them.
#[derive(Clone)]
pub(super) struct ConfigFiles {
    root: PathBuf,
    /// The folders whose containers are being made. Held while a folder is made or an empty one removed.
    making: Arc<Mutex<HashSet<String>>>,
}

/// The files of a container that is being made: while this lives, they are not taken for leftovers.
pub(super) struct Written {
    /// Their folder's name, unique.
    pub(super) folder: String,
    /// Where each of them lies, in the order given.
    pub(super) files: Vec<PathBuf>,
    making: Arc<Mutex<HashSet<String>>>,
}

impl Drop for Written {
    fn drop(&mut self) {
        self.making.lock().expect("no panic while held").remove(&self.folder);
    }
}

impl ConfigFiles {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, making: Arc::default() }
    }

    /// Writes the files of a container of this app.
    pub(super) fn write(&self, app: AppId, contents: &[Secret]) -> io::Result<Written> {
        let folder = uuid::Uuid::new_v4().simple().to_string();
        let path = self.root.join(app.to_string()).join(&folder);
        let mut making = self.making();
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&path)?;
        making.insert(folder.clone());
        drop(making);
        let mut written = Written { folder, files: Vec::with_capacity(contents.len()), making: self.making.clone() };
        for (number, content) in contents.iter().enumerate() {
            let file = path.join(number.to_string());
            write(&file, content)?;
            written.files.push(file);
        }
        Ok(written)
    }

    /// The folders of containers that are made: with each, its name.
    pub(super) fn finished(&self) -> Vec<(String, PathBuf)> {
        let making = self.making();
        let apps = folders(&self.root);
        apps.iter().flat_map(|(_, app)| folders(app)).filter(|(name, _)| !making.contains(name)).collect()
    }

    /// Removes a folder of a container that is gone, and that of its app when it was the last one.
    pub(super) fn remove(&self, folder: &Path) -> io::Result<()> {
        match remove_dir_all(folder) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
            _ => {}
        }
        let _making = self.making();
        // It fails as long as the app has other ones.
        let _ = folder.parent().map(remove_dir);
        Ok(())
    }

    fn making(&self) -> MutexGuard<'_, HashSet<String>> {
        self.making.lock().expect("no panic while held")
    }
}

fn write(path: &Path, content: &Secret) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content.reveal().as_bytes())?;
    // Apart from the creation, so that the process's umask takes nothing from it.
    file.set_permissions(Permissions::from_mode(FILE_MODE))
}

/// The folders in a folder, with their names; links are none.
fn folders(path: &Path) -> Vec<(String, PathBuf)> {
    let entries = read_dir(path).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_leftovers_once_nobody_makes_their_container() {
        let root = tempfile::tempdir().expect("a folder");
        let files = ConfigFiles::new(root.path().join("files"));
        let written = files.write(AppId::new(), &[Secret::new("one"), Secret::new("two")]).expect("written");
        let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o7777;
        let folder = written.files[1].parent().expect("a folder").to_owned();
        assert_eq!(std::fs::read_to_string(&written.files[1]).expect("there"), "two");
        assert_eq!((mode(&folder), mode(&written.files[1])), (FOLDER_MODE, FILE_MODE));
        assert_eq!(files.finished(), []);
        let name = written.folder.clone();
        drop(written);
        assert_eq!(files.finished(), [(name, folder.clone())]);
        files.remove(&folder).expect("removed");
        assert_eq!(folders(&root.path().join("files")), [], "the app's folder went with its last container");
    }
}
