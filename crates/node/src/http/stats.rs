//! `/stats/summary`: what Pods and their containers use, as the runtime measures it, and what the machine has.

use std::collections::HashMap;
use std::path::Path;

use hyper::Response;
use jiff::Timestamp;
use reprise_cri::v1::{ContainerStats, CpuUsage, FilesystemUsage, MemoryUsage, NetworkInterfaceUsage, PodSandboxStats};
use serde_json::{Map, Value, json};

use super::answer::{Body, Refusal, json as answer};
use super::disk;
use super::machine::MachineUsage;
use crate::error::chain;
use crate::node::Node;
use crate::paths::NodePaths;
use crate::pod_key::{PodKey, uid_of};
use crate::view::PodView;

/// The answer.
pub(super) async fn summary(node: &Node) -> Result<Response<Body>, Refusal> {
    let used = Used::ask(node).await.map_err(|error| Refusal::bad_gateway(chain(&error)))?;
    let pods: Vec<Value> = node.pods().iter().filter_map(|view| of_pod(node, view, &used)).collect();
    answer(&json!({ "node": of_machine(node), "pods": pods }))
}

/// What the runtime has measured, by its ids.
#[derive(Debug, Default)]
pub(super) struct Used {
    pub sandboxes: HashMap<String, PodSandboxStats>,
    pub containers: HashMap<String, ContainerStats>,
}

impl Used {
    /// Asks the runtime. One that knows nothing of sandboxes is asked for containers.
    pub(super) async fn ask(node: &Node) -> Result<Self, reprise_cri::CriError> {
        let (sandboxes, containers) = node.usage().await?;
        let id = |stats: &ContainerStats| stats.attributes.as_ref().map(|a| a.id.clone());
        let within = sandboxes.iter().filter_map(|s| s.linux.as_ref()).flat_map(|linux| linux.containers.clone());
        let all = containers.into_iter().chain(within);
        let containers = all.filter_map(|stats| Some((id(&stats)?, stats))).collect();
        let sandboxes = sandboxes.into_iter().filter_map(|s| Some((s.attributes.as_ref()?.id.clone(), s))).collect();
        Ok(Self { sandboxes, containers })
    }

    /// The running containers of a Pod with what they use.
    pub(super) fn of<'a>(&'a self, view: &'a PodView) -> impl Iterator<Item = (&'a str, &'a ContainerStats)> {
        let runs = view.ledger.containers.iter().filter_map(|(name, c)| Some((name, c.run.as_ref()?)));
        let running = runs.filter(|(_, run)| run.is_running());
        running.filter_map(|(name, run)| Some((name.as_str(), self.containers.get(&run.id)?)))
    }
}

fn of_pod(node: &Node, view: &PodView, used: &Used) -> Option<Value> {
    let sandbox = view.ledger.sandbox.as_ref()?;
    let paths = NodePaths::new(&node.config().data_dir).pod(&view.pod);
    let logs = paths.logs();
    let PodKey { namespace, name } = PodKey::of(&view.pod);
    let mut pod = Map::new();
    pod.insert("podRef".to_owned(), json!({ "name": name, "namespace": namespace, "uid": uid_of(&view.pod) }));
    pod.insert("startTime".to_owned(), json!(view.ledger.started_at));
    let containers: Vec<Value> = used.of(view).map(|(name, stats)| of_container(view, name, stats, logs)).collect();
    pod.insert("containers".to_owned(), json!(containers));
    if let Some(linux) = used.sandboxes.get(&sandbox.id).and_then(|s| s.linux.as_ref()) {
        add(&mut pod, "cpu", linux.cpu.as_ref().map(cpu));
        add(&mut pod, "memory", linux.memory.as_ref().map(memory));
        let network = linux.network.as_ref();
        add(&mut pod, "network", network.and_then(|n| Some(interface(n.timestamp, n.default_interface.as_ref()?))));
        let count = linux.process.as_ref().and_then(|p| p.process_count.as_ref()).map(|count| count.value);
        add(&mut pod, "process_stats", count.map(|count| json!({ "process_count": count })));
    }
    Some(Value::Object(pod))
}

