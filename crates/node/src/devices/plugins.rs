//! The plugins that have registered, and their devices as they last told them.
//!
//! A plugin that goes away keeps its resource for a while, with no healthy device, as with the kubelet: its Pods run on,
//! and it may only be updated. One that registers again takes its own place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reprise_core::devices::{Device, Inventory, Question, ResourceDevices};
use reprise_device_plugin::v1beta1::{ContainerAllocateResponse, DevicePluginOptions, ListAndWatchResponse};
use reprise_device_plugin::{HEALTHY, PluginClient, PluginError};
use tokio::sync::watch;
use tonic::Code;

use crate::metrics::Metrics;
use crate::owned_task::OwnedTask;

/// How long the resource of a plugin that is gone stays known; the kubelet's time.
const KEPT_FOR: Duration = Duration::from_secs(300);
/// The first wait before a plugin's stream is opened again, and the longest.
const FIRST_RETRY: Duration = Duration::from_millis(50);
/// See [`FIRST_RETRY`].
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// All plugins.
#[derive(Debug, Default)]
pub(super) struct Plugins {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    plugins: Mutex<BTreeMap<String, Plugin>>,
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct Plugin {
    client: PluginClient,
    options: DevicePluginOptions,
    /// Its devices; none before it has told of them for the first time.
    devices: Option<BTreeMap<String, Device>>,
    is_connected: bool,
    /// Tells one registration of a resource from the next.
    serial: u64,
    watching: Option<OwnedTask>,
}

impl Plugins {
    /// Follows the plugin at `socket` as the one that has `resource`.
    pub(super) fn register(&self, resource: &str, socket: &Path) {
        let client = PluginClient::new(socket);
        let mut plugins = self.state.plugins();
        let old = plugins.remove(resource);
        let serial = old.as_ref().map_or(0, |old| old.serial + 1);
        let mut plugin = Plugin {
            client: client.clone(),
            options: DevicePluginOptions::default(),
            // What one that is replaced had is right until the new one tells.
            is_connected: old.as_ref().is_some_and(|old| old.is_connected),
            devices: old.and_then(|old| old.devices),
            serial,
            watching: None,
        };
        let following = Following { state: Arc::clone(&self.state), resource: resource.to_owned(), serial, client };
        plugin.watching = Some(OwnedTask::spawn(following.run()));
        plugins.insert(resource.to_owned(), plugin);
    }

    pub(super) fn stop(&self) {
        self.state.plugins().clear();
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.state.changes.subscribe()
    }

    /// What there is. Devices of a plugin that is away are there, but none of them is healthy.
    pub(super) fn inventory(&self) -> Inventory {
        let resource = |plugin: &Plugin| {
            let mut devices = plugin.devices.clone()?;
            devices.values_mut().for_each(|device| device.healthy &= plugin.is_connected);
            Some(ResourceDevices { devices, has_preference: plugin.options.get_preferred_allocation_available })
        };
        self.state.plugins().iter().filter_map(|(name, plugin)| Some((name.clone(), resource(plugin)?))).collect()
    }

    /// The health of all devices of these resources whose plugin is there.
    pub(super) fn health<'a>(
        &self,
        resources: impl Iterator<Item = &'a String>,
    ) -> BTreeMap<String, BTreeMap<String, bool>> {
        let plugins = self.state.plugins();
        let of = |name: &String| {
            let plugin = plugins.get(name).filter(|plugin| plugin.is_connected)?;
            let devices = plugin.devices.iter().flatten().map(|(id, device)| (id.clone(), device.healthy)).collect();
            Some((name.clone(), devices))
        };
        resources.filter_map(of).collect()
    }

    pub(super) async fn preferred(&self, question: &Question) -> Result<BTreeSet<String>, PluginError> {
        let (client, _) = self.client(&question.resource)?;
        client.preferred(&question.available, &question.must_include, question.size).await
    }

    /// What it takes to use these devices, and whether they are to be prepared before each start.
    pub(super) async fn allocate(
        &self,
        resource: &str,
        ids: &BTreeSet<String>,
        metrics: &Metrics,
    ) -> Result<(ContainerAllocateResponse, bool), PluginError> {
        let (client, options) = self.client(resource)?;
        let begun = Instant::now();
        let answer = client.allocate(ids).await;
        metrics.devices_allocated(resource, begun.elapsed());
        Ok((answer?, options.pre_start_required))
    }

