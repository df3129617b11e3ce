//! What was given to a Pod: devices, and what its containers need to use them.

use std::collections::{BTreeMap, BTreeSet};

use reprise_core::devices::PodDevices;
use reprise_cri::v1::{ContainerConfig, Device, Mount};
use reprise_device_plugin::v1beta1::ContainerAllocateResponse;
use serde::{Deserialize, Serialize};

use crate::container::variables::Variables;

/// The version of the record's format that this code writes and reads.
pub(crate) const FORMAT: u32 = 1;

/// The devices of one Pod, as they are on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PodGrants {
    /// The format's version, [`FORMAT`].
    pub format: u32,
    /// By container.
    pub containers: BTreeMap<String, ContainerGrants>,
}

/// What a container was given, by resource.
pub(crate) type ContainerGrants = BTreeMap<String, Grant>;

/// What a container was given of one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Grant {
    /// Ids of devices.
    pub devices: BTreeSet<String>,
    /// The plugin prepares them before each start.
    #[serde(default)]
    pub pre_start_required: bool,
    /// Variables.
    #[serde(default)]
    pub envs: BTreeMap<String, String>,
    /// Files and folders of the host.
    #[serde(default)]
    pub mounts: Vec<GrantedPath>,
    /// Device nodes of the host.
    #[serde(default)]
    pub nodes: Vec<GrantedNode>,
    /// For the runtime.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// A file or folder of the host in the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GrantedPath {
    pub container_path: String,
    pub host_path: String,
    pub read_only: bool,
}

/// A device node of the host in the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GrantedNode {
    pub container_path: String,
    pub host_path: String,
    pub permissions: String,
}

impl PodGrants {
    /// Which devices these are.
    pub(crate) fn devices(&self) -> PodDevices {
        let ids = |grants: &ContainerGrants| {
            grants.iter().map(|(resource, grant)| (resource.clone(), grant.devices.clone())).collect()
        };
        self.containers.iter().map(|(name, grants)| (name.clone(), ids(grants))).collect()
    }
}

impl Grant {
    /// What a plugin has answered for `devices`; none if it wants something that can't be done here.
    pub(crate) fn of(devices: BTreeSet<String>, pre_start: bool, answer: ContainerAllocateResponse) -> Option<Self> {
        if !answer.cdi_devices.is_empty() {
            return None;
        }
        let path = |m: reprise_device_plugin::v1beta1::Mount| GrantedPath {
            container_path: m.container_path,
            host_path: m.host_path,
            read_only: m.read_only,
        };
        let node = |d: reprise_device_plugin::v1beta1::DeviceSpec| GrantedNode {
            container_path: d.container_path,
            host_path: d.host_path,
            permissions: d.permissions,
        };
        Some(Self {
            devices,
            pre_start_required: pre_start,
            envs: answer.envs.into_iter().collect(),
            mounts: answer.mounts.into_iter().map(path).collect(),
            nodes: answer.devices.into_iter().map(node).collect(),
            annotations: answer.annotations.into_iter().collect(),
        })
    }
}

/// Adds the variables of devices. Those of the spec win.
pub(crate) fn add_variables(grants: &ContainerGrants, variables: &mut Variables) {
    for (name, value) in grants.values().flat_map(|grant| &grant.envs) {
        if variables.text(name).is_none() {
            variables.set(name, value.clone().into_bytes());
        }
    }
}

/// Puts mounts, nodes and annotations into a container's configuration. A mount of the spec at the same place stays.
pub(crate) fn add_to(config: &mut ContainerConfig, grants: &ContainerGrants) {
    for grant in grants.values() {
        for granted in &grant.mounts {
            if config.mounts.iter().any(|m| m.container_path == granted.container_path) {
                continue;
            }
            config.mounts.push(Mount {
                container_path: granted.container_path.clone(),
                host_path: granted.host_path.clone(),
                readonly: granted.read_only,
                ..Mount::default()
            });
        }
        let nodes = grant.nodes.iter().map(|node| Device {
            container_path: node.container_path.clone(),
            host_path: node.host_path.clone(),
            permissions: node.permissions.clone(),
        });
        config.devices.extend(nodes);
        config.annotations.extend(grant.annotations.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_device_plugin::v1beta1::CdiDevice;

    #[test]
    fn what_a_plugin_gives_is_in_the_configuration_and_the_spec_wins() {
        let text = r#"{"gpu": {"devices": ["0"], "envs": {"A": "plugin", "B": "plugin"}, "annotations": {"n": "v"},
            "mounts": [{"containerPath": "/a", "hostPath": "/h", "readOnly": true},
                       {"containerPath": "/b", "hostPath": "/h", "readOnly": false}],
            "nodes": [{"containerPath": "/dev/x", "hostPath": "/dev/null", "permissions": "rw"}]}}"#;
        let grants: ContainerGrants = serde_json::from_str(text).unwrap();
        let mut variables = Variables::default();
        variables.set("B", b"spec".to_vec());
        add_variables(&grants, &mut variables);
        assert_eq!((variables.text("A").as_deref(), variables.text("B").as_deref()), (Some("plugin"), Some("spec")));
        let own = Mount { container_path: "/b".into(), host_path: "/own".into(), ..Mount::default() };
        let mut config = ContainerConfig { mounts: vec![own], ..ContainerConfig::default() };
        add_to(&mut config, &grants);
        let mounts: Vec<_> =
            config.mounts.iter().map(|m| (m.container_path.as_str(), m.host_path.as_str(), m.readonly)).collect();
        assert_eq!(mounts, [("/b", "/own", false), ("/a", "/h", true)]);
        assert_eq!(config.devices[0].container_path, "/dev/x");
        assert_eq!(config.annotations["n"], "v");
    }

    #[test]
    fn devices_of_the_container_device_interface_are_not_taken() {
        let answer = ContainerAllocateResponse {
            cdi_devices: vec![CdiDevice { name: "example.com/gpu=0".into() }],
            ..ContainerAllocateResponse::default()
        };
        assert_eq!(Grant::of(BTreeSet::new(), false, answer), None);
    }
}
