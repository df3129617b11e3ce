//! Limits of a container that runs: what of a request makes sense, how a change adds to what was set, and which cgroup
//! files say so.

mod v1;
mod v2;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;

use reprise_cri::v1::LinuxContainerResources;

use crate::hierarchies;

/// Why limits can't be set.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// A value that makes no sense.
    #[error("linux.resources.{field}: {why}")]
    Invalid {
        /// Where in the request.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Something that this runtime does not do.
    #[error("{0} is not supported by this runtime yet")]
    Unsupported(&'static str),
    /// The kernel refused.
    #[error("write {value:?} to {}", path.display())]
    Write {
        /// The cgroup file.
        path: PathBuf,
        /// What was to be written.
        value: String,
        /// Why not.
        source: io::Error,
    },
}

/// A value for a file of a controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    controller: &'static str,
    file: String,
    value: String,
}

impl Setting {
    fn new(controller: &'static str, file: impl Into<String>, value: impl ToString) -> Self {
        Self { controller, file: file.into(), value: value.to_string() }
    }
}

/// Whether swap can be limited here. A v1 kernel may count memory without counting swap.
pub fn has_swap() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| match hierarchies().controlling("memory") {
        Some(_) if hierarchies().is_v2() => fs::read_to_string("/proc/swaps").is_ok(),
        Some(point) => point.join("memory.memsw.limit_in_bytes").exists(),
        None => false,
    })
}

/// The limit of memory and swap together. Unless told otherwise a container does not swap, as in other runtimes.
pub fn swap_of(r: &LinuxContainerResources) -> i64 {
    if r.memory_swap_limit_in_bytes == 0 { r.memory_limit_in_bytes } else { r.memory_swap_limit_in_bytes }
}

/// Refuses values that make no sense, here or anywhere.
///
/// # Errors
/// The first such value.
pub fn check(r: &LinuxContainerResources) -> Result<(), LimitError> {
    let wrong = |field, why: String| Err(LimitError::Invalid { field, why });
    if r.hugepage_limits.iter().any(|h| h.limit > 0) {
        return Err(LimitError::Unsupported("a hugepage limit"));
    }
    for (field, value) in
        [("cpu_period", r.cpu_period), ("cpu_shares", r.cpu_shares), ("memory_limit_in_bytes", r.memory_limit_in_bytes)]
    {
        if value < 0 {
            return wrong(field, format!("{value} is negative"));
        }
    }
    let swap = r.memory_swap_limit_in_bytes;
    if swap < -1 || (swap > 0 && swap < r.memory_limit_in_bytes) {
        let why = format!("{swap} is less than the memory limit, which it includes");
        return wrong("memory_swap_limit_in_bytes", why);
    }
    if !(-1000..=1000).contains(&r.oom_score_adj) {
        return wrong("oom_score_adj", format!("{} is not between -1000 and 1000", r.oom_score_adj));
    }
    for (field, list) in [("cpuset_cpus", &r.cpuset_cpus), ("cpuset_mems", &r.cpuset_mems)] {
        if !list.chars().all(|c| c.is_ascii_digit() || ",-".contains(c)) {
            return wrong(field, format!("{list:?} is not a list such as 0-2,7"));
        }
    }
    check_unified(r)
}

fn check_unified(r: &LinuxContainerResources) -> Result<(), LimitError> {
    let mut files: Vec<&String> = r.unified.keys().collect();
    files.sort();
    let plain = |file: &str| file.contains('.') && file.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    for file in files {
        let why = if !plain(file) {
            format!("{file:?} is not the name of a cgroup file")
        } else if file.starts_with("cgroup.") {
            format!("{file} is not a limit")
        } else if !hierarchies().is_v2() && file != "pids.max" {
            format!("{file} needs cgroup v2, and this machine has v1")
        } else {
            continue;
        };
        return Err(LimitError::Invalid { field: "unified", why });
    }
    Ok(())
}

