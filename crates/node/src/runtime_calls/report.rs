//! What the runtime says about itself.

use std::time::Duration;

use reprise_cri::v1::{RuntimeHandler, StatusRequest, StatusResponse, VersionRequest};
use reprise_cri::{Call, CriError};

use super::Runtime;
use crate::node::{HandlerReport, RuntimeReport};

/// A runtime that takes longer is not well.
const LIMIT: Duration = Duration::from_secs(5);

impl Runtime {
    /// Version, readiness and handlers.
    pub(crate) async fn report(&self) -> Result<RuntimeReport, CriError> {
        let request = VersionRequest { version: "v1".to_owned() };
        let version =
            self.client.call(Call::new("Version", "").within(LIMIT), self.client.runtime().version(request)).await?;
        let request = StatusRequest { verbose: false };
        let status =
            self.client.call(Call::new("Status", "").within(LIMIT), self.client.runtime().status(request)).await?;
        Ok(RuntimeReport {
            version: format!("{}://{}", version.runtime_name, version.runtime_version),
            not_ready: not_ready(&status),
            supplemental_groups_policy: status.features.as_ref().is_some_and(|f| f.supplemental_groups_policy),
            handlers: status.runtime_handlers.into_iter().map(handler).collect(),
        })
    }
}

/// In the kubelet's words.
fn not_ready(status: &StatusResponse) -> Option<String> {
    let conditions = status.status.iter().flat_map(|status| &status.conditions);
    let failing: Vec<String> = conditions
        .filter(|c| !c.status && matches!(c.r#type.as_str(), "RuntimeReady" | "NetworkReady"))
        .map(|c| {
            let what = if c.r#type == "NetworkReady" {
                "container runtime network not ready"
            } else {
                "container runtime status check failed"
            };
            format!("{what}: {}={} reason:{} message:{}", c.r#type, c.status, c.reason, c.message)
        })
        .collect();
    (!failing.is_empty()).then(|| failing.join(", "))
}

fn handler(handler: RuntimeHandler) -> HandlerReport {
    let features = handler.features.unwrap_or_default();
    HandlerReport {
        name: handler.name,
        recursive_read_only_mounts: features.recursive_read_only_mounts,
        user_namespaces: features.user_namespaces,
    }
}

#[cfg(test)]
mod tests {
    use reprise_cri::v1::{RuntimeCondition, RuntimeStatus};

    use super::*;

    #[test]
    fn a_runtime_without_a_network_says_so() {
        let condition = |kind: &str, status| RuntimeCondition {
            r#type: kind.to_owned(),
            status,
            reason: "R".to_owned(),
            message: "m".to_owned(),
        };
        let of = |network| StatusResponse {
            status: Some(RuntimeStatus {
                conditions: vec![condition("RuntimeReady", true), condition("NetworkReady", network)],
            }),
            ..StatusResponse::default()
        };
        assert_eq!(not_ready(&of(true)), None);
        let said = "container runtime network not ready: NetworkReady=false reason:R message:m";
        assert_eq!(not_ready(&of(false)).as_deref(), Some(said));
    }
}
