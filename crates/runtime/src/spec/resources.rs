//! Limits for a container's cgroup, in the OCI form.

use reprise_cri::v1::LinuxContainerResources;
use serde_json::{Map, Value, json};

use crate::cgroup::hierarchies;
use crate::limits;

/// The limits of the request; what it leaves at zero is not limited.
pub fn of(resources: Option<&LinuxContainerResources>, device_rules: Vec<Value>) -> Value {
    let mut oci = Map::new();
    oci.insert("devices".to_owned(), Value::Array(device_rules));
    let Some(r) = resources else { return Value::Object(oci) };
    let mut cpu = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            cpu.insert(key.to_owned(), value);
        }
    };
    put("shares", (r.cpu_shares > 0).then(|| json!(r.cpu_shares)));
    put("quota", (r.cpu_quota != 0).then(|| json!(r.cpu_quota)));
    put("period", (r.cpu_period > 0).then(|| json!(r.cpu_period)));
    put("cpus", (!r.cpuset_cpus.is_empty()).then(|| json!(r.cpuset_cpus)));
    put("mems", (!r.cpuset_mems.is_empty()).then(|| json!(r.cpuset_mems)));
    if !cpu.is_empty() {
        oci.insert("cpu".to_owned(), Value::Object(cpu));
    }
    if r.memory_limit_in_bytes > 0 {
        let mut memory = json!({"limit": r.memory_limit_in_bytes});
        if limits::has_swap() {
            memory["swap"] = json!(limits::swap_of(r));
        }
        oci.insert("memory".to_owned(), memory);
    }
    if let Some(limit) = r.unified.get("pids.max").and_then(|n| n.parse::<i64>().ok()) {
        oci.insert("pids".to_owned(), json!({"limit": limit}));
    }
    let others: Map<String, Value> = r
        .unified
        .iter()
        .filter(|(file, _)| *file != "pids.max")
        .map(|(file, value)| (file.clone(), json!(value)))
        .collect();
    if hierarchies().is_v2() && !others.is_empty() {
        oci.insert("unified".to_owned(), Value::Object(others));
    }
    Value::Object(oci)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_for_is_limited() {
        let none = LinuxContainerResources::default();
        assert_eq!(of(Some(&none), Vec::new()), json!({"devices": []}));
        let mut some = LinuxContainerResources { cpu_shares: 512, memory_limit_in_bytes: 1024, ..none };
        some.unified.insert("pids.max".into(), "7".into());
        let oci = of(Some(&some), Vec::new());
        assert_eq!((&oci["cpu"], &oci["pids"]), (&json!({"shares": 512}), &json!({"limit": 7})));
        assert_eq!(oci["memory"]["limit"], json!(1024));
    }
}
