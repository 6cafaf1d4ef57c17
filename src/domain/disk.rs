//! Disk space: how much there is, and what µPaaS uses it for.

use std::{collections::BTreeMap, fmt};

use super::{ids::AppId, moment::Moment, size::size, text_enum::text_enum};

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

/// What each app takes in the data directory, by part, in bytes. None: what belongs to no app by its name.
pub type UsedByApp = BTreeMap<Option<AppId>, BTreeMap<Part, u64>>;

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

/// With less than this part left, or less than [`NOTHING_BYTES`], a file system counts as full: what is written next may not fit.
const NOTHING_PART: u64 = 200;
/// As a builder's file systems count it, the last blocks are nobody's.
const NOTHING_BYTES: u64 = 1 << 20;

impl Space {
    /// Whether little is left: less than 5 % or less than 1 GB, whichever is smaller.
    pub fn is_low(self) -> bool {
        self.free < (self.total / LITTLE_PART).min(ENOUGH_BYTES)
    }

    /// Whether as good as nothing is left.
    pub fn is_full(self) -> bool {
        self.free < NOTHING_BYTES.max((self.total / NOTHING_PART).min(ENOUGH_BYTES / 10))
    }
}

impl fmt::Display for Space {
    /// `12 MB left of 400 MB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} left of {}", size(self.free), size(self.total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_has_as_good_as_nothing_left() {
        let is_full = |free, total| Space { free, total }.is_full();
        assert!(is_full(1_900_000, 400_000_000) && !is_full(2_100_000, 400_000_000));
        assert!(is_full(99_000_000, 1_000_000_000_000) && !is_full(101_000_000, 1_000_000_000_000));
        assert_eq!(Space { free: 12_000_000, total: 400_000_000 }.to_string(), "12 MB left of 400 MB");
    }

    #[test]
    fn little_is_left_below_a_twentieth_or_a_gigabyte() {
        let is_low = |free, total| Space { free, total }.is_low();
        assert!(is_low(499_000_000, 10_000_000_000));
        assert!(!is_low(501_000_000, 10_000_000_000));
        assert!(is_low(999_000_000, 1_000_000_000_000));
        assert!(!is_low(1_000_000_000, 1_000_000_000_000));
    }
}
