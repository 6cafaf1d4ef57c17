//! Disk space: how much there is, and what µPaaS uses it for.

use super::text_enum::text_enum;

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
        /// Everything else in the data directory.
        Other = "other",
        /// The images of this installation, where the engine keeps them. What images share is counted for each of them.
        Images = "images",
    }
}

/// A file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What µPaaS could still write, in bytes.
    pub free: u64,
    /// Its size in bytes.
    pub total: u64,
}
