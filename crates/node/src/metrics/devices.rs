//! Device plugins, counted and timed.

use std::time::Duration;

use super::Metrics;

impl Metrics {
    /// A plugin has asked to be taken.
    pub(crate) fn plugin_registered(&self, resource: &str) {
        self.plugin_registrations.add(&[resource]);
    }

    /// A plugin has been asked what it takes to use devices.
    pub(crate) fn devices_allocated(&self, resource: &str, took: Duration) {
        self.device_allocation_seconds.observe(&[resource], took);
    }
}
