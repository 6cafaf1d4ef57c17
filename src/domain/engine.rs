//! The container engine: where it listens, and what is known about it right now.

use super::moment::Moment;

/// Where the engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket's path.
    Unix(String),
    /// `host:port`, unencrypted.
    Tcp(String),
}

/// What the engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineVersion {
    /// Its version: `20.10.24`.
    pub version: String,
    /// The API version that both sides speak: `1.41`.
    pub api: String,
}

/// The engine as last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineState {
    /// Not asked yet.
    Unknown,
    /// It answers.
    Up(EngineVersion),
    /// It does not answer.
    Down {
        /// Since when.
        since: Moment,
    },
}

impl EngineState {
    /// Whether the engine answered last time.
    pub fn is_up(&self) -> bool {
        matches!(self, Self::Up(_))
    }
}

/// A network of the engine's that somebody has defined, and that a container can join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// What makes it: `bridge`.
    pub driver: String,
    /// How far it reaches: `local`.
    pub scope: String,
}
