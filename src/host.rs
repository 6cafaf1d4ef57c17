//! The seam's traits on real git and a real engine: the place where their errors become sentences.

mod ask;
mod config_files;
mod danger;
mod engine;
mod failures;
mod git;
mod here;
mod make;
mod mirrors;
mod place;
mod reach;
mod space;
mod submodules;
mod volumes;

pub use engine::EngineHost;
pub use git::GitHost;
pub use place::Place;
