//! Fields of the Pod as values: the downward API's `fieldRef`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;

use super::error::ConfigError;
use crate::pod_key::{PodKey, uid_of};

/// The addresses that a Pod can ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses<'a> {
    /// The Pod's, the primary one first.
    pub pod: &'a [String],
    /// The node's.
    pub host: Option<&'a str>,
}

/// The value of the field at `path`.
pub(crate) fn field(pod: &Pod, path: &str, addresses: &Addresses<'_>) -> Result<String, ConfigError> {
    let host = addresses.host.unwrap_or_default();
    Ok(match path {
        "metadata.name" => PodKey::of(pod).name,
        "metadata.namespace" => PodKey::of(pod).namespace,
        "metadata.uid" => uid_of(pod).to_owned(),
        "spec.nodeName" => pod.spec.as_ref().and_then(|s| s.node_name.clone()).unwrap_or_default(),
        "spec.serviceAccountName" => pod.spec.as_ref().and_then(|s| s.service_account_name.clone()).unwrap_or_default(),
        "status.hostIP" | "status.hostIPs" => host.to_owned(),
        "status.podIP" => addresses.pod.first().map_or(host, String::as_str).to_owned(),
        // Only a Pod on the host network has no address of its own.
        "status.podIPs" if addresses.pod.is_empty() => host.to_owned(),
        "status.podIPs" => addresses.pod.join(","),
        _ => return subscripted(pod, path),
    })
}

/// `metadata.labels['key']` and `metadata.annotations['key']`; a key that is not there has an empty value.
fn subscripted(pod: &Pod, path: &str) -> Result<String, ConfigError> {
    let unsupported = || ConfigError::UnsupportedField { path: path.to_owned() };
    let (list, rest) = path.split_once("['").ok_or_else(unsupported)?;
    let key = rest.strip_suffix("']").ok_or_else(unsupported)?;
    let map: Option<&BTreeMap<String, String>> = match list {
        "metadata.labels" => pod.metadata.labels.as_ref(),
        "metadata.annotations" => pod.metadata.annotations.as_ref(),
        _ => return Err(unsupported()),
    };
    Ok(map.and_then(|m| m.get(key)).cloned().unwrap_or_default())
}
