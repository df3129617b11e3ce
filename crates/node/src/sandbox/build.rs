//! Puts a sandbox's CRI configuration together.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::{ContainerPort, Pod};
use reprise_core::node_admission::sysctls::dotted;
use reprise_core::roles::{self, Role};
use reprise_core::rules::can_restart_in_place;
use reprise_cri::v1::{
    Int64Value, LinuxPodSandboxConfig, LinuxSandboxSecurityContext, PodSandboxConfig, PodSandboxMetadata, PortMapping,
    Protocol,
};

use super::{dns, hostname, hosts};
use crate::config::NodeConfig;
use crate::container::{resources, security};
use crate::paths::PodPaths;
use crate::pod_cgroups::path;
use crate::pod_key::{PodKey, uid_of};
use crate::runtime_calls::labels;

/// Why a sandbox can't be configured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SandboxConfigError {
    /// The host name does not work.
    #[error("the Pod's host name can't be used")]
    Hostname(#[source] hostname::NameTooLong),
    /// The host's name servers are unknown.
    #[error("can't read the host's name servers from {}", path.display())]
    ResolvConf {
        /// The file.
        path: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// The sandbox's configuration. It is part of every CreateContainer call, too.
pub(crate) fn config(
    pod: &Pod,
    node: &NodeConfig,
    paths: &PodPaths,
    attempt: u32,
) -> Result<PodSandboxConfig, SandboxConfigError> {
    let PodKey { namespace, name } = PodKey::of(pod);
    // On the host network the Pod has the host's name.
    let hostname = if hosts::is_host_network(pod) {
        String::new()
    } else {
        hostname::of_kernel(pod, &node.cluster_domain).map_err(SandboxConfigError::Hostname)?
    };
    let dns_config = dns::config(pod, node)
        .map_err(|source| SandboxConfigError::ResolvConf { path: node.resolv_conf.clone(), source })?;
    Ok(PodSandboxConfig {
        metadata: Some(PodSandboxMetadata { name, namespace, uid: uid_of(pod).to_owned(), attempt }),
        hostname,
        log_directory: paths.logs().display().to_string(),
        dns_config: Some(dns_config),
        port_mappings: port_mappings(pod),
        labels: labels::of_sandbox(pod),
        annotations: annotations(pod, node),
        linux: Some(linux(pod, node)),
        windows: None,
    })
}

/// The Pod's own annotations, and the one for a Pod that may restart in place. The time of a restart on demand is
/// left out: it may change while the sandbox must not.
fn annotations(pod: &Pod, node: &NodeConfig) -> HashMap<String, String> {
    let own = pod.metadata.annotations.clone().unwrap_or_default();
    let mut all: HashMap<_, _> = own.into_iter().filter(|(k, _)| !k.starts_with("reprise.dev/")).collect();
    if can_restart_in_place(pod, &node.gates) {
        all.insert(labels::PARK.to_owned(), "true".to_owned());
    }
    all
}

fn linux(pod: &Pod, node: &NodeConfig) -> LinuxPodSandboxConfig {
    let spec = pod.spec.as_ref();
    let context = spec.and_then(|s| s.security_context.as_ref());
    let number = |value: Option<i64>| value.map(|value| Int64Value { value });
    let privileged = roles::containers(pod)
        .iter()
        .any(|c| c.spec.security_context.as_ref().and_then(|s| s.privileged) == Some(true));
    let sysctls = context.iter().flat_map(|c| c.sysctls.iter().flatten());
    LinuxPodSandboxConfig {
        cgroup_parent: node.cgroup_root.as_ref().map(|root| path::of_pod(root, pod)).unwrap_or_default(),
        security_context: Some(LinuxSandboxSecurityContext {
            namespace_options: Some(security::namespaces(spec, None)),
            selinux_options: context.and_then(|c| c.se_linux_options.as_ref()).map(security::selinux_option),
            run_as_user: number(context.and_then(|c| c.run_as_user)),
            run_as_group: number(context.and_then(|c| c.run_as_group)),
            supplemental_groups: security::groups(context),
            supplemental_groups_policy: security::groups_policy(context) as i32,
            privileged,
            // The sandbox itself runs nothing of the Pod's: it always gets the runtime's filter, as in Kubernetes.
            seccomp: Some(security::seccomp_profile(None, true)),
            ..LinuxSandboxSecurityContext::default()
        }),
        sysctls: sysctls.map(|s| (dotted(&s.name), s.value.clone())).collect(),
        overhead: Some(resources::of_overhead(pod)),
        resources: Some(resources::of_pod(pod)),
    }
}

/// Ports of the node that lead to the Pod. On the host network there is nothing to lead.
fn port_mappings(pod: &Pod) -> Vec<PortMapping> {
    if hosts::is_host_network(pod) {
        return Vec::new();
    }
    let containers = roles::containers(pod);
    let ports = containers.iter().filter(|c| c.role != Role::Init).flat_map(|c| c.spec.ports.iter().flatten());
    ports.filter_map(port_mapping).collect()
}

fn port_mapping(port: &ContainerPort) -> Option<PortMapping> {
    let protocol = match port.protocol.as_deref() {
        Some("UDP") => Protocol::Udp,
        Some("SCTP") => Protocol::Sctp,
        _ => Protocol::Tcp,
    };
    Some(PortMapping {
        protocol: protocol as i32,
        container_port: port.container_port,
        host_port: port.host_port.filter(|p| *p > 0)?,
        host_ip: port.host_ip.clone().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::NodePaths;
    use reprise_cri::v1::NamespaceMode;
    use serde_json::{Value, json};

    fn of(spec: Value) -> PodSandboxConfig {
        let mut node = NodeConfig::new("/d", "/none");
        node.resolv_conf = "/dev/null".into();
        node.cgroup_root = Some("/reprise/".to_owned());
        let metadata = json!({"name": "p", "namespace": "n", "uid": "u", "annotations": {
            "a": "b", "reprise.dev/restart-at": "2026-01-01T00:00:00Z"}});
        let pod: Pod = serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap();
        config(&pod, &node, &NodePaths::new(&node.data_dir).pod(&pod), 2).unwrap()
    }

    #[test]
    fn only_a_pod_that_can_restart_in_place_is_parked() {
        let plain = of(json!({"containers": [{"name": "c"}]}));
        assert_eq!(plain.annotations, HashMap::from([("a".to_owned(), "b".to_owned())]));
        let rules = json!([{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [88]}}]);
        let marked = of(json!({"containers": [{"name": "c", "restartPolicyRules": rules}]}));
        assert_eq!(marked.annotations.get(labels::PARK).map(String::as_str), Some("true"));
    }

    #[test]
    fn the_sandbox_carries_what_the_spec_says_of_the_whole_pod() {
        let config = of(json!({
            "hostIPC": true, "shareProcessNamespace": true,
            "securityContext": {"sysctls": [{"name": "net.core.somaxconn", "value": "1"}]},
            "containers": [{"name": "c", "ports": [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81}]}]
        }));
        assert_eq!(config.hostname, "p");
        assert_eq!(config.log_directory, "/d/logs/pods/n_p_u");
        assert_eq!(config.port_mappings.len(), 1);
        let linux = config.linux.unwrap();
        assert_eq!(linux.cgroup_parent, "/reprise/kubepods/besteffort/podu");
        assert_eq!(linux.sysctls.get("net.core.somaxconn").map(String::as_str), Some("1"));
        let namespaces = linux.security_context.unwrap().namespace_options.unwrap();
        assert_eq!((namespaces.ipc, namespaces.pid), (NamespaceMode::Node as i32, NamespaceMode::Pod as i32));
    }

    #[test]
    fn on_the_host_network_there_are_no_port_mappings_and_no_host_name() {
        let ports = json!([{"containerPort": 80, "hostPort": 80}]);
        let config = of(json!({"hostNetwork": true, "containers": [{"name": "c", "ports": ports}]}));
        assert!(config.port_mappings.is_empty() && config.hostname.is_empty());
    }
}
