//! Usage from the files of cgroup v1.

use std::collections::BTreeMap;

use super::{Cpu, Disk, Files, Memory, Swap, Usage, keyed, number};

/// The kernel's counts of processor time in `cpuacct.stat` are in hundredths of a second.
const TICK_NANOS: u64 = 10_000_000;
/// Limits from here on are the kernel's way to say that there is none.
const UNLIMITED: u64 = 1 << 62;

pub fn usage(file: Files<'_>) -> Usage {
    Usage {
        cpu: cpu(file),
        memory: memory(file),
        swap: swap(file),
        tasks: number(file("pids", "pids.current")),
        tasks_limit: number(file("pids", "pids.max")),
        disks: disks(file),
        ..Usage::default()
    }
}

fn cpu(file: Files<'_>) -> Option<Cpu> {
    let total = number(file("cpuacct", "cpuacct.usage"))?;
    let split = file("cpuacct", "cpuacct.stat").unwrap_or_default();
    let bandwidth = file("cpu", "cpu.stat").unwrap_or_default();
    Some(Cpu {
        total,
        user: keyed(&split, "user") * TICK_NANOS,
        system: keyed(&split, "system") * TICK_NANOS,
        periods: keyed(&bandwidth, "nr_periods"),
        throttled_periods: keyed(&bandwidth, "nr_throttled"),
        throttled: keyed(&bandwidth, "throttled_time"),
    })
}

fn memory(file: Files<'_>) -> Option<Memory> {
    let of = |name: &str| number(file("memory", name));
    let usage = of("memory.usage_in_bytes")?;
    let stat = file("memory", "memory.stat").unwrap_or_default();
    let oom = file("memory", "memory.oom_control").unwrap_or_default();
    Some(Memory {
        usage,
        working_set: usage.saturating_sub(keyed(&stat, "total_inactive_file")),
        limit: of("memory.limit_in_bytes").filter(|limit| *limit < UNLIMITED),
        peak: of("memory.max_usage_in_bytes").unwrap_or(0),
        limit_hits: of("memory.failcnt").unwrap_or(0),
        rss: keyed(&stat, "total_rss"),
        cache: keyed(&stat, "total_cache"),
        mapped: keyed(&stat, "total_mapped_file"),
        kernel: of("memory.kmem.usage_in_bytes").unwrap_or(0),
        faults: keyed(&stat, "total_pgfault"),
        major_faults: keyed(&stat, "total_pgmajfault"),
        oom_kills: keyed(&oom, "oom_kill"),
    })
}

/// The kernel counts memory and swap together here, and may not count swap at all.
fn swap(file: Files<'_>) -> Option<Swap> {
    let of = |name: &str| number(file("memory", name));
    let both = of("memory.memsw.usage_in_bytes")?;
    let limit = of("memory.memsw.limit_in_bytes").filter(|limit| *limit < UNLIMITED);
    let memory_limit = of("memory.limit_in_bytes").unwrap_or(0);
    let usage = both.saturating_sub(of("memory.usage_in_bytes")?);
    Some(Swap { usage, limit: limit.map(|both| both.saturating_sub(memory_limit)) })
}

fn disks(file: Files<'_>) -> Vec<Disk> {
    let mut disks: BTreeMap<String, Disk> = BTreeMap::new();
    for (name, bytes) in [("blkio.throttle.io_service_bytes", true), ("blkio.throttle.io_serviced", false)] {
        let text = file("blkio", name).unwrap_or_default();
        for line in text.lines() {
            let mut fields = line.split(' ');
            let (Some(device), Some(kind), Some(count)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            let count = count.parse().unwrap_or(0);
            let new = || Disk { device: device.to_owned(), ..Disk::default() };
            let disk = disks.entry(device.to_owned()).or_insert_with(new);
            match (kind, bytes) {
                ("Read", true) => disk.read_bytes = count,
                ("Write", true) => disk.written_bytes = count,
                ("Read", false) => disk.reads = count,
                ("Write", false) => disk.writes = count,
                _ => {}
            }
        }
    }
    disks.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(controller: &str, name: &str) -> Option<String> {
        let text = match (controller, name) {
            ("cpuacct", "cpuacct.usage") => "1500000000\n",
            ("cpuacct", "cpuacct.stat") => "user 120\nsystem 30\n",
            ("cpu", "cpu.stat") => "nr_periods 10\nnr_throttled 3\nthrottled_time 250000\n",
            ("memory", "memory.usage_in_bytes") => "8000\n",
            ("memory", "memory.limit_in_bytes") => "10000\n",
            ("memory", "memory.memsw.usage_in_bytes") => "8500\n",
            ("memory", "memory.memsw.limit_in_bytes") => "9223372036854771712\n",
            ("memory", "memory.stat") => {
                "inactive_file 1\ntotal_rss 4000\ntotal_inactive_file 3000\ntotal_pgfault 7\ntotal_pgmajfault 2\n"
            }
            ("memory", "memory.oom_control") => "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
            ("pids", "pids.current") => "4\n",
            ("pids", "pids.max") => "max\n",
            ("blkio", "blkio.throttle.io_service_bytes") => "8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n",
            _ => return None,
        };
        Some(text.to_owned())
    }

    #[test]
    fn usage_is_read_from_the_files_of_each_controller() {
        let usage = usage(&sample);
        let cpu = usage.cpu.unwrap();
        assert_eq!((cpu.total, cpu.user, cpu.throttled_periods), (1_500_000_000, 1_200_000_000, 3));
        let memory = usage.memory.unwrap();
        assert_eq!((memory.working_set, memory.available(), memory.rss, memory.oom_kills), (5000, 5000, 4000, 1));
        assert_eq!(usage.swap, Some(Swap { usage: 500, limit: None }));
        assert_eq!((usage.tasks, usage.tasks_limit), (Some(4), None));
        assert_eq!((usage.disks[0].read_bytes, usage.disks[0].written_bytes), (10, 20));
    }

    #[test]
    fn a_cgroup_that_is_gone_uses_nothing() {
        assert_eq!(usage(&|_, _| None), Usage::default());
    }
}
