//! The devices and their health, which a file says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reprise_device_plugin::v1beta1::{Device, ListAndWatchResponse};
use reprise_device_plugin::{HEALTHY, UNHEALTHY};
use tokio::sync::watch;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The newest list of devices, and each newer one.
#[derive(Debug, Clone)]
pub struct Devices(watch::Receiver<ListAndWatchResponse>);

impl Devices {
    /// `count` devices; those that `unhealthy` names are out of order for as long as it does.
    pub fn watch(count: usize, unhealthy: Option<PathBuf>) -> Self {
        let list = move || list(count, unhealthy.as_deref());
        let (sender, receiver) = watch::channel(list());
        tokio::spawn(async move {
            // Until nobody listens any more.
            while !sender.is_closed() {
                let newest = list();
                sender.send_if_modified(|known| std::mem::replace(known, newest.clone()) != newest);
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Self(receiver)
    }

    /// The list, and each newer one.
    pub fn follow(&self) -> watch::Receiver<ListAndWatchResponse> {
        self.0.clone()
    }
}

fn list(count: usize, unhealthy: Option<&Path>) -> ListAndWatchResponse {
    // No file, nothing out of order.
    let text = unhealthy.and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
    let ill: BTreeSet<&str> = text.split_whitespace().collect();
    let device = |number: usize| {
        let id = format!("dev-{number}");
        let health = if ill.contains(id.as_str()) { UNHEALTHY } else { HEALTHY };
        Device { id, health: health.to_owned(), topology: None }
    };
    ListAndWatchResponse { devices: (0..count).map(device).collect() }
}
