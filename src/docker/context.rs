//! The build context: a folder of a checkout, as the tar that the engine's build call takes.
//!
//! A checkout is a stranger's tree. Two paths of it are the app's settings (context folder and Dockerfile), and a link
//! in the tree must not lead them to files of this host; so both are resolved here, once, before anything is read. Links
//! inside the context are sent as links and mean nothing until the engine unpacks them. Knows no engine: the tar goes
//! into any `Write`, blocking, one buffer at a time.

mod archive;
mod error;
mod walk;

pub use error::ContextError;

use super::ignore::{self, Ignore};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

/// The largest tar that is sent to an engine, in bytes: 64 GiB. Each app has a limit of its own beneath it.
pub const CONTEXT_MAX_BYTES: u64 = 64 << 30;

/// The largest ignore file that is read, in bytes; its patterns become regexes that take far more memory than its text.
const IGNORE_FILE_MAX_BYTES: u64 = 64 << 10;

const IGNORE_FILE: &str = ".dockerignore";

/// The name of a Dockerfile that the context does not contain; numbered if a file of the tree is called so.
const CARRIED_NAME: &str = ".upaas-dockerfile";

/// What one build is made from. Nothing has been read yet but the ignore file.
#[derive(Debug, Clone)]
pub struct Context {
    /// Canonical.
    root: PathBuf,
    dockerfile: DockerfileSource,
    ignore: Ignore,
}

#[derive(Debug, Clone)]
enum DockerfileSource {
    /// Inside of the context: its path there.
    InPlace(String),
    /// Outside, or a link: sent as one more file called `name`. `path` is canonical.
    Carried { name: String, path: PathBuf },
}

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Files and links, without directories.
    pub files: u64,
    /// Size of the whole tar.
    pub bytes: u64,
}

impl Context {
    /// Resolves both paths, which are relative to `checkout` (empty or `.` is the checkout itself), and reads the ignore
    /// file: `<Dockerfile>.dockerignore` beside the Dockerfile, else `.dockerignore` in the context (BuildKit's rule,
    /// <https://docs.docker.com/build/concepts/context/#filename-and-location>).
    ///
    /// # Errors
    /// Every error but [`ContextError::Io`] is the repository's or the settings' fault.
    pub fn open(checkout: &Path, context_path: &str, dockerfile_path: &str) -> Result<Self, ContextError> {
        let checkout = Checkout { root: checkout.canonicalize()? };
        let folder = checkout.inside(context_path)?;
        let root = checkout.locate(&folder)?.ok_or_else(|| ContextError::ContextMissing { path: shown(&folder) })?;
        if !root.is_dir() {
            return Err(ContextError::NotADirectory { path: shown(&folder) });
        }
        let file = checkout.inside(dockerfile_path)?;
        let Some(found) = checkout.locate(&file)? else {
            let elsewhere = checkout.look_below(&folder, &file);
            return Err(ContextError::DockerfileMissing { path: shown(&file), elsewhere });
        };
        if !found.is_file() {
            return Err(ContextError::NotAFile { path: shown(&file) });
        }
        let is_link = checkout.root.join(&file).is_symlink();
        let dockerfile = match found.strip_prefix(&root).ok().and_then(Path::to_str) {
            Some(name) if !is_link => DockerfileSource::InPlace(name.to_owned()),
            _ => DockerfileSource::Carried { name: free_name(&root), path: found },
        };
        let ignore = checkout.ignore(&folder, &file)?;
        Ok(Self { root, dockerfile, ignore })
    }

    /// The Dockerfile's path inside of the tar, for the engine's `dockerfile` parameter.
    #[must_use]
    pub fn dockerfile_name(&self) -> &str {
        match &self.dockerfile {
            DockerfileSource::InPlace(name) | DockerfileSource::Carried { name, .. } => name,
        }
    }

