//! Changing a running container's limits.

use std::fs;
use std::path::PathBuf;

use reprise_cri::v1::LinuxContainerResources;

use super::engine::Engine;
use super::failure::Failure;
use crate::cgroup::hierarchies;
use crate::disk::DiskError;

impl Engine {
    /// Writes the limits that are set in `resources` to the container's cgroups.
    pub fn update_resources(&self, id: &str, resources: &LinuxContainerResources) -> Result<(), Failure> {
        let container = self.container(id)?;
        let files = if hierarchies().is_v2() { unified(resources) } else { v1(resources) };
        for (controller, file, value) in files {
            let Some(point) = hierarchies().controlling(controller) else { continue };
            let path: PathBuf = point.join(container.cgroup.trim_start_matches('/')).join(file);
            fs::write(&path, value).map_err(DiskError::io("write", &path))?;
        }
        Ok(())
    }
}

type File = (&'static str, &'static str, String);

fn v1(r: &LinuxContainerResources) -> Vec<File> {
    let mut files = Vec::new();
    let mut put = |set: bool, controller, file, value: String| {
        if set {
            files.push((controller, file, value));
        }
    };
    put(r.cpu_shares > 0, "cpu", "cpu.shares", r.cpu_shares.to_string());
    put(r.cpu_period > 0, "cpu", "cpu.cfs_period_us", r.cpu_period.to_string());
    put(r.cpu_quota != 0, "cpu", "cpu.cfs_quota_us", r.cpu_quota.to_string());
    put(!r.cpuset_cpus.is_empty(), "cpuset", "cpuset.cpus", r.cpuset_cpus.clone());
    put(!r.cpuset_mems.is_empty(), "cpuset", "cpuset.mems", r.cpuset_mems.clone());
    put(r.memory_limit_in_bytes > 0, "memory", "memory.limit_in_bytes", r.memory_limit_in_bytes.to_string());
    let pids = r.unified.get("pids.max").cloned();
    put(pids.is_some(), "pids", "pids.max", pids.unwrap_or_default());
    files
}

fn unified(r: &LinuxContainerResources) -> Vec<File> {
    let mut files = Vec::new();
    if r.cpu_shares > 0 {
        // The kernel's documented mapping of 2..262144 shares to a weight of 1..10000.
        let weight = 1 + ((r.cpu_shares.clamp(2, 262_144) - 2) * 9_999) / 262_142;
        files.push(("cpu", "cpu.weight", weight.to_string()));
    }
    if r.cpu_quota != 0 {
        let quota = if r.cpu_quota < 0 { "max".to_owned() } else { r.cpu_quota.to_string() };
        let period = if r.cpu_period > 0 { r.cpu_period } else { 100_000 };
        files.push(("cpu", "cpu.max", format!("{quota} {period}")));
    }
    if r.memory_limit_in_bytes > 0 {
        files.push(("memory", "memory.max", r.memory_limit_in_bytes.to_string()));
    }
    if !r.cpuset_cpus.is_empty() {
        files.push(("cpuset", "cpuset.cpus", r.cpuset_cpus.clone()));
    }
    if let Some(pids) = r.unified.get("pids.max") {
        files.push(("pids", "pids.max", pids.clone()));
    }
    files
}
