//! What the machine that µPaaS runs on has to give: processor, memory, and space where the data directory is.

pub mod mounts;

use std::{io, path::Path};

use procfs::Current;

use crate::domain::disk::Space;

/// The file system that a path is on. Blocks, for long when that is a broken one.
pub fn space(path: &Path) -> io::Result<Space> {
    let seen = rustix::fs::statvfs(path)?;
    Ok(Space { free: seen.f_bavail.saturating_mul(seen.f_frsize), total: seen.f_blocks.saturating_mul(seen.f_frsize) })
}

/// How busy the machine is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// How many processes run or wait to run, on average over 1, 5 and 15 minutes.
    pub averages: [f32; 3],
    /// How many can run at once.
    pub cores: usize,
}

impl Load {
    /// Now.
    pub fn now() -> io::Result<Self> {
        let load = procfs::LoadAverage::current().map_err(io::Error::other)?;
        Ok(Self { averages: [load.one, load.five, load.fifteen], cores: std::thread::available_parallelism()?.get() })
    }
}

/// How much memory the machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// What nobody could have without taking it from somebody else, in bytes.
    pub used: u64,
    /// All of it, in bytes.
    pub total: u64,
}

impl Memory {
    /// Now.
    pub fn now() -> io::Result<Self> {
        let memory = procfs::Meminfo::current().map_err(io::Error::other)?;
        let available = memory.mem_available.unwrap_or(memory.mem_free);
        Ok(Self { used: memory.mem_total.saturating_sub(available), total: memory.mem_total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_something_to_give() {
        let disk = space(Path::new("/")).expect("a file system");
        assert!(disk.total > 0 && disk.free <= disk.total, "{disk:?}");
        let memory = Memory::now().expect("memory");
        assert!(memory.used > 0 && memory.used < memory.total, "{memory:?}");
        let load = Load::now().expect("a load");
        assert!(load.cores > 0 && load.averages.iter().all(|average| *average >= 0.0), "{load:?}");
    }

    #[test]
    fn a_path_that_is_not_there_is_on_no_file_system() {
        assert!(space(Path::new("/nonexistent/folder")).is_err());
    }
}
