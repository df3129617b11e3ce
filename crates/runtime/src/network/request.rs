//! What a sandbox asks of the network.

use std::collections::BTreeMap;

use reprise_cri::v1::{DnsConfig, PodSandboxConfig};

use super::host_port::{HostPort, HostPortError};

/// What a sandbox asks of the network.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The sandbox.
    pub sandbox: String,
    /// The Pod's namespace.
    pub namespace: String,
    /// The Pod's name.
    pub name: String,
    /// The Pod's UID.
    pub uid: String,
    /// Ports of the host that are to lead to it.
    pub ports: Vec<HostPort>,
    /// Where the Pod looks up names.
    pub dns: DnsConfig,
    /// The Pod's annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Request {
    /// Reads it from a sandbox's config.
    pub fn of(sandbox: &str, config: &PodSandboxConfig) -> Result<Self, HostPortError> {
        let metadata = config.metadata.clone().unwrap_or_default();
        Ok(Self {
            sandbox: sandbox.to_owned(),
            namespace: metadata.namespace,
            name: metadata.name,
            uid: metadata.uid,
            ports: HostPort::all_of(&config.port_mappings)?,
            dns: config.dns_config.clone().unwrap_or_default(),
            annotations: config.annotations.clone().into_iter().collect(),
        })
    }

    /// The Pod for people.
    pub fn pod(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}
