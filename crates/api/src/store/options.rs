//! How a store is opened.

use std::sync::Arc;

use super::seal::{Plain, Seal};

/// How a store is opened.
#[derive(Clone)]
pub struct StoreOptions {
    /// All resources that it keeps, as keys name them (`pods`, `jobs.batch`). What else is in the file is left there.
    pub resources: Vec<&'static str>,
    /// Encryption at rest.
    pub seal: Arc<dyn Seal>,
    /// How much is remembered for watchers.
    pub history: HistoryLimits,
}

impl StoreOptions {
    /// Without encryption, and with the usual limits.
    #[must_use]
    pub fn new(resources: Vec<&'static str>) -> Self {
        Self { resources, seal: Arc::new(Plain), history: HistoryLimits::default() }
    }
}

/// How much is remembered for watchers. One that is further behind has to list again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryLimits {
    /// Events of one resource.
    pub events: usize,
    /// Bytes of the objects in the events of one resource, as they became and as they were.
    pub bytes: usize,
    /// Bytes of the objects in all events.
    pub bytes_in_all: usize,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self { events: 16_384, bytes: 24 << 20, bytes_in_all: 48 << 20 }
    }
}
