//! What `/proc` tells about processes: memory, time on a CPU.

use std::fs;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;

/// Proportional set size in bytes: shared pages are divided among those who share them. 0 if the process is gone.
pub fn pss_bytes(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    pss_kib(&text).unwrap_or(0) * 1024
}

/// Time on a CPU since the process started, in user and kernel mode. Zero if the process is gone.
///
/// A shim needs less in a minute than a tick of `stat`, so where one thread is all there is, its exact time is taken.
/// Of several, some may have ended, whose time only `stat` still has.
pub fn cpu_time(pid: i32) -> Duration {
    let text = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let stat = text("stat");
    let exact = (thread_count(&stat) == Some(1)).then(|| nanoseconds(&text("schedstat"))).flatten();
    let by_ticks = || Duration::from_secs_f64(cpu_ticks(&stat).unwrap_or(0) as f64 / clock_ticks_per_second() as f64);
    exact.map_or_else(by_ticks, Duration::from_nanos)
}

fn pss_kib(smaps_rollup: &str) -> Option<u64> {
    let line = smaps_rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// `utime` and `stime`, fields 14 and 15.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let user: u64 = field(stat, 14)?.parse().ok()?;
    let kernel: u64 = field(stat, 15)?.parse().ok()?;
    Some(user + kernel)
}

/// `num_threads`, field 20.
fn thread_count(stat: &str) -> Option<u64> {
    field(stat, 20)?.parse().ok()
}

/// A field from the third on, counted from 1. The second may hold blanks and brackets, so counting starts after it.
fn field(stat: &str, number: usize) -> Option<&str> {
    stat.rsplit_once(") ")?.1.split_whitespace().nth(number.checked_sub(3)?)
}

/// The first field of `schedstat`; a kernel without scheduler statistics has no such file.
fn nanoseconds(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proportional_size_is_told_from_its_parts() {
        let text = "5580-7ffd ---p 00000000 00:00 0   [rollup]\nRss:  900 kB\nPss:   412 kB\nPss_Dirty:  100 kB\n";
        assert_eq!(pss_kib(text), Some(412));
    }

    #[test]
    fn a_program_name_with_brackets_and_blanks_shifts_no_field() {
        let text = "42 (a b) c) S 1 42 42 0 -1 4194560 100 0 0 0 17 25 0 0 20 0 3 0 99 1 2";
        assert_eq!((cpu_ticks(text), thread_count(text)), (Some(42), Some(3)));
    }

    #[test]
    fn this_process_has_memory_and_a_gone_one_has_none() {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        assert!(pss_bytes(own) > 0);
        assert_eq!((pss_bytes(-1), cpu_time(-1)), (0, Duration::ZERO));
    }
}
