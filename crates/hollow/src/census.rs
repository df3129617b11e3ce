//! Counts what happens in a whole fleet.

use serde::Serialize;
use tokio::sync::watch;

/// How a fleet stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Nodes that the API has been told are ready.
    pub nodes_ready: usize,
    /// Sandboxes.
    pub sandboxes: usize,
    /// Workers whose program runs now. A worker is a container that neither ends by itself nor is a restart agent; an agent that
    /// runs the worker itself is one from the moment at which it lets it go.
    pub workers_running: usize,
    /// How many workers have begun since the start of the fleet.
    pub workers_begun: u64,
}

/// The counts of a fleet, for all who change and who watch them.
#[derive(Debug)]
pub(crate) struct Census(watch::Sender<Counts>);

impl Default for Census {
    fn default() -> Self {
        Self(watch::Sender::new(Counts::default()))
    }
}

impl Census {
    pub(crate) fn change(&self, change: impl FnOnce(&mut Counts)) {
        self.0.send_modify(change);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Counts> {
        self.0.subscribe()
    }
}
