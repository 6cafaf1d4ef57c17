//! What the machine has to give, as it was when the page was opened.

use serde::Serialize;

use crate::{
    domain::disk::{Part, Space, Used},
    machine::{Load, Memory},
    web::{frame::When, present::size},
};

/// Processor and memory; what is not known is left out.
#[derive(Serialize)]
pub(super) struct Host {
    load: Option<LoadView>,
    memory: Option<Share>,
}

#[derive(Serialize)]
struct LoadView {
    averages: Vec<String>,
    cores: usize,
    /// Whether more wants to run than can.
    high: bool,
}

/// A part of something.
#[derive(Serialize)]
struct Share {
    used: String,
    free: String,
    total: String,
    /// How much is used, of a hundred.
    percent: u64,
}

/// The disk of the data directory.
#[derive(Serialize)]
pub(super) struct Disk {
    space: Option<Share>,
    low: bool,
    /// What µPaaS uses of it, by part, and when that was measured.
    parts: Vec<DiskPart>,
    measured: Option<When>,
}

/// What something of µPaaS takes.
#[derive(Serialize)]
pub(super) struct DiskPart {
    name: &'static str,
    size: String,
}

impl Host {
    /// Now.
    pub(super) fn now() -> Self {
        let load = Load::now().ok().map(|load| LoadView {
            averages: load.averages.map(|average| format!("{average:.2}")).into(),
            cores: load.cores,
            high: load.averages[1] > load.cores as f32,
        });
        let memory = Memory::now().ok().map(|memory| share(memory.total.saturating_sub(memory.used), memory.total));
        Self { load, memory }
    }
}

impl Disk {
    /// `used` is what µPaaS takes of it.
    pub(super) fn new(space: Option<Space>, used: Used) -> Self {
        Self {
            low: space.is_some_and(Space::is_low),
            space: space.map(|space| share(space.free, space.total)),
            parts: used.parts.into_iter().map(|(part, bytes)| DiskPart { name: name(part), size: size(bytes) }).collect(),
            measured: used.at.map(When::from),
        }
    }
}

const fn name(part: Part) -> &'static str {
    match part {
        Part::Database => "Database and its log",
        Part::Journals => "Journals",
        Part::Mirrors => "Mirrors",
        Part::Builds => "Builds",
        Part::Audit => "Audit files",
        Part::Volumes => "Folders of apps",
        Part::ConfigFiles => "Config files of apps",
        Part::Other => "Other",
        Part::Images => "Images, at the engine",
    }
}

fn share(free: u64, total: u64) -> Share {
    let used = total.saturating_sub(free);
    Share { used: size(used), free: size(free), total: size(total), percent: (used * 100).checked_div(total).unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_shows_its_space_and_what_we_use_by_part() {
        let disk = Disk::new(
            Some(Space { free: 1, total: 4 }),
            Used { at: None, parts: [(Part::Database, 4096), (Part::Journals, 12_000_000)].into() },
        );
        let parts: Vec<_> = disk.parts.iter().map(|part| (part.name, part.size.as_str())).collect();
        assert_eq!(parts, [("Database and its log", "4.1 kB"), ("Journals", "12 MB")]);
        assert_eq!(disk.space.map(|space| space.percent), Some(75));
    }

    #[test]
    fn a_share_is_in_hundredths_and_never_divides_by_nothing() {
        assert_eq!((share(25, 100).percent, share(25, 100).used), (75, "75 B".to_owned()));
        assert_eq!(share(0, 0).percent, 0);
    }
}
