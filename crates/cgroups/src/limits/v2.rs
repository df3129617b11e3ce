//! The files of cgroup v2.

use reprise_cri::v1::LinuxContainerResources;

use super::{Setting, swap_of};

const DEFAULT_PERIOD: i64 = 100_000;

/// What leads from `old` to `new`.
pub fn settings(old: &LinuxContainerResources, new: &LinuxContainerResources) -> Vec<Setting> {
    let mut list = Vec::new();
    if new.cpu_shares != old.cpu_shares && new.cpu_shares > 0 {
        list.push(Setting::new("cpu", "cpu.weight", weight(new.cpu_shares)));
    }
    if (new.cpu_quota, new.cpu_period) != (old.cpu_quota, old.cpu_period) && new.cpu_quota != 0 {
        let quota = if new.cpu_quota < 0 { "max".to_owned() } else { new.cpu_quota.to_string() };
        let period = if new.cpu_period > 0 { new.cpu_period } else { DEFAULT_PERIOD };
        list.push(Setting::new("cpu", "cpu.max", format!("{quota} {period}")));
    }
    if new.cpuset_cpus != old.cpuset_cpus {
        list.push(Setting::new("cpuset", "cpuset.cpus", &new.cpuset_cpus));
    }
    if new.cpuset_mems != old.cpuset_mems {
        list.push(Setting::new("cpuset", "cpuset.mems", &new.cpuset_mems));
    }
    if new.memory_limit_in_bytes > 0 {
        if new.memory_limit_in_bytes != old.memory_limit_in_bytes {
            list.push(Setting::new("memory", "memory.max", new.memory_limit_in_bytes));
        }
        if swap(new) != swap(old) {
            list.push(Setting::new("memory", "memory.swap.max", swap(new)));
        }
    }
    let mut others: Vec<(&String, &String)> =
        new.unified.iter().filter(|(file, value)| old.unified.get(*file) != Some(value)).collect();
    others.sort();
    list.extend(others.into_iter().map(|(file, value)| Setting::new("memory", file, value)));
    list
}

/// The kernel's documented mapping of 2..262144 shares to a weight of 1..10000.
fn weight(shares: i64) -> i64 {
    1 + ((shares.clamp(2, 262_144) - 2) * 9_999) / 262_142
}

/// Here swap is counted alone, in CRI together with memory.
fn swap(r: &LinuxContainerResources) -> String {
    match swap_of(r) {
        -1 => "max".to_owned(),
        both => (both - r.memory_limit_in_bytes).max(0).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_translated_from_those_of_v1() {
        let old = LinuxContainerResources { memory_limit_in_bytes: 50, ..Default::default() };
        let new = LinuxContainerResources {
            cpu_shares: 262_144,
            cpu_quota: -1,
            memory_limit_in_bytes: 100,
            memory_swap_limit_in_bytes: 130,
            unified: [("memory.high".to_owned(), "90".to_owned()), ("pids.max".to_owned(), "7".to_owned())].into(),
            ..Default::default()
        };
        let list: Vec<String> = settings(&old, &new).into_iter().map(|s| format!("{}={}", s.file, s.value)).collect();
        let expected = [
            "cpu.weight=10000",
            "cpu.max=max 100000",
            "memory.max=100",
            "memory.swap.max=30",
            "memory.high=90",
            "pids.max=7",
        ];
        assert_eq!(list, expected);
        assert!(settings(&new, &new).is_empty());
    }
}
