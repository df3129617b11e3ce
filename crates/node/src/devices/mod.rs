//! Devices of device plugins: who has registered, what each has, which Pod was given what.
//!
//! ```text
//! plugins --Register--> registration --> plugins --one task each, ListAndWatch--> inventory
//!                                                                                     |
//! worker --AllocateDevices--> allocation: core::devices::allocate, Allocate, devices.json, book
//! ```
//!
//! Which device goes to whom is decided in the core, under the book's lock, so no device is given out twice. What a
//! container needs to use its devices is kept with them: a Pod goes on with it whether or not the plugin is there.

mod allocation;
mod book;
mod grant;
mod plugins;
mod registration;
mod start;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reprise_core::devices::{Capacity, ObservedDevices};
use reprise_device_plugin::AGENT_SOCKET;
use tokio::sync::watch;

use crate::metrics::Metrics;

pub(crate) use allocation::AllocationFailure;
pub(crate) use grant::{ContainerGrants, FORMAT as GRANTS_FORMAT, PodGrants, add_to, add_variables};
pub(crate) use registration::listen;

/// The devices of a node. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Devices {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    plugins: plugins::Plugins,
    book: book::Book,
    metrics: Arc<Metrics>,
    /// Until then a resource that is not registered may still come: plugins need a moment to see a new agent.
    expected_until: Instant,
}

impl Devices {
    /// A node whose plugins lay their sockets into `folder` and register within `wait`.
    pub(crate) fn new(folder: PathBuf, wait: Duration, metrics: Arc<Metrics>) -> Self {
        let expected_until = Instant::now() + wait;
        let (plugins, book) = (plugins::Plugins::default(), book::Book::default());
        Self { shared: Arc::new(Shared { folder, plugins, book, metrics, expected_until }) }
    }

    /// Takes down what a Pod had when the last agent ended.
    pub(crate) fn restore(&self, uid: &str, grants: PodGrants) {
        self.shared.book.restore(uid, grants);
    }

    /// A Pod has ended: others may have its devices.
    pub(crate) fn release(&self, uid: &str) {
        if self.shared.book.release(uid) {
            tracing::debug!(uid, "devices are free again");
        }
    }

    /// What a worker is to know of its Pod's devices. `refused`: why it could not have them.
    pub(crate) fn observe(&self, uid: &str, refused: Option<String>) -> ObservedDevices {
        let Some(grants) = self.shared.book.grants(uid) else {
            return ObservedDevices { refused, ..ObservedDevices::default() };
        };
        let allocated = grants.devices();
        let health = self.shared.plugins.health(allocated.values().flat_map(BTreeMap::keys));
        ObservedDevices { allocated: Some(allocated), refused, health }
    }

    /// What a container was given, to be put into its configuration.
    pub(crate) fn of_container(&self, uid: &str, container: &str) -> ContainerGrants {
        self.shared.book.grants(uid).and_then(|grants| grants.containers.get(container).cloned()).unwrap_or_default()
    }

    /// Turns with every change of a plugin or a device.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.shared.plugins.changes()
    }

    /// How much there is of each resource that a plugin has registered.
    pub(crate) fn capacity(&self) -> BTreeMap<String, Capacity> {
        self.shared.plugins.inventory().iter().map(|(name, resource)| (name.clone(), resource.capacity())).collect()
    }

    /// Lets go of all plugins.
    pub(crate) fn stop(&self) {
        self.shared.plugins.stop();
    }

    /// The agent's socket, for as long as registrations are taken.
    pub(crate) fn socket(&self) -> PathBuf {
        self.shared.folder.join(AGENT_SOCKET)
    }
}
