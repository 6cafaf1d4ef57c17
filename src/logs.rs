//! Log files: appended to, read at any place, searched, compressed at the end, rendered. Content lives in files, never in the database.

pub mod ansi;
pub mod archive;
pub mod journal;
pub mod reader;
pub mod search;

mod content;
mod walk;
