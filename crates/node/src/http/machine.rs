//! What the whole machine uses, from `/proc`.

use std::fs;

use jiff::Timestamp;

/// The kernel counts processor time in hundredths of a second in `/proc/stat`, whatever its own clock is.
const NANOS_PER_TICK: u64 = 10_000_000;

/// Measured at one moment; what can't be read is 0.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct MachineUsage {
    pub booted_at: Option<Timestamp>,
    /// Processor time that was used since then.
    pub cpu_nanos: u64,
    pub memory_total: u64,
    pub memory_used: u64,
    /// Without what the kernel would give back at once.
    pub memory_working_set: u64,
}

impl MachineUsage {
    pub(crate) fn now() -> Self {
        let read = |path| {
            fs::read_to_string(path).unwrap_or_else(|error| {
                tracing::debug!(%error, path, "the machine's usage can't be read");
                String::new()
            })
        };
        Self::of(&read("/proc/stat"), &read("/proc/meminfo"))
    }

    fn of(stat: &str, meminfo: &str) -> Self {
        let cpu = stat.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
        let ticks: Vec<u64> = cpu.split_whitespace().filter_map(|field| field.parse().ok()).collect();
        // user, nice, system, (idle, iowait), irq, softirq, steal; guest time is in user's already.
        let used: u64 = ticks.iter().take(8).enumerate().filter(|(i, _)| !matches!(i, 3 | 4)).map(|(_, t)| t).sum();
        let booted =
            stat.lines().find_map(|line| line.strip_prefix("btime ")).and_then(|text| text.trim().parse().ok());
        let bytes = |name: &str| {
            let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let number = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
            number.unwrap_or_default() * 1024
        };
        let total = bytes("MemTotal");
        Self {
            booted_at: booted.and_then(|seconds| Timestamp::from_second(seconds).ok()),
            cpu_nanos: used * NANOS_PER_TICK,
            memory_total: total,
            memory_used: total.saturating_sub(bytes("MemFree")),
            memory_working_set: total.saturating_sub(bytes("MemAvailable")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_and_memory_that_can_be_had_are_not_used() {
        let stat = "cpu  10 1 20 1000 50 2 3 4 9 9\ncpu0 1 1 1 1\nbtime 100\n";
        let meminfo = "MemTotal:  1000 kB\nMemFree:  200 kB\nMemAvailable:  700 kB\n";
        let usage = MachineUsage::of(stat, meminfo);
        assert_eq!(usage.cpu_nanos, 40 * NANOS_PER_TICK);
        assert_eq!((usage.memory_used, usage.memory_working_set), (800 * 1024, 300 * 1024));
        assert_eq!(usage.booted_at, Timestamp::from_second(100).ok());
        assert_eq!(MachineUsage::of("", ""), MachineUsage::default());
    }
}
