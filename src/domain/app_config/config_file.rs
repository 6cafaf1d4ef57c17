//! Text files that a container finds.

use std::{fmt, str::FromStr};

use super::volume::Volume;
use crate::domain::{Invalid, ids::SecretId, is_hidden, secret::Secret};

/// So many files an app may have.
pub const FILES_MAX: usize = 50;
/// The bytes of all of them together.
pub const TOTAL_MAX_BYTES: usize = 1024 * 1024;
const CONTENT_MAX_BYTES: usize = 256 * 1024;

/// A text file that is mounted into the container, read-only. Its content is sealed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ConfigFile {
    /// Where the container finds it.
    pub path: ContainerPath,
    /// Its content.
    pub content: SecretId,
}

/// An absolute path inside a container, normalised: no `.`, no `..`, no double or trailing slash; never `/` itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ContainerPath(String);

const PATH_MAX: usize = 1024;
/// Of a name in a path, on every file system of Linux.
pub(super) const PART_MAX: usize = 255;

impl ContainerPath {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it lies in this folder, however deep; no path lies in itself.
    pub fn lies_in(&self, folder: &str) -> bool {
        self.0.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl FromStr for ContainerPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !text.starts_with('/') {
            return Err(Invalid::because("Write the path inside the container from its root on: it begins with a slash."));
        }
        if text.contains(is_hidden) {
            return Err(Invalid::because("The path has characters that cannot be seen. Type it anew."));
        }
        if text.len() > PATH_MAX {
            return Err(Invalid::because(format!("A path has at most {PATH_MAX} characters.")));
        }
        let parts = parts(text)?;
        if parts.is_empty() {
            return Err(Invalid::because("The whole file system of the container cannot be replaced: name a path in it."));
        }
        Ok(Self(format!("/{}", parts.join("/"))))
    }
}

/// The names in a path, without those that mean nothing.
pub(super) fn parts(path: &str) -> Result<Vec<&str>, Invalid> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err(Invalid::because("Write the path without “..”."));
    }
    if parts.iter().any(|part| part.len() > PART_MAX) {
        return Err(Invalid::because(format!("A name in the path has at most {PART_MAX} characters.")));
    }
    // A form takes off what is white around a text: such a path would come back as another one.
    if parts.last().is_some_and(|last| last.ends_with(char::is_whitespace)) {
        return Err(Invalid::because("The path must not end with a space."));
    }
    Ok(parts)
}

impl fmt::Display for ContainerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a file may have this content.
pub fn check_content(content: &Secret) -> Result<(), Invalid> {
    let content = content.reveal();
    if content.contains('\0') {
        return Err(Invalid::because("The content has the character NUL: this is not a text. Put such a file into a volume."));
    }
    if content.len() > CONTENT_MAX_BYTES {
        return Err(Invalid::because("A file has at most 256 KB. Put a longer one into a volume."));
    }
    Ok(())
}

/// Whether a new file may lie at a path, beside the files and volumes that are there. In a volume it may: the engine makes an empty
/// file in the volume then, on which it mounts this one.
pub fn check_place(path: &ContainerPath, files: &[ConfigFile], volumes: &[Volume]) -> Result<(), Invalid> {
    for system in ["/proc", "/sys"] {
        if path.as_str() == system || path.lies_in(system) {
            return Err(Invalid::because(format!("{system} is made by Linux itself: no file can be put there.")));
        }
    }
    if path.as_str() == "/dev" || path.lies_in("/dev") && !path.lies_in("/dev/shm") {
        return Err(Invalid::because("/dev is made by the engine: files can be put into /dev/shm only there."));
    }
    for other in files.iter().map(|file| &file.path) {
        if other == path {
            return Err(Invalid::because(format!("{path} is there already. Edit it above, or delete it first.")));
        }
        if path.lies_in(other.as_str()) {
            return Err(Invalid::because(format!("{other} is a file, so nothing can lie in it.")));
        }
        if other.lies_in(path.as_str()) {
            return Err(Invalid::because(format!("{path} is a folder: the file {other} lies in it.")));
        }
    }
    for volume in volumes.iter().map(|volume| &volume.path) {
        if volume == path {
            return Err(Invalid::because(format!("A volume is mounted at {path} already.")));
        }
        if volume.lies_in(path.as_str()) {
            return Err(Invalid::because(format!("{path} is a folder: a volume is mounted at {volume}.")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::app_config::volume::VolumeSource;

    fn path(text: &str) -> ContainerPath {
        text.parse().expect("a path")
    }

    #[test]
    fn a_path_is_absolute_and_normalised() {
        for (typed, kept) in [
            ("/etc/app.toml", "/etc/app.toml"),
            ("//etc/./app//x/", "/etc/app/x"),
            ("/a b/ ü", "/a b/ ü"),
            ("/a /b", "/a /b"),
            ("/...", "/..."),
        ] {
            assert_eq!(typed.parse::<ContainerPath>().map(|path| path.to_string()), Ok(kept.to_owned()));
        }
        let (long, long_part) = (format!("/{}", "a/".repeat(600)), format!("/{}", "a".repeat(256)));
        for bad in [
            "",
            "etc/app",
            "/",
            "/.",
            "//",
            "/a/../b",
            "/..",
            "C:\\app",
            "/a\nb",
            "/a\0",
            "/\u{202e}a",
            "/a\u{ad}b",
            "/a /",
            "/a\u{3000}",
            &long,
            &long_part,
        ] {
            assert!(bad.parse::<ContainerPath>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_file_has_its_place_for_itself() {
        let files = [
            ConfigFile { path: path("/etc/app.toml"), content: SecretId::new() },
            ConfigFile { path: path("/a/b/c"), content: SecretId::new() },
        ];
        let volume =
            |at: &str| Volume { source: VolumeSource::Named("data".to_owned()), path: path(at), read_only: false, confirmed: false };
        let volumes = [volume("/data"), volume("/deep/er")];
        for good in ["/etc/app", "/etc/app.toml2", "/data/app.toml", "/dev/shm/x", "/a/b/d", "/deep/x", "/process"] {
            assert_eq!(check_place(&path(good), &files, &volumes), Ok(()), "{good}");
        }
        for bad in [
            "/etc/app.toml",
            "/etc/app.toml/x",
            "/a/b",
            "/a",
            "/data",
            "/deep",
            "/proc",
            "/proc/1",
            "/sys/x",
            "/dev",
            "/dev/null",
            "/dev/pts/x",
        ] {
            assert!(check_place(&path(bad), &files, &volumes).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_content_is_any_text_up_to_its_limit() {
        let check = |content: String| check_content(&Secret::new(content));
        for good in ["", "\n", "a\tb\r\n\u{1b}"] {
            assert_eq!(check(good.to_owned()), Ok(()));
        }
        assert_eq!(check("x".repeat(CONTENT_MAX_BYTES)), Ok(()));
        assert!(check("x".repeat(CONTENT_MAX_BYTES + 1)).is_err() && check("\0".to_owned()).is_err());
    }
}
