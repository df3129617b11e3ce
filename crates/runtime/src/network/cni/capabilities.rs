//! What a sandbox offers to plugins beyond their own configuration: they get it if they declare the capability.

use serde_json::{Map, Value, json};

use super::bandwidth;
use crate::network::host_port::HostPort;
use crate::network::request::Request;

/// Ports of the host that lead to the Pod.
pub const PORT_MAPPINGS: &str = "portMappings";

/// All that a sandbox offers, by capability.
pub fn offered(request: &Request) -> Result<Map<String, Value>, bandwidth::BandwidthError> {
    let mut all = Map::new();
    if !request.ports.is_empty() {
        let ports = request.ports.iter().map(port_mapping).collect();
        all.insert(PORT_MAPPINGS.to_owned(), Value::Array(ports));
    }
    if let Some(limits) = bandwidth::limits(&request.annotations)? {
        all.insert("bandwidth".to_owned(), limits);
    }
    let dns = &request.dns;
    if !(dns.servers.is_empty() && dns.searches.is_empty() && dns.options.is_empty()) {
        let dns = json!({ "servers": dns.servers, "searches": dns.searches, "options": dns.options });
        all.insert("dns".to_owned(), dns);
    }
    if !request.annotations.is_empty() {
        all.insert("io.kubernetes.cri.pod-annotations".to_owned(), json!(request.annotations));
    }
    Ok(all)
}

fn port_mapping(port: &HostPort) -> Value {
    let mut mapping = json!({
        "hostPort": port.host_port,
        "containerPort": port.container_port,
        "protocol": port.protocol.name(),
    });
    if let Some(ip) = port.host_ip {
        mapping["hostIP"] = json!(ip);
    }
    mapping
}

/// The part of it that `plugin` declares to be capable of.
pub fn declared(plugin: &Map<String, Value>, offered: &Map<String, Value>) -> Map<String, Value> {
    let wanted = |name: &String| declares(plugin, name);
    offered.iter().filter(|(name, _)| wanted(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether `plugin` declares a capability.
pub fn declares(plugin: &Map<String, Value>, name: &str) -> bool {
    plugin.get("capabilities").and_then(|c| c.get(name)) == Some(&Value::Bool(true))
}
