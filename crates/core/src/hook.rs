//! Lifecycle hooks: what the core has to know of them.

use k8s_openapi::api::core::v1::Container;

/// How a postStart hook ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookResult {
    /// Well.
    Done,
    /// It failed, and its container is to end.
    Failed(String),
}

/// Whether `container` has something to run right after its start.
#[must_use]
pub fn has_post_start(container: &Container) -> bool {
    container.lifecycle.as_ref().is_some_and(|l| l.post_start.is_some())
}

/// Whether `container` has something to run before it is asked to end.
#[must_use]
pub fn has_pre_stop(container: &Container) -> bool {
    container.lifecycle.as_ref().is_some_and(|l| l.pre_stop.is_some())
}
