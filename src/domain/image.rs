//! Images that this installation has built, as the engine shows them, and the engine's builder cache.

use super::ids::AppId;

/// An image with this installation's label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// Its id.
    pub id: String,
    /// The app it was built for, as its label says.
    pub app: Option<AppId>,
    /// The number of the deployment that built it, as its label says.
    pub deployment: Option<i64>,
    /// What it takes, in bytes, with what it shares with other images.
    pub bytes: u64,
    /// So much of that it shares with other images; none when the engine does not say.
    pub shared: Option<u64>,
    /// The names that µPaaS has given it.
    pub own_tags: Vec<String>,
    /// The names that somebody else has given it.
    pub foreign_tags: Vec<String>,
    /// Whether some container, whoever made it, is made of it.
    pub in_use: bool,
}

impl BuiltImage {
    /// What its removal gives back: at most this much where the engine does not say what it shares.
    pub fn gives_back(&self) -> u64 {
        self.bytes.saturating_sub(self.shared.unwrap_or(0))
    }
}

/// What the engine's builder keeps of builds, of everybody's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// All of it, in bytes.
    pub bytes: u64,
    /// What could be given back now, in bytes.
    pub reclaimable: u64,
}

/// What came of the wish to remove an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone, or was gone already.
    Gone,
    /// Somebody else uses it or has given it a name: it stays, without the names that were ours.
    Stays,
}
