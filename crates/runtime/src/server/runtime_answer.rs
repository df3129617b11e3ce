//! What the runtime says of itself.

use std::collections::HashMap;
use std::path::Path;

use reprise_cri::v1::{
    CgroupDriver, LinuxRuntimeConfiguration, NetworkConfig, RuntimeCondition, RuntimeConfigResponse, RuntimeFeatures,
    RuntimeHandler, RuntimeHandlerFeatures, RuntimeStatus, StatusResponse, UpdateRuntimeConfigRequest, VersionResponse,
};
use serde_json::json;

use super::engine::Engine;
use super::failure::Failure;
use crate::cgroup::hierarchies;
use crate::error::chain;
use crate::spec;

/// The version of the kubelet's side of CRI, which never changed.
const KUBELET_API_VERSION: &str = "0.1.0";
const API_VERSION: &str = "v1";

pub fn version() -> VersionResponse {
    VersionResponse {
        version: KUBELET_API_VERSION.to_owned(),
        runtime_name: "reprise".to_owned(),
        runtime_version: env!("CARGO_PKG_VERSION").to_owned(),
        runtime_api_version: API_VERSION.to_owned(),
    }
}

pub fn cgroup_driver() -> RuntimeConfigResponse {
    let linux = LinuxRuntimeConfiguration { cgroup_driver: CgroupDriver::Cgroupfs.into() };
    RuntimeConfigResponse { linux: Some(linux) }
}

impl Engine {
    pub async fn status(&self, verbose: bool) -> StatusResponse {
        let conditions = vec![self.runtime_condition(), self.network_condition().await];
        let features =
            RuntimeHandlerFeatures { recursive_read_only_mounts: spec::recursive_read_only(), user_namespaces: false };
        StatusResponse {
            status: Some(RuntimeStatus { conditions }),
            info: if verbose { self.settings() } else { HashMap::new() },
            runtime_handlers: vec![RuntimeHandler { name: String::new(), features: Some(features) }],
            features: Some(RuntimeFeatures { supplemental_groups_policy: true, user_namespaces_host_network: false }),
        }
    }

    /// A runtime whose data is not there any more can't do anything.
    fn runtime_condition(&self) -> RuntimeCondition {
        let lost = [self.layout.sandboxes(), self.layout.containers()].into_iter().find(|folder| !folder.is_dir());
        match lost {
            None => condition("RuntimeReady"),
            Some(folder) => RuntimeCondition {
                status: false,
                reason: "DataLost".to_owned(),
                message: format!("{} is gone: start the runtime again", folder.display()),
                ..condition("RuntimeReady")
            },
        }
    }

    async fn network_condition(&self) -> RuntimeCondition {
        match self.network.ready().await {
            Ok(()) => condition("NetworkReady"),
            Err(e) => RuntimeCondition {
                status: false,
                reason: "NetworkPluginNotReady".to_owned(),
                message: chain(&e),
                ..condition("NetworkReady")
            },
        }
    }

    fn settings(&self) -> HashMap<String, String> {
        let config = json!({
            "root": self.config.root,
            "socket": self.config.socket,
            "bridge": self.config.bridge,
            "subnet": self.config.subnet.to_string(),
            "cgroupRoot": self.config.cgroup_root,
            "cgroupVersion": if hierarchies().is_v2() { 2 } else { 1 },
            "seccompDefault": self.seccomp.default_file().map(|p| Path::new(p).to_owned()),
        });
        HashMap::from([("config".to_owned(), config.to_string())])
    }

    /// The addresses of Pods are a setting of this runtime: a client's wish for others is refused if it is one that can't
    /// be met, and else taken note of.
    pub fn update_config(&self, request: &UpdateRuntimeConfigRequest) -> Result<(), Failure> {
        let network = request.runtime_config.as_ref().and_then(|c| c.network_config.as_ref());
        let Some(NetworkConfig { pod_cidr }) = network.filter(|n| !n.pod_cidr.is_empty()) else { return Ok(()) };
        let is_range = |range: &str| {
            let (address, length) = range.split_once('/')?;
            let address: std::net::IpAddr = address.parse().ok()?;
            let longest = if address.is_ipv4() { 32 } else { 128 };
            length.parse::<u8>().ok().filter(|n| *n <= longest)
        };
        if let Some(wrong) = pod_cidr.split(',').find(|range| is_range(range.trim()).is_none()) {
            let why = format!("{wrong:?} is not an address range such as 10.88.0.0/16");
            return Err(Failure::Invalid { field: "runtime_config.network_config.pod_cidr", why });
        }
        let ours = self.config.subnet.to_string();
        if !pod_cidr.split(',').any(|range| range.trim() == ours) {
            tracing::warn!(
                pod_cidr,
                subnet = ours,
                "Pods keep getting addresses from the subnet this runtime was started with"
            );
        }
        Ok(())
    }
}

fn condition(kind: &str) -> RuntimeCondition {
    RuntimeCondition { r#type: kind.to_owned(), status: true, ..RuntimeCondition::default() }
}