    /// Has devices prepared if their plugin wants that now, or wanted it when they were given out.
    pub(super) async fn pre_start(
        &self,
        resource: &str,
        ids: &BTreeSet<String>,
        was_required: bool,
    ) -> Result<(), PluginError> {
        match self.client(resource) {
            Ok((client, options)) if was_required || options.pre_start_required => client.pre_start(ids).await,
            Err(error) if was_required => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn client(&self, resource: &str) -> Result<(PluginClient, DevicePluginOptions), PluginError> {
        let plugins = self.state.plugins();
        let plugin = plugins.get(resource).filter(|plugin| plugin.is_connected).ok_or_else(|| PluginError::Call {
            code: Code::Unavailable,
            message: format!("endpoint not found in cache for a registered resource: {resource}"),
        })?;
        Ok((plugin.client.clone(), plugin.options))
    }
}

impl State {
    fn plugins(&self) -> MutexGuard<'_, BTreeMap<String, Plugin>> {
        self.plugins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the plugin of a registration, if it still is the one.
    fn change(&self, resource: &str, serial: u64, change: impl FnOnce(&mut Plugin)) {
        if let Some(plugin) = self.plugins().get_mut(resource).filter(|plugin| plugin.serial == serial) {
            change(plugin);
        }
        self.changes.send_modify(|version| *version += 1);
    }

    fn remove(&self, resource: &str, serial: u64) {
        // It goes with its lock released: it holds the task that calls this.
        let mut plugins = self.plugins();
        let gone = plugins.get(resource).is_some_and(|plugin| plugin.serial == serial);
        let gone = gone.then(|| plugins.remove(resource));
        drop(plugins);
        self.changes.send_modify(|version| *version += 1);
        drop(gone);
    }
}

/// One registration's task.
struct Following {
    state: Arc<State>,
    resource: String,
    serial: u64,
    client: PluginClient,
}

impl Following {
    /// Follows the plugin until it has been gone for long.
    async fn run(self) {
        let (mut seen_at, mut pause) = (Instant::now(), FIRST_RETRY);
        loop {
            let begun = Instant::now();
            match self.follow().await {
                Ok(told) if told > 0 => seen_at = Instant::now(),
                Ok(_) => {}
                Err(error) => tracing::debug!(resource = self.resource, %error, "the device plugin can't be followed"),
            }
            // One that keeps hanging up is not asked all the time.
            if begun.elapsed() >= LONGEST_RETRY {
                pause = FIRST_RETRY;
            }
            self.state.change(&self.resource, self.serial, |plugin| plugin.is_connected = false);
            if seen_at.elapsed() >= KEPT_FOR {
                tracing::warn!(resource = self.resource, "the device plugin does not come back: its resource is gone");
                return self.state.remove(&self.resource, self.serial);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_RETRY);
        }
    }

    /// Takes in its lists until the stream ends; how many there were.
    async fn follow(&self) -> Result<usize, PluginError> {
        let options = self.client.options().await?;
        let mut lists = self.client.list_and_watch().await?;
        let mut told = 0;
        // A stream that breaks ends as one that ends: it is opened again.
        while let Ok(Some(list)) = lists.message().await {
            told += 1;
            let devices = devices(list);
            tracing::info!(resource = self.resource, devices = devices.len(), "devices");
            self.state.change(&self.resource, self.serial, |plugin| {
                (plugin.options, plugin.is_connected, plugin.devices) = (options, true, Some(devices));
            });
        }
        Ok(told)
    }
}

fn devices(list: ListAndWatchResponse) -> BTreeMap<String, Device> {
    let device = |device: reprise_device_plugin::v1beta1::Device| {
        let numa_nodes = device.topology.into_iter().flat_map(|topology| topology.nodes).map(|node| node.id).collect();
        (device.id, Device { healthy: device.health == HEALTHY, numa_nodes })
    };
    list.devices.into_iter().map(device).collect()
}
