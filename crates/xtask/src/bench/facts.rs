//! What machine the figures are from.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use serde::Serialize;

/// The machine, as far as it matters for the figures.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// CPUs that this program may use.
    pub cpus: usize,
    /// Memory in GiB.
    pub memory_gib: u64,
    /// The kernel's release.
    pub kernel: String,
    /// `v1` or `v2`.
    pub cgroups: &'static str,
    /// Load average of the last minute, before the benchmark.
    pub load: f64,
    /// The first line of `runc --version`.
    pub runc: String,
}

impl Machine {
    /// This one; what can't be told is empty or 0.
    pub fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cgroups = if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() { "v2" } else { "v1" };
        Self {
            cpus: available_parallelism().map_or(0, usize::from),
            memory_gib: memory_gib(&text("/proc/meminfo")).unwrap_or(0),
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            cgroups,
            load: text("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0),
            runc: runc_version().unwrap_or_default(),
        }
    }
}

fn memory_gib(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some((kib / 1024.0 / 1024.0).round() as u64)
}

fn runc_version() -> Option<String> {
    let output = Command::new("runc").arg("--version").output().ok()?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_rounded_to_what_the_machine_was_sold_with() {
        assert_eq!(memory_gib("MemTotal:       24669072 kB\nMemFree: 1 kB\n"), Some(24));
    }
}
