//! Whether the database file is sound.

/// What a check of the database has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Integrity {
    /// Nothing wrong.
    Sound,
    /// Something is broken, in SQLite's words.
    Damaged(String),
    /// The check did not come to its end, and why.
    Unfinished(String),
}

/// How thorough a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thoroughness {
    /// The structure of the file.
    Quick,
    /// And that each index agrees with its table.
    Full,
}
