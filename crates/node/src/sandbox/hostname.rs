//! The Pod's host name, from its name or its spec.

use k8s_openapi::api::core::v1::Pod;

use crate::pod_key::PodKey;

/// The kernel's limit for a host name, less the terminating zero.
const KERNEL_LIMIT: usize = 64;
/// The longest DNS label.
const LABEL_LIMIT: usize = 63;

/// A name that the kernel can't take.
#[derive(Debug, thiserror::Error)]
#[error(
    "failed to construct FQDN from Pod hostname and cluster domain, FQDN {name} is too long ({KERNEL_LIMIT} characters is the max, {} characters requested)",
    name.len()
)]
pub(crate) struct NameTooLong {
    /// The name.
    name: String,
}

/// The host name as the kernel gets it.
pub(crate) fn of_kernel(pod: &Pod, cluster_domain: &str) -> Result<String, NameTooLong> {
    let (host, domain) = host_and_domain(pod, cluster_domain);
    let full = pod.spec.as_ref().and_then(|s| s.set_hostname_as_fqdn) == Some(true);
    if domain.is_empty() || !full {
        return Ok(host);
    }
    let name = format!("{host}.{domain}");
    if name.len() > KERNEL_LIMIT { Err(NameTooLong { name }) } else { Ok(name) }
}

/// The host name and, for a Pod with a subdomain, the domain that it is in.
pub(crate) fn host_and_domain(pod: &Pod, cluster_domain: &str) -> (String, String) {
    let spec = pod.spec.as_ref();
    let set = |text: Option<&String>| text.filter(|t| !t.is_empty()).cloned();
    if let Some(name) = set(spec.and_then(|s| s.hostname_override.as_ref())) {
        return (name, String::new());
    }
    let PodKey { namespace, name } = PodKey::of(pod);
    let host = set(spec.and_then(|s| s.hostname.as_ref())).unwrap_or_else(|| truncated(&name));
    let domain = set(spec.and_then(|s| s.subdomain.as_ref()))
        .map(|sub| format!("{sub}.{namespace}.svc.{cluster_domain}"))
        .unwrap_or_default();
    (host, domain)
}

/// A Pod's name may be longer than a label, and must not be cut so that it ends in what no label ends in.
fn truncated(name: &str) -> String {
    let cut = name.get(..LABEL_LIMIT).unwrap_or(name);
    if name.len() > LABEL_LIMIT { cut.trim_end_matches(['-', '.']).to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn name(pod_name: &str, spec: Value) -> Result<String, String> {
        let mut spec = spec;
        spec["containers"] = json!([]);
        let pod = json!({"metadata": {"name": pod_name, "namespace": "n"}, "spec": spec});
        of_kernel(&serde_json::from_value(pod).unwrap(), "cluster.local").map_err(|e| e.to_string())
    }

    #[test]
    fn names_follow_the_spec_and_are_cut_at_a_label() {
        assert_eq!(name("p", json!({})).unwrap(), "p");
        assert_eq!(name("p", json!({"hostname": "h"})).unwrap(), "h");
        assert_eq!(name("p", json!({"subdomain": "s"})).unwrap(), "p");
        assert_eq!(name("p", json!({"subdomain": "s", "setHostnameAsFQDN": true})).unwrap(), "p.s.n.svc.cluster.local");
        let long = format!("{}-{}", "a".repeat(62), "b".repeat(20));
        assert_eq!(name(&long, json!({})).unwrap(), "a".repeat(62));
    }

    #[test]
    fn a_full_name_beyond_the_kernels_limit_is_refused() {
        let error = name(&"a".repeat(50), json!({"subdomain": "s", "setHostnameAsFQDN": true})).unwrap_err();
        assert!(error.contains("is too long (64 characters is the max, 72 characters requested)"), "{error}");
    }
}