/// What is set after `change`: what it leaves at zero stays.
pub fn merged(old: &LinuxContainerResources, change: &LinuxContainerResources) -> LinuxContainerResources {
    let number = |old: i64, new: i64| if new == 0 { old } else { new };
    let text = |old: &str, new: &str| if new.is_empty() { old.to_owned() } else { new.to_owned() };
    let memory = number(old.memory_limit_in_bytes, change.memory_limit_in_bytes);
    let old_swap = old.memory_swap_limit_in_bytes;
    // A swap limit that was set is kept where it still includes the memory limit.
    let kept_swap = if old_swap > 0 && old_swap < memory { memory } else { old_swap };
    let mut unified = old.unified.clone();
    unified.extend(change.unified.clone());
    LinuxContainerResources {
        cpu_period: number(old.cpu_period, change.cpu_period),
        cpu_quota: number(old.cpu_quota, change.cpu_quota),
        cpu_shares: number(old.cpu_shares, change.cpu_shares),
        memory_limit_in_bytes: memory,
        oom_score_adj: number(old.oom_score_adj, change.oom_score_adj),
        cpuset_cpus: text(&old.cpuset_cpus, &change.cpuset_cpus),
        cpuset_mems: text(&old.cpuset_mems, &change.cpuset_mems),
        hugepage_limits: old.hugepage_limits.clone(),
        unified,
        memory_swap_limit_in_bytes: number(kept_swap, change.memory_swap_limit_in_bytes),
    }
}

/// Writes what differs between `old` and `new` to the cgroup.
///
/// # Errors
/// What the kernel refuses.
pub fn apply(cgroup: &str, old: &LinuxContainerResources, new: &LinuxContainerResources) -> Result<(), LimitError> {
    let read = |controller: &str, file: &str| {
        let text = fs::read_to_string(path(controller, cgroup, file)?).ok()?;
        text.trim().parse().ok()
    };
    let settings =
        if hierarchies().is_v2() { v2::settings(old, new) } else { v1::settings(old, new, has_swap(), &read) };
    settings.iter().try_for_each(|setting| write(cgroup, setting))
}

fn path(controller: &str, cgroup: &str, file: &str) -> Option<PathBuf> {
    Some(hierarchies().controlling(controller)?.join(cgroup.trim_start_matches('/')).join(file))
}

fn write(cgroup: &str, setting: &Setting) -> Result<(), LimitError> {
    // Controllers that are missing were named when the runtime started.
    let Some(path) = path(setting.controller, cgroup, &setting.file) else { return Ok(()) };
    fs::write(&path, &setting.value).map_err(|source| LimitError::Write { path, value: setting.value.clone(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_leaves_out_stays_and_swap_follows_a_larger_memory_limit() {
        let old = LinuxContainerResources {
            cpu_shares: 100,
            memory_limit_in_bytes: 10,
            memory_swap_limit_in_bytes: 15,
            ..Default::default()
        };
        let change = LinuxContainerResources { memory_limit_in_bytes: 20, ..Default::default() };
        let new = merged(&old, &change);
        assert_eq!((new.cpu_shares, new.memory_limit_in_bytes, new.memory_swap_limit_in_bytes), (100, 20, 20));
    }

    #[test]
    fn values_without_sense_are_refused() {
        let none = LinuxContainerResources::default();
        let unified = |file: &str| [(file.to_owned(), "1".to_owned())].into();
        let wrong = [
            LinuxContainerResources { memory_limit_in_bytes: -1, ..none.clone() },
            LinuxContainerResources { memory_limit_in_bytes: 9, memory_swap_limit_in_bytes: 8, ..none.clone() },
            LinuxContainerResources { oom_score_adj: 1001, ..none.clone() },
            LinuxContainerResources { cpuset_cpus: "0;1".to_owned(), ..none.clone() },
            LinuxContainerResources { unified: unified("../x.y"), ..none.clone() },
            LinuxContainerResources { unified: unified("cgroup.procs"), ..none.clone() },
        ];
        assert!(check(&none).is_ok());
        for resources in wrong {
            assert!(check(&resources).is_err(), "{resources:?}");
        }
    }
}
