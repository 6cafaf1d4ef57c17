//! An app that was deleted and of which something is left.

use std::time::Duration;

use super::{ids::AppId, moment::Moment, slug::Slug};

/// What is left to do about a deleted app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// The app.
    pub app: AppId,
    /// Its name, which is free again when nothing of it is left.
    pub slug: Slug,
    /// Whether the folders of its relative volumes go, too.
    pub volumes: bool,
    /// How long its container may take to stop.
    pub stop_grace: Duration,
    /// Who has deleted it.
    pub requested_by: String,
    /// When.
    pub requested_at: Moment,
}
