//! What a node says about itself, as a cluster wants to know it.

use std::fs;

use reprise_core::node_admission::Threshold;
use reprise_core::quantity::Quantity;
use reprise_core::resources::ResourceList;
use reprise_cri::CriError;
use reprise_cri::v1::Image;

use super::Node;
use crate::error::chain;
use crate::http::machine::MachineUsage;

/// The node at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What the machine has in all, with extended resources.
    pub capacity: ResourceList,
    /// What of it is for Pods.
    pub allocatable: ResourceList,
    /// The runtime, or why it does not answer.
    pub runtime: Result<RuntimeReport, String>,
    /// Names and size in bytes of each image.
    pub images: Vec<(Vec<String>, u64)>,
    /// What runs short.
    pub pressure: Pressure,
}

/// What a runtime says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuntimeReport {
    /// Its name and version, such as `containerd://2.0.1`.
    pub version: String,
    /// Why it or its network is not ready; none if all is well.
    pub not_ready: Option<String>,
    /// Its handlers.
    pub handlers: Vec<HandlerReport>,
    /// Whether it follows `supplementalGroupsPolicy`.
    pub supplemental_groups_policy: bool,
}

/// One way to run sandboxes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandlerReport {
    /// Empty for the default one.
    pub name: String,
    /// Whether read-only mounts are that all the way down.
    pub recursive_read_only_mounts: bool,
    /// Whether Pods can have a user namespace.
    pub user_namespaces: bool,
}

/// What the machine runs short of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Less memory than `evictionHard` says.
    pub memory: bool,
    /// Less room on the disk than the settings say.
    pub disk: bool,
    /// Nearly no process ids.
    pub pids: bool,
}

impl Node {
    /// How the node is now.
    pub async fn report(&self) -> Report {
        let shared = &self.inner.shared;
        let (mut capacity, mut allocatable) = (shared.capacity.clone(), shared.rules.allocatable.clone());
        for (name, amount) in self.extended_resources() {
            capacity.insert(name.clone(), Quantity::units(i64::try_from(amount.capacity).unwrap_or(i64::MAX)));
            allocatable.insert(name, Quantity::units(i64::try_from(amount.allocatable).unwrap_or(i64::MAX)));
        }
        let runtime = shared.runtime.report().await.map_err(|error| chain(&error));
        let images = self.image_names().await.unwrap_or_else(|error| {
            tracing::debug!(error = %chain(&error), "images can't be listed");
            Vec::new()
        });
        Report { capacity, allocatable, runtime, images, pressure: self.pressure() }
    }

    async fn image_names(&self) -> Result<Vec<(Vec<String>, u64)>, CriError> {
        let names = |image: Image| ([image.repo_digests, image.repo_tags].concat(), image.size);
        let mut images: Vec<_> = self.inner.shared.runtime.images().await?.into_iter().map(names).collect();
        images.sort_by(|(a_names, a), (b_names, b)| b.cmp(a).then_with(|| a_names.cmp(b_names)));
        Ok(images)
    }

    fn pressure(&self) -> Pressure {
        let reservations = &self.config().reservations;
        let usage = MachineUsage::now();
        let free_memory = usage.memory_total.saturating_sub(usage.memory_working_set);
        let memory = is_short(reservations.memory_available, usage.memory_total, free_memory);
        let disk = match rustix::fs::statvfs(&self.config().data_dir) {
            Ok(disk) => {
                let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
                is_short(self.config().disk_pressure, bytes(disk.f_blocks), bytes(disk.f_bavail))
            }
            Err(error) => {
                tracing::warn!(%error, "the room on the disk is not known");
                false
            }
        };
        Pressure { memory, disk, pids: pids_are_short() }
    }
}

fn is_short(threshold: Threshold, all: u64, free: u64) -> bool {
    let bytes = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    all > 0 && bytes(free) < threshold.of(Quantity::bytes(bytes(all))).value()
}

/// Whether nearly all process ids are taken: the last hundredth is left to the system.
fn pids_are_short() -> bool {
    const LEFT: u64 = 100;
    let read = |path: &str| fs::read_to_string(path).ok();
    let most = read("/proc/sys/kernel/pid_max").and_then(|text| text.trim().parse::<u64>().ok());
    let running = read("/proc/loadavg").and_then(|text| {
        let counts = text.split_whitespace().nth(3)?.split_once('/')?.1.to_owned();
        counts.parse::<u64>().ok()
    });
    most.zip(running).is_some_and(|(most, running)| running > most - most / LEFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_is_below_the_threshold_and_what_is_not_known_is_not_short() {
        let tenth: Threshold = "10%".parse().unwrap();
        assert!(is_short(tenth, 1000, 99) && !is_short(tenth, 1000, 100) && !is_short(tenth, 0, 0));
        assert!(!is_short(Threshold::NONE, 1000, 0));
    }
}