    /// Writes the context as a GNU tar in a stable order. Blocks on the disk and on `out`.
    ///
    /// The Dockerfile and `.dockerignore` are sent even if they are ignored. Owner and group are 0, modes and times are
    /// the files'; sockets, pipes and devices are left out.
    ///
    /// # Errors
    /// [`ContextError::TooLarge`] before the tar would pass `limit_bytes` (usually [`CONTEXT_MAX_BYTES`]);
    /// [`ContextError::Io`] if `out` fails, or a file cannot be read or changes meanwhile. After any error `out` holds a
    /// tar without its end: the caller must abort the request, not end its body.
    pub fn write_tar(&self, out: impl Write, limit_bytes: u64) -> Result<Summary, ContextError> {
        walk::send(self, out, limit_bytes)
    }
}

/// The canonical root of the checkout; nothing outside of it is opened.
struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The path without `.` and `..`, if it is relative and does not climb out by its letters.
    fn inside(&self, path: &str) -> Result<PathBuf, ContextError> {
        let mut inside = PathBuf::new();
        for part in Path::new(path).components() {
            let stays = match part {
                Component::Normal(name) => {
                    inside.push(name);
                    true
                }
                Component::CurDir => true,
                Component::ParentDir => inside.pop(),
                Component::RootDir | Component::Prefix(_) => false,
            };
            if !stays {
                return Err(ContextError::LeadsOutside { path: path.to_owned() });
            }
        }
        Ok(inside)
    }

    /// Where `inside` really is when all links are followed; `None` if there is nothing.
    fn locate(&self, inside: &Path) -> Result<Option<PathBuf>, ContextError> {
        match self.root.join(inside).canonicalize() {
            Ok(found) if found.starts_with(&self.root) => Ok(Some(found)),
            Ok(_) => Err(ContextError::LeadsOutside { path: shown(inside) }),
            Err(err) if is_absent(&err) => Ok(None),
            Err(err) => Err(err.into()),
        }
    }

    /// A Dockerfile under the context folder that somebody may have meant.
    fn look_below(&self, folder: &Path, file: &Path) -> Option<String> {
        let names = [Some(file), file.file_name().map(Path::new)];
        let mut candidates = names.into_iter().flatten().map(|name| folder.join(name));
        let is_there = |path: &PathBuf| matches!(self.locate(path), Ok(Some(found)) if found.is_file());
        candidates.find(is_there).map(|path| shown(&path))
    }

    fn ignore(&self, folder: &Path, dockerfile: &Path) -> Result<Ignore, ContextError> {
        let mut beside = dockerfile.as_os_str().to_owned();
        beside.push(IGNORE_FILE);
        for candidate in [PathBuf::from(beside), folder.join(IGNORE_FILE)] {
            let path = shown(&candidate);
            if let Some(found) = self.locate(&candidate)?.filter(|found| found.is_file()) {
                let text = read_ignore_file(&found, &path)?;
                return ignore::parse(&text).map_err(|bad| ContextError::BadIgnoreFile { path, line: bad.line, pattern: bad.pattern });
            }
        }
        Ok(Ignore::default())
    }
}

fn read_ignore_file(found: &Path, path: &str) -> Result<String, ContextError> {
    let mut bytes = Vec::new();
    let size = File::open(found)?.take(IGNORE_FILE_MAX_BYTES + 1).read_to_end(&mut bytes)?;
    match size as u64 > IGNORE_FILE_MAX_BYTES {
        true => Err(ContextError::IgnoreFileTooLarge { path: path.to_owned(), limit: IGNORE_FILE_MAX_BYTES }),
        false => Ok(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// Whether nothing can be at that path; a path that the system cannot express is one of those.
fn is_absent(err: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    matches!(err.kind(), NotFound | NotADirectory | InvalidInput | InvalidFilename)
}

/// A name that no file in the root of the context has.
fn free_name(root: &Path) -> String {
    let numbered = (1u64..).map(|n| format!("{CARRIED_NAME}-{n}"));
    let mut names = std::iter::once(CARRIED_NAME.to_owned()).chain(numbered);
    names.find(|name| fs::symlink_metadata(root.join(name)).is_err()).unwrap_or_default()
}

/// A path of the repository, for people.
fn shown(path: &Path) -> String {
    match path.as_os_str().is_empty() {
        true => ".".to_owned(),
        false => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests;
