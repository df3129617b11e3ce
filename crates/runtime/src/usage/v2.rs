//! Usage from the files of cgroup v2.

use super::{Cpu, Disk, Files, Memory, Pressure, Swap, Usage, keyed, number};

const MICROSECOND: u64 = 1000;

pub fn usage(file: Files<'_>) -> Usage {
    let pressure = |name: &str| Pressure::parse(&file("memory", name)?);
    Usage {
        cpu: file("cpu", "cpu.stat").map(|text| cpu(&text)),
        memory: memory(file),
        swap: swap(file),
        tasks: number(file("pids", "pids.current")),
        tasks_limit: number(file("pids", "pids.max")),
        disks: file("io", "io.stat").map(|text| disks(&text)).unwrap_or_default(),
        cpu_pressure: pressure("cpu.pressure"),
        memory_pressure: pressure("memory.pressure"),
        io_pressure: pressure("io.pressure"),
    }
}

fn cpu(text: &str) -> Cpu {
    Cpu {
        total: keyed(text, "usage_usec") * MICROSECOND,
        user: keyed(text, "user_usec") * MICROSECOND,
        system: keyed(text, "system_usec") * MICROSECOND,
        periods: keyed(text, "nr_periods"),
        throttled_periods: keyed(text, "nr_throttled"),
        throttled: keyed(text, "throttled_usec") * MICROSECOND,
    }
}

fn memory(file: Files<'_>) -> Option<Memory> {
    let of = |name: &str| number(file("memory", name));
    let usage = of("memory.current")?;
    let stat = file("memory", "memory.stat").unwrap_or_default();
    let events = file("memory", "memory.events").unwrap_or_default();
    Some(Memory {
        usage,
        working_set: usage.saturating_sub(keyed(&stat, "inactive_file")),
        // `max`, which is no number, is no limit.
        limit: of("memory.max"),
        peak: of("memory.peak").unwrap_or(0),
        limit_hits: keyed(&events, "max"),
        rss: keyed(&stat, "anon"),
        cache: keyed(&stat, "file"),
        mapped: keyed(&stat, "file_mapped"),
        kernel: keyed(&stat, "kernel"),
        faults: keyed(&stat, "pgfault"),
        major_faults: keyed(&stat, "pgmajfault"),
        oom_kills: keyed(&events, "oom_kill"),
    })
}

fn swap(file: Files<'_>) -> Option<Swap> {
    let usage = number(file("memory", "memory.swap.current"))?;
    Some(Swap { usage, limit: number(file("memory", "memory.swap.max")) })
}

fn disks(text: &str) -> Vec<Disk> {
    let disk = |line: &str| {
        let (device, counts) = line.split_once(' ')?;
        let count = |key: &str| {
            let value = counts.split(' ').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
            value.and_then(|v| v.parse().ok()).unwrap_or(0)
        };
        Some(Disk {
            device: device.to_owned(),
            read_bytes: count("rbytes"),
            written_bytes: count("wbytes"),
            reads: count("rios"),
            writes: count("wios"),
        })
    };
    text.lines().filter_map(disk).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(_: &str, name: &str) -> Option<String> {
        let text = match name {
            "cpu.stat" => {
                "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 4\nnr_throttled 1\nthrottled_usec 9\n"
            }
            "memory.current" => "8000\n",
            "memory.max" => "max\n",
            "memory.stat" => "anon 4000\nfile 3500\nkernel 100\ninactive_file 3000\npgfault 7\npgmajfault 2\n",
            "memory.events" => "low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\n",
            "memory.swap.current" => "12\n",
            "memory.swap.max" => "40\n",
            "pids.current" => "4\n",
            "io.stat" => "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n",
            "cpu.pressure" => "some avg10=1.50 avg60=0.20 avg300=0.00 total=77\n",
            _ => return None,
        };
        Some(text.to_owned())
    }

    #[test]
    fn usage_is_read_from_the_files_of_the_one_tree() {
        let usage = usage(&sample);
        assert_eq!(usage.cpu.map(|c| (c.total, c.throttled)), Some((1_500_000, 9000)));
        let memory = usage.memory.unwrap();
        assert_eq!((memory.working_set, memory.available(), memory.limit_hits), (5000, 0, 5));
        assert_eq!(usage.swap, Some(Swap { usage: 12, limit: Some(40) }));
        assert_eq!((usage.disks[0].written_bytes, usage.disks[0].reads), (20, 1));
        assert_eq!(usage.cpu_pressure.map(|p| p.some.total), Some(77));
        assert_eq!(usage.io_pressure, None);
    }
}
