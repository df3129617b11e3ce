//! The settings that are in force, as the kubelet shows its own.

use hyper::Response;
use reprise_core::node_admission::Reservations;
use reprise_core::resources::ResourceList;
use serde_json::{Map, Value, json};

use super::answer::{Body, Refusal, json as answer};
use crate::config::NodeConfig;
use crate::node::Node;

/// The answer of `/configz`.
pub(super) fn of(node: &Node) -> Result<Response<Body>, Refusal> {
    let mut shown = kubelet_configuration(node.config());
    // The port that it got may be one that it left open.
    if let Some(address) = node.http_address() {
        shown["port"] = json!(address.port());
    }
    answer(&json!({ "kubeletconfig": shown }))
}

fn kubelet_configuration(config: &NodeConfig) -> Value {
    let mut shown = Map::new();
    let mut show = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    show("kind", json!("KubeletConfiguration"));
    show("apiVersion", json!("kubelet.config.k8s.io/v1beta1"));
    if let Some(http) = &config.http {
        show("address", json!(http.address.ip().to_string()));
        show("port", json!(http.address.port()));
        let client_ca = http.client_ca_file.as_ref().map(|path| json!({ "clientCAFile": path }));
        let x509 = client_ca.unwrap_or_else(|| json!({}));
        show("authentication", json!({ "x509": x509, "anonymous": { "enabled": false } }));
        if let Some((certificate, key)) = &http.certificate {
            show("tlsCertFile", json!(certificate));
            show("tlsPrivateKeyFile", json!(key));
        }
    }
    let longest = std::time::Duration::try_from(config.limits.max).unwrap_or_default();
    show("crashLoopBackOff", json!({ "maxContainerRestartPeriod": format!("{}s", longest.as_secs_f64()) }));
    show("runtimeRequestTimeout", json!(format!("{}s", config.request_timeout.as_secs_f64())));
    show("clusterDomain", json!(config.cluster_domain));
    show("clusterDNS", json!(config.cluster_dns));
    show("resolvConf", json!(config.resolv_conf));
    show("seccompDefault", json!(config.seccomp_default));
    show("podPidsLimit", json!(config.pids_limit.unwrap_or(-1)));
    show("maxPods", json!(config.max_pods));
    show("systemReserved", amounts(&config.reservations.system));
    show("kubeReserved", amounts(&config.reservations.kube));
    show("evictionHard", eviction_hard(&config.reservations));
    show("cgroupRoot", json!(config.cgroup_root.as_deref().unwrap_or_default()));
    show("cgroupsPerQOS", json!(config.cgroup_root.is_some()));
    show("enforceNodeAllocatable", json!([if config.enforce_node_allocatable { "pods" } else { "none" }]));
    show("allowedUnsafeSysctls", json!(config.allowed_unsafe_sysctls));
    show("containerRuntimeEndpoint", json!(format!("unix://{}", config.cri_socket.display())));
    show(
        "featureGates",
        json!({
            reprise_core::gates::CONTAINER_RESTART_RULES: config.gates.container_restart_rules,
            reprise_core::gates::RESTART_ALL_CONTAINERS: config.gates.restart_all_containers_on_container_exits,
        }),
    );
    shown.extend(of_care(config));
    Value::Object(shown)
}

fn amounts(list: &ResourceList) -> Value {
    list.iter().map(|(name, amount)| (name.clone(), json!(amount.to_string()))).collect::<Map<_, _>>().into()
}

fn eviction_hard(reservations: &Reservations) -> Value {
    json!({
        "memory.available": reservations.memory_available.to_string(),
        "nodefs.available": reservations.nodefs_available.to_string(),
    })
}

/// What the node does for itself. The headers of the static Pods' URL may be secret.
fn of_care(config: &NodeConfig) -> Map<String, Value> {
    let NodeConfig { images, logs, static_pods, .. } = config;
    let seconds = |time: f64| json!(format!("{time}s"));
    let mut shown = Map::new();
    let mut show = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    show("imageGCHighThresholdPercent", json!(images.high_percent));
    show("imageGCLowThresholdPercent", json!(images.low_percent));
    show("imageMinimumGCAge", seconds(images.minimum_age.as_secs_f64()));
    show("imageMaximumGCAge", seconds(images.maximum_age.unwrap_or_default().as_secs_f64()));
    show("containerLogMaxSize", json!(logs.max_size.to_string()));
    show("containerLogMaxFiles", json!(logs.max_files));
    show("containerLogMonitorInterval", seconds(config.log_monitor_interval.as_secs_f64()));
    show("fileCheckFrequency", seconds(static_pods.file_period.as_secs_f64()));
    show("httpCheckFrequency", seconds(static_pods.http_period.as_secs_f64()));
    if let Some(path) = &static_pods.path {
        show("staticPodPath", json!(path));
    }
    if let Some(url) = &static_pods.url {
        show("staticPodURL", json!(url));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_shown_under_the_kubelets_names() {
        let mut config = NodeConfig::new("/d", "/d/cri.sock");
        config.pids_limit = Some(100);
        let shown = kubelet_configuration(&config);
        assert_eq!((&shown["podPidsLimit"], &shown["clusterDomain"]), (&json!(100), &json!("cluster.local")));
        assert_eq!(shown["crashLoopBackOff"]["maxContainerRestartPeriod"], "300s");
        assert_eq!((&shown["maxPods"], &shown["evictionHard"]["nodefs.available"]), (&json!(110), &json!("10%")));
        assert_eq!(shown["containerRuntimeEndpoint"], "unix:///d/cri.sock");
        assert_eq!(shown["featureGates"]["ContainerRestartRules"], true);
        assert_eq!((&shown["imageGCHighThresholdPercent"], &shown["imageMinimumGCAge"]), (&json!(85), &json!("120s")));
        assert_eq!((&shown["containerLogMaxSize"], &shown["containerLogMaxFiles"]), (&json!("10485760"), &json!(5)));
    }
}
