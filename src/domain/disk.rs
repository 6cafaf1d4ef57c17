//! Disk space: how much there is, and what µPaaS uses it for.

use std::collections::BTreeMap;

use super::{moment::Moment, text_enum::text_enum};

text_enum! {
    /// What takes space.
    Part {
        /// The database with its write-ahead log.
        Database = "database",
        /// The journals of deployments.
        Journals = "journals",
        /// The mirrors of repositories.
        Mirrors = "mirrors",
        /// The checkouts of deployments that are being built.
        Builds = "builds",
        /// The audit log's files.
        Audit = "audit",
        /// The folders that apps keep in the data directory, as far as they can be read.
        Volumes = "volumes",
        /// The text files of containers.
        ConfigFiles = "config_files",
        /// Everything else in the data directory.
        Other = "other",
        /// The images of this installation, where the engine keeps them. What images share is counted for each of them.
        Images = "images",
    }
}

/// What each part takes, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// When that was measured.
    pub at: Option<Moment>,
    /// What is known of it.
    pub parts: BTreeMap<Part, u64>,
}

/// A file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What is left of it for those who are not root, in bytes.
    pub free: u64,
    /// How large it is, in bytes.
    pub total: u64,
}

/// Less than this part of a file system is little, …
const LITTLE_PART: u64 = 20;
/// … and so much is never little, however large the file system is: 1 GB.
const ENOUGH_BYTES: u64 = 1_000_000_000;

impl Space {
    /// Whether little is left: less than 5 % or less than 1 GB, whichever is smaller.
    pub fn is_low(self) -> bool {
        self.free < (self.total / LITTLE_PART).min(ENOUGH_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_left_below_a_twentieth_or_a_gigabyte() {
        let is_low = |free, total| Space { free, total }.is_low();
        assert!(is_low(499_000_000, 10_000_000_000));
        assert!(!is_low(501_000_000, 10_000_000_000));
        assert!(is_low(999_000_000, 1_000_000_000_000));
        assert!(!is_low(1_000_000_000, 1_000_000_000_000));
    }
}
