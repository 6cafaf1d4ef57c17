//! Why a context cannot be built from: sentences for the person who set the app up.

use std::io;
use thiserror::Error;

/// `Display` is for users. Paths are those of the repository, never of this host.
#[derive(Debug, Error)]
pub enum ContextError {
    /// The context folder is not in the repository.
    #[error("There is no folder `{path}` in the repository.")]
    ContextMissing {
        /// Relative to the repository's root.
        path: String,
    },
    /// The context path is a file.
    #[error("`{path}` is not a folder, so it cannot be the build context.")]
    NotADirectory {
        /// Relative to the repository's root.
        path: String,
    },
    /// The Dockerfile is not in the repository.
    #[error("There is no file `{path}` in the repository.{}", hint(elsewhere.as_deref()))]
    DockerfileMissing {
        /// Relative to the repository's root.
        path: String,
        /// A file of that name under the context folder, also relative to the repository's root.
        elsewhere: Option<String>,
    },
    /// The Dockerfile's path is a folder, say.
    #[error("`{path}` is not a file, so it cannot be the Dockerfile.")]
    NotAFile {
        /// Relative to the repository's root.
        path: String,
    },
    /// The path is absolute, climbs out with `..`, or is a link that leaves the repository.
    #[error("The path `{path}` leads out of the repository. Use a path relative to its root, without links that leave it.")]
    LeadsOutside {
        /// As it was given.
        path: String,
    },
    /// A line of the ignore file is not a pattern.
    #[error("Line {line} of `{path}` is not a valid pattern: `{pattern}`")]
    BadIgnoreFile {
        /// The ignore file, relative to the repository's root.
        path: String,
        /// Counted from 1.
        line: usize,
        /// The line, trimmed.
        pattern: String,
    },
    /// The ignore file is longer than anybody writes by hand.
    #[error("`{path}` is larger than {}.", size(*limit))]
    IgnoreFileTooLarge {
        /// The ignore file, relative to the repository's root.
        path: String,
        /// In bytes.
        limit: u64,
    },
    /// The tar would pass the limit.
    #[error("The build context is larger than {}. List what the build does not need in `.dockerignore`.", size(*limit))]
    TooLarge {
        /// In bytes.
        limit: u64,
    },
    /// The checkout could not be read, or nobody took the tar.
    #[error("The build context could not be sent: {0}")]
    Io(#[from] io::Error),
}

fn hint(elsewhere: Option<&str>) -> String {
    elsewhere.map_or_else(String::new, |path| {
        format!(" There is one at `{path}`; the path is relative to the repository's root, not to the build context.")
    })
}

/// In the largest unit that divides it.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    match unit {
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} bytes"),
    }
}
