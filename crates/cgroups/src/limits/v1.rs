//! The files of cgroup v1, in an order that the kernel accepts.

use reprise_cri::v1::LinuxContainerResources;

use super::{Setting, swap_of};

/// No limit, for memory.
const UNLIMITED: i64 = -1;

/// What leads from `old` to `new`; `read` tells the number in a file of a controller now.
pub fn settings(
    old: &LinuxContainerResources,
    new: &LinuxContainerResources,
    has_swap: bool,
    read: &dyn Fn(&str, &str) -> Option<i64>,
) -> Vec<Setting> {
    let mut list = Vec::new();
    if new.cpu_shares != old.cpu_shares && new.cpu_shares > 0 {
        list.push(Setting::new("cpu", "cpu.shares", new.cpu_shares.max(2)));
    }
    list.extend(bandwidth(old, new, read));
    if new.cpuset_cpus != old.cpuset_cpus {
        list.push(Setting::new("cpuset", "cpuset.cpus", &new.cpuset_cpus));
    }
    if new.cpuset_mems != old.cpuset_mems {
        list.push(Setting::new("cpuset", "cpuset.mems", &new.cpuset_mems));
    }
    list.extend(memory(old, new, has_swap, read));
    if let Some(limit) = new.unified.get("pids.max").filter(|limit| old.unified.get("pids.max") != Some(limit)) {
        list.push(Setting::new("pids", "pids.max", limit));
    }
    list
}

/// At no moment may the share of quota and period be larger than both the old and the new one: the parent has a limit too.
fn bandwidth(
    old: &LinuxContainerResources,
    new: &LinuxContainerResources,
    read: &dyn Fn(&str, &str) -> Option<i64>,
) -> Vec<Setting> {
    let quota = (new.cpu_quota != old.cpu_quota).then(|| Setting::new("cpu", "cpu.cfs_quota_us", new.cpu_quota));
    let period = (new.cpu_period != old.cpu_period && new.cpu_period > 0)
        .then(|| Setting::new("cpu", "cpu.cfs_period_us", new.cpu_period));
    let longer = read("cpu", "cpu.cfs_period_us").is_none_or(|now| new.cpu_period >= now);
    if longer { [period, quota] } else { [quota, period] }.into_iter().flatten().collect()
}

/// The limit of memory and swap is never below that of memory alone, on the way either.
fn memory(
    old: &LinuxContainerResources,
    new: &LinuxContainerResources,
    has_swap: bool,
    read: &dyn Fn(&str, &str) -> Option<i64>,
) -> Vec<Setting> {
    const MEMORY: &str = "memory.limit_in_bytes";
    const BOTH: &str = "memory.memsw.limit_in_bytes";
    let limit = new.memory_limit_in_bytes;
    if limit == 0 || (limit == old.memory_limit_in_bytes && swap_of(new) == swap_of(old)) {
        return Vec::new();
    }
    let alone = Setting::new("memory", MEMORY, limit);
    if !has_swap {
        return vec![alone];
    }
    let both = Setting::new("memory", BOTH, swap_of(new).max(UNLIMITED));
    let raised = read("memory", BOTH).is_some_and(|now| limit > now);
    if raised { vec![both, alone] } else { vec![alone, both] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(old: &LinuxContainerResources, new: &LinuxContainerResources, now: i64) -> Vec<String> {
        let settings = settings(old, new, true, &|_, _| Some(now));
        settings.into_iter().map(|s| format!("{}={}", s.file, s.value)).collect()
    }

    fn memory(limit: i64) -> LinuxContainerResources {
        LinuxContainerResources { memory_limit_in_bytes: limit, ..Default::default() }
    }

    #[test]
    fn memory_and_swap_are_raised_from_above_and_lowered_from_below() {
        let (alone, both) = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes");
        assert_eq!(list(&memory(10), &memory(20), 10), [format!("{both}=20"), format!("{alone}=20")]);
        assert_eq!(list(&memory(20), &memory(10), 20), [format!("{alone}=10"), format!("{both}=10")]);
        assert!(list(&memory(20), &memory(20), 20).is_empty());
    }

    #[test]
    fn a_longer_period_comes_before_its_quota_and_a_shorter_one_after() {
        let cpu = |cpu_quota, cpu_period| LinuxContainerResources { cpu_quota, cpu_period, ..Default::default() };
        let longer = list(&cpu(50, 100), &cpu(90, 200), 100);
        assert_eq!(longer, ["cpu.cfs_period_us=200", "cpu.cfs_quota_us=90"]);
        let shorter = list(&cpu(90, 200), &cpu(50, 100), 200);
        assert_eq!(shorter, ["cpu.cfs_quota_us=50", "cpu.cfs_period_us=100"]);
    }

    #[test]
    fn without_counting_swap_only_memory_is_limited() {
        let settings = settings(&memory(1), &memory(2), false, &|_, _| None);
        assert_eq!(settings, [Setting::new("memory", "memory.limit_in_bytes", 2)]);
    }
}
