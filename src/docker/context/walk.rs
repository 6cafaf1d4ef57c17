//! Which entries of the context are sent, and in which order: names sorted by their bytes, a directory before its
//! content. The same tree gives the same tar.
//!
//! Why a stack and no recursion: a tree may be as deep as its author likes, the thread's stack may not.

use super::archive::{Archive, changed};
use super::{Context, ContextError, DockerfileSource, IGNORE_FILE, Summary};
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub(super) fn send(context: &Context, out: impl Write, limit_bytes: u64) -> Result<Summary, ContextError> {
    let mut walk = Walk { context, archive: Archive::new(out, limit_bytes), files: 0, unsent: Vec::new() };
    let mut ahead = walk.children(Path::new(""))?;
    while let Some(path) = ahead.pop() {
        if walk.visit(&path)? {
            ahead.extend(walk.children(&path)?);
        }
    }
    if let DockerfileSource::Carried { name, path } = &context.dockerfile {
        let file = File::open(path).map_err(|err| named(Path::new("the Dockerfile"), &err))?;
        walk.archive.add_file(name.as_bytes(), file)?;
        walk.files += 1;
    }
    Ok(Summary { files: walk.files, bytes: walk.archive.finish()? })
}

struct Walk<'a, W: Write> {
    context: &'a Context,
    archive: Archive<W>,
    files: u64,
    /// Ignored directories around the current path; sent as soon as something in them is, for their modes.
    unsent: Vec<(PathBuf, Metadata)>,
}

impl<W: Write> Walk<'_, W> {
    /// Sends what is at `path`, unless it is ignored. Says whether there is something to look at below.
    fn visit(&mut self, path: &Path) -> Result<bool, ContextError> {
        let meta = fs::symlink_metadata(self.on_disk(path)).map_err(|err| named(path, &err))?;
        self.unsent.retain(|(dir, _)| path.starts_with(dir));
        if self.is_ignored(path) {
            let enter = meta.is_dir() && self.holds_more(path);
            if enter {
                self.unsent.push((path.to_owned(), meta));
            }
            return Ok(enter);
        }
        let name = path.as_os_str().as_bytes();
        if meta.is_dir() {
            self.send_unsent()?;
            self.archive.add_directory(name, &meta)?;
        } else if meta.is_symlink() {
            let target = fs::read_link(self.on_disk(path)).map_err(|err| named(path, &err))?;
            self.send_unsent()?;
            self.archive.add_link(name, target.as_os_str().as_bytes(), &meta)?;
            self.files += 1;
        } else if meta.is_file() {
            let file = self.open(path, &meta)?;
            self.send_unsent()?;
            self.archive.add_file(name, file)?;
            self.files += 1;
        }
        Ok(meta.is_dir())
    }

    fn send_unsent(&mut self) -> Result<(), ContextError> {
        for (dir, meta) in self.unsent.drain(..) {
            self.archive.add_directory(dir.as_os_str().as_bytes(), &meta)?;
        }
        Ok(())
    }

    /// Opens the file that `seen` is about, and nothing that took its place.
    fn open(&self, path: &Path, seen: &Metadata) -> Result<File, ContextError> {
        let file = File::open(self.on_disk(path)).map_err(|err| named(path, &err))?;
        let meta = file.metadata()?;
        match (meta.dev(), meta.ino()) == (seen.dev(), seen.ino()) {
            true => Ok(file),
            false => Err(changed(path.as_os_str().as_bytes()).into()),
        }
    }

    /// What is in a directory, last name first: the paths are taken from the end.
    fn children(&self, dir: &Path) -> Result<Vec<PathBuf>, ContextError> {
        let entries = fs::read_dir(self.on_disk(dir)).map_err(|err| named(dir, &err))?;
        let names = entries.map(|entry| Ok(dir.join(entry.map_err(|err| named(dir, &err))?.file_name())));
        let mut paths = names.collect::<Result<Vec<_>, ContextError>>()?;
        paths.sort_unstable_by(|a, b| b.as_os_str().cmp(a.as_os_str()));
        Ok(paths)
    }

    fn is_ignored(&self, path: &Path) -> bool {
        let kept = self.kept().any(|kept| kept == path);
        !kept && self.context.ignore.is_ignored(&path.to_string_lossy())
    }

    /// Whether an ignored directory may hold something that is sent.
    fn holds_more(&self, dir: &Path) -> bool {
        self.kept().any(|kept| kept.starts_with(dir)) || self.context.ignore.may_contain_exceptions(&dir.to_string_lossy())
    }

    /// What the engine needs, whatever the ignore file says.
    fn kept(&self) -> impl Iterator<Item = &Path> {
        let dockerfile = match &self.context.dockerfile {
            DockerfileSource::InPlace(name) => Some(name.as_str()),
            DockerfileSource::Carried { .. } => None,
        };
        [Some(IGNORE_FILE), dockerfile].into_iter().flatten().map(Path::new)
    }

    fn on_disk(&self, path: &Path) -> PathBuf {
        self.context.root.join(path)
    }
}

/// The error with the file's name; the system's own text has none.
fn named(path: &Path, err: &io::Error) -> ContextError {
    io::Error::new(err.kind(), format!("`{}` could not be read: {err}", super::shown(path))).into()
}
