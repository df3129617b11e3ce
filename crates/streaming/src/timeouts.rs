//! How long a connection may keep others waiting.

use std::time::Duration;

/// Limits on a connection's silence; the defaults are those of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// How long a client may take to open the streams that it needs.
    pub creation: Duration,
    /// How long nothing may move before the connection is closed.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { creation: Duration::from_secs(30), idle: Duration::from_secs(4 * 60 * 60) }
    }
}
