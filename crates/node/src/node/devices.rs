//! The node's devices: those that its Pods had, and how much there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use reprise_core::devices::Capacity;

use super::Node;
use crate::config::NodeConfig;
use crate::devices::Devices;
use crate::error::NodeError;
use crate::metrics::Metrics;
use crate::paths::NodePaths;
use crate::pod_key::uid_of;
use crate::record::{devices_file, ledger_file};

/// The devices of a node, those of its Pods taken: before any new Pod could be given them.
pub(super) fn restored(
    config: &NodeConfig,
    paths: &NodePaths,
    pods: &[Pod],
    metrics: &Arc<Metrics>,
) -> Result<Devices, NodeError> {
    let folder = config.device_plugin_dir.clone().unwrap_or_else(|| paths.device_plugins());
    let devices = Devices::new(folder, config.device_plugin_wait, Arc::clone(metrics));
    for pod in pods {
        let paths = paths.pod(pod);
        let Some(grants) = devices_file::read(&paths.devices_file())? else { continue };
        // One whose containers have all ended uses nothing any more.
        if ledger_file::read(&paths.ledger_file())?.ending.is_none_or(|ending| !ending.over) {
            devices.restore(uid_of(pod), grants);
        }
    }
    Ok(devices)
}

impl Node {
    /// How much there is of each extended resource that a device plugin has registered.
    #[must_use]
    pub fn extended_resources(&self) -> BTreeMap<String, Capacity> {
        self.inner.shared.devices.capacity()
    }
}
