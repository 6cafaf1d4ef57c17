//! What a process uses, by the kernel's count.

use std::{fs, time::Duration};

/// The kernel counts time for programs in these, whatever its own clock.
const TICKS_PER_SECOND: f64 = 100.0;

/// The time that all processes of this machine together have computed.
pub(crate) fn cpu_of_all() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap();
    let ticks = stat.lines().next().unwrap().split_whitespace().skip(1).map(|field| field.parse::<u64>().unwrap());
    // In order: user, nice, system, idle, waiting for disks, interrupts.
    let busy: u64 = ticks.enumerate().filter(|(field, _)| matches!(field, 0..=2 | 5..=6)).map(|(_, ticks)| ticks).sum();
    Duration::from_secs_f64(busy as f64 / TICKS_PER_SECOND)
}

/// A process.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    pid: u32,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> Self {
        Self { pid }
    }

    /// What it holds in memory, in KiB.
    pub(crate) fn memory(self) -> u64 {
        self.status("VmRSS:")
    }

    /// Forgets the most that it has held so far: hashing a password takes much, once.
    pub(crate) fn forget_peak(self) {
        fs::write(format!("/proc/{}/clear_refs", self.pid), "5").unwrap();
    }

    /// The most that it has held, in KiB.
    pub(crate) fn peak_memory(self) -> u64 {
        self.status("VmHWM:")
    }

    /// The time that it has computed, without its children.
    pub(crate) fn cpu(self) -> Duration {
        let stat = self.read("stat");
        // Behind the name, which may hold anything: the state is the third field, user and system time are the 14th and the 15th.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11..=12].iter().map(|field| field.parse::<u64>().unwrap()).sum();
        Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND)
    }

    pub(crate) fn open_files(self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid)).unwrap().count()
    }

    fn status(self, field: &str) -> u64 {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    fn read(self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.pid)).unwrap()
    }
}