fn of_container(view: &PodView, name: &str, stats: &ContainerStats, logs: &Path) -> Value {
    let mut container = Map::from_iter([("name".to_owned(), json!(name))]);
    let run = view.ledger.containers.get(name).and_then(|c| c.run.as_ref());
    add(&mut container, "startTime", run.map(|run| json!(run.started_at)));
    add(&mut container, "cpu", stats.cpu.as_ref().map(cpu));
    add(&mut container, "memory", stats.memory.as_ref().map(memory));
    add(&mut container, "rootfs", stats.writable_layer.as_ref().map(filesystem));
    add(&mut container, "logs", disk::logs(&logs.join(name)));
    Value::Object(container)
}

fn cpu(cpu: &CpuUsage) -> Value {
    let mut shown = timed(cpu.timestamp);
    add(&mut shown, "usageNanoCores", cpu.usage_nano_cores.as_ref().map(|n| json!(n.value)));
    add(&mut shown, "usageCoreNanoSeconds", cpu.usage_core_nano_seconds.as_ref().map(|n| json!(n.value)));
    Value::Object(shown)
}

fn memory(memory: &MemoryUsage) -> Value {
    let mut shown = timed(memory.timestamp);
    for (name, value) in [
        ("availableBytes", &memory.available_bytes),
        ("usageBytes", &memory.usage_bytes),
        ("workingSetBytes", &memory.working_set_bytes),
        ("rssBytes", &memory.rss_bytes),
        ("pageFaults", &memory.page_faults),
        ("majorPageFaults", &memory.major_page_faults),
    ] {
        add(&mut shown, name, value.as_ref().map(|n| json!(n.value)));
    }
    Value::Object(shown)
}

fn filesystem(usage: &FilesystemUsage) -> Value {
    let mut shown = timed(usage.timestamp);
    add(&mut shown, "usedBytes", usage.used_bytes.as_ref().map(|n| json!(n.value)));
    add(&mut shown, "inodesUsed", usage.inodes_used.as_ref().map(|n| json!(n.value)));
    Value::Object(shown)
}

fn interface(timestamp: i64, interface: &NetworkInterfaceUsage) -> Value {
    let mut shown = timed(timestamp);
    add(&mut shown, "name", Some(json!(interface.name)));
    for (name, value) in [
        ("rxBytes", &interface.rx_bytes),
        ("rxErrors", &interface.rx_errors),
        ("txBytes", &interface.tx_bytes),
        ("txErrors", &interface.tx_errors),
    ] {
        add(&mut shown, name, value.as_ref().map(|n| json!(n.value)));
    }
    Value::Object(shown)
}

fn of_machine(node: &Node) -> Value {
    let now = Timestamp::now();
    let usage = MachineUsage::now();
    let memory = json!({
        "time": now,
        "availableBytes": usage.memory_total.saturating_sub(usage.memory_working_set),
        "usageBytes": usage.memory_used,
        "workingSetBytes": usage.memory_working_set,
    });
    let cpu = json!({ "time": now, "usageCoreNanoSeconds": usage.cpu_nanos });
    let name = &node.config().node_name;
    let mut shown = Map::new();
    add(&mut shown, "nodeName", Some(json!(name)));
    add(&mut shown, "startTime", usage.booted_at.map(|at| json!(at)));
    add(&mut shown, "cpu", Some(cpu));
    add(&mut shown, "memory", Some(memory));
    add(&mut shown, "fs", disk::file_system(&node.config().data_dir));
    Value::Object(shown)
}

fn timed(nanos: i64) -> Map<String, Value> {
    let time = Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH);
    Map::from_iter([("time".to_owned(), json!(time))])
}

fn add(to: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        to.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use reprise_cri::v1::UInt64Value;

    use super::*;

    #[test]
    fn what_was_not_measured_is_left_out() {
        let measured = CpuUsage {
            timestamp: 5_000_000_000,
            usage_core_nano_seconds: Some(UInt64Value { value: 7 }),
            ..CpuUsage::default()
        };
        assert_eq!(cpu(&measured), json!({ "time": "1970-01-01T00:00:05Z", "usageCoreNanoSeconds": 7 }));
    }
}
