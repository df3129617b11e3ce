//! Whether a node takes a Pod on, beside those that it has: the last check before anything of it is made.
//!
//! A Pod that is refused has failed for good, with a reason and a message in the kubelet's words. A Pod that was taken on
//! is never asked again.

mod allocatable;
mod fit;
pub mod sysctls;

use k8s_openapi::api::core::v1::Pod;

use crate::resources::ResourceList;

pub use allocatable::{Reservations, Threshold, ThresholdError};

/// What a node has and allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeRules {
    /// What Pods can have in all: `cpu`, `memory`, `ephemeral-storage`, `pods`, and extended resources. Of what is not
    /// listed there is none, but the number of Pods, which is then not limited.
    pub allocatable: ResourceList,
    /// Kernel parameters beyond the safe ones, by name or as a prefix with `*` (the kubelet's `allowedUnsafeSysctls`).
    pub allowed_unsafe_sysctls: Vec<String>,
}

/// Why a Pod was not taken on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `OutOfcpu`, `SysctlForbidden`, ...
    pub reason: String,
    /// A sentence.
    pub message: String,
}

/// Decides about `pod` beside the `others`, which are all Pods that have not ended.
///
/// # Errors
/// Why the node does not take it on.
pub fn admit<'a>(pod: &Pod, others: impl IntoIterator<Item = &'a Pod>, node: &NodeRules) -> Result<(), Refusal> {
    sysctls::check(pod, &node.allowed_unsafe_sysctls)?;
    check_os(pod)?;
    fit::check(pod, others, &node.allocatable)
}

/// This node runs Linux.
fn check_os(pod: &Pod) -> Result<(), Refusal> {
    let os = pod.spec.as_ref().and_then(|spec| spec.os.as_ref());
    if os.is_none_or(|os| os.name == "linux") {
        return Ok(());
    }
    Err(Refusal::new("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"))
}

impl Refusal {
    fn new(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason: reason.into(), message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn another_system_s_pod_is_refused() {
        let of = |os: &str| serde_json::from_value(json!({"spec": {"os": {"name": os}, "containers": []}})).unwrap();
        assert_eq!(admit(&of("linux"), [], &NodeRules::default()), Ok(()));
        assert_eq!(admit(&of("windows"), [], &NodeRules::default()).unwrap_err().reason, "PodOSNotSupported");
    }
}
