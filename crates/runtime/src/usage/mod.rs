//! What a cgroup, a sandbox's network and a container's writable layer use at this moment.

pub mod interfaces;
pub mod layer;
mod pressure;
mod v1;
mod v2;

use std::fs;

pub use pressure::{Pressure, Stall};

use crate::cgroup::hierarchies;

/// What a cgroup uses. What this kernel does not tell is missing.
#[derive(Debug, Default, PartialEq)]
pub struct Usage {
    pub cpu: Option<Cpu>,
    pub memory: Option<Memory>,
    pub swap: Option<Swap>,
    /// Processes and threads.
    pub tasks: Option<u64>,
    pub tasks_limit: Option<u64>,
    pub disks: Vec<Disk>,
    pub cpu_pressure: Option<Pressure>,
    pub memory_pressure: Option<Pressure>,
    pub io_pressure: Option<Pressure>,
}

/// Time on processors, in nanoseconds.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Cpu {
    pub total: u64,
    pub user: u64,
    pub system: u64,
    pub periods: u64,
    pub throttled_periods: u64,
    pub throttled: u64,
}

/// Memory, in bytes, and how often it was not there at once.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Memory {
    pub usage: u64,
    /// What could not be taken back at once: usage without inactive file pages.
    pub working_set: u64,
    /// None is no limit.
    pub limit: Option<u64>,
    pub peak: u64,
    pub limit_hits: u64,
    pub rss: u64,
    pub cache: u64,
    pub mapped: u64,
    pub kernel: u64,
    pub faults: u64,
    pub major_faults: u64,
    pub oom_kills: u64,
}

impl Memory {
    /// What may still be used below the limit; nothing is said of a container without one.
    pub fn available(&self) -> u64 {
        self.limit.map_or(0, |limit| limit.saturating_sub(self.working_set))
    }
}

/// Swap, in bytes.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Swap {
    pub usage: u64,
    pub limit: Option<u64>,
}

/// Reads and writes on one block device, as `major:minor`.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Disk {
    pub device: String,
    pub read_bytes: u64,
    pub written_bytes: u64,
    pub reads: u64,
    pub writes: u64,
}

/// Reads what `cgroup` uses. All is missing if it is gone.
pub fn read(cgroup: &str) -> Usage {
    let file = |controller: &str, name: &str| {
        let point = hierarchies().controlling(controller)?;
        fs::read_to_string(point.join(cgroup.trim_start_matches('/')).join(name)).ok()
    };
    if hierarchies().is_v2() { v2::usage(&file) } else { v1::usage(&file) }
}

/// Tells the content of a controller's file.
type Files<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

fn number(text: Option<String>) -> Option<u64> {
    text?.trim().parse().ok()
}

/// The number after `key` in a file of `key number` lines.
fn keyed(text: &str, key: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    value.and_then(|v| v.trim().parse().ok()).unwrap_or(0)
}
