//! Where the kubelet of a Pod is.

use k8s_openapi::api::core::v1::{Node, Pod};
use reprise_core::unset::{list, text};

use crate::server::Server;
use crate::status::ApiError;
use crate::store::Key;

/// In this order, as the API server's default.
const PREFERRED: [&str; 5] = ["Hostname", "InternalDNS", "InternalIP", "ExternalDNS", "ExternalIP"];

/// Where a kubelet is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    /// The node.
    pub node: String,
    /// Its name or addresses, the most wanted first.
    pub hosts: Vec<String>,
    /// The kubelet's port.
    pub port: u16,
}

/// The kubelet of the Pod's node, as the Node object says.
///
/// # Errors
/// 400 for a Pod without a node, 500 for a node that says not where it is.
pub(super) fn of(server: &Server, pod: &Pod) -> Result<Destination, ApiError> {
    let name = pod.spec.as_ref().map(|spec| text(&spec.node_name)).unwrap_or_default();
    if name.is_empty() {
        let pod = text(&pod.metadata.name);
        return Err(ApiError::bad_request(format!("pod {pod} does not have a host assigned")));
    }
    let key = Key { resource: "nodes", namespace: String::new(), name: name.to_owned() };
    let stored = server.store.get(&key).ok_or_else(|| ApiError::not_found("", "nodes", name))?;
    let node: Node = serde_json::from_slice(&stored.json).map_err(ApiError::internal)?;
    at(&node).ok_or_else(|| ApiError::internal(format!("node {name:?} does not say where its kubelet is")))
}

fn at(node: &Node) -> Option<Destination> {
    let status = node.status.as_ref()?;
    let port = status.daemon_endpoints.as_ref()?.kubelet_endpoint.as_ref()?.port;
    let mut addresses: Vec<_> = list(&status.addresses).iter().collect();
    let place = |kind: &str| PREFERRED.iter().position(|known| *known == kind).unwrap_or(PREFERRED.len());
    addresses.sort_by_key(|address| (is_name(&address.address), place(&address.type_)));
    let hosts: Vec<String> = addresses.into_iter().map(|address| address.address.clone()).collect();
    let node = text(&node.metadata.name).to_owned();
    Some(Destination { node, hosts, port: u16::try_from(port).ok()? }).filter(|found| !found.hosts.is_empty())
}

/// A node's name often is no name that anybody can look up: its addresses come first.
fn is_name(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_come_before_names_and_internal_ones_before_external_ones() {
        let address = |kind: &str, address: &str| json!({"type": kind, "address": address});
        let addresses =
            [address("ExternalIP", "192.0.2.1"), address("Hostname", "n"), address("InternalIP", "10.0.0.1")];
        let status = json!({"addresses": addresses, "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}});
        let node: Node = serde_json::from_value(json!({"metadata": {"name": "n"}, "status": status})).unwrap();
        let found = at(&node).unwrap();
        assert_eq!((found.hosts.join(" ").as_str(), found.port), ("10.0.0.1 192.0.2.1 n", 10250));
        assert_eq!(at(&Node::default()), None);
    }
}
