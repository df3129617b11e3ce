//! What `verbose` adds to statuses: JSON for people and tools such as `crictl inspect`, in the shape they know from
//! other runtimes.

use std::collections::HashMap;
use std::fs;

use prost::Message;
use reprise_cri::v1::UpdatePodSandboxResourcesRequest;
use serde_json::{Value, json};

use super::state::{Container, Sandbox};
use crate::usage::interfaces;

/// Under which name it is in the answer.
const INFO: &str = "info";

pub fn container(c: &Container) -> HashMap<String, String> {
    let bundle = c.dir.bundle().join("config.json");
    let spec: Value = crate::disk::read(&bundle).ok().flatten().unwrap_or_default();
    told(&json!({
        "sandboxID": c.sandbox.id,
        "pid": c.pid().unwrap_or(0),
        "removing": c.record.removing,
        "cgroup": c.cgroup,
        "runtimeType": "reprise",
        "config": c.config,
        "runtimeSpec": spec,
    }))
}

pub fn sandbox(s: &Sandbox) -> HashMap<String, String> {
    let shim = s.shim().map(|shim| (shim.pid, shim.pid_namespace));
    let networks = shim.map(|(pid, _)| interfaces::of(pid)).unwrap_or_default();
    let record = s.record().clone();
    let changed = fs::read(s.dir.resources()).ok();
    let changed = changed.and_then(|bytes| UpdatePodSandboxResourcesRequest::decode(&*bytes).ok());
    told(&json!({
        "pid": shim.map_or(0, |(pid, _)| pid),
        "processStatus": if shim.is_some() { "running" } else { "deleted" },
        "sharedPidNamespace": shim.and_then(|(_, namespace)| namespace),
        "netNamespaceClosed": shim.is_none(),
        "runtimeHandler": "",
        "runtimeType": "reprise",
        "cgroup": s.cgroup,
        "ip": record.ip,
        "interfaces": networks.iter().map(|i| &i.name).collect::<Vec<_>>(),
        "overhead": changed.as_ref().and_then(|c| c.overhead.as_ref()),
        "resources": changed.as_ref().and_then(|c| c.resources.as_ref()),
        "config": s.config,
    }))
}

fn told(value: &Value) -> HashMap<String, String> {
    HashMap::from([(INFO.to_owned(), value.to_string())])
}
