//! Log files: appended to, read from their end, rendered. Content lives in files, never in the database.

pub mod ansi;
pub mod journal;
