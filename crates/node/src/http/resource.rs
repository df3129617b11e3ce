//! `/metrics/resource`: processor and memory of containers, Pods and the node, for autoscalers.

use super::machine::MachineUsage;
use super::stats::Used;
use crate::error::chain;
use crate::metrics::text::{Label, Text};
use crate::node::Node;
use crate::pod_key::PodKey;

/// One value with its labels.
type Sample<'a> = (Vec<Label<'a>>, f64);

/// All of them. Where the runtime does not answer, that is all that is said of Pods.
pub(super) async fn text(node: &Node) -> Text {
    let mut text = Text::default();
    let (used, failed) = match Used::ask(node).await {
        Ok(used) => (used, 0.0),
        Err(error) => {
            tracing::warn!(error = %chain(&error), "the runtime tells no usage");
            (Used::default(), 1.0)
        }
    };
    let machine = MachineUsage::now();
    metric(&mut text, "node_cpu_usage_seconds_total", "counter", [(vec![], seconds(machine.cpu_nanos))]);
    metric(&mut text, "node_memory_working_set_bytes", "gauge", [(vec![], machine.memory_working_set as f64)]);
    of_pods(node, &used, &mut text);
    metric(&mut text, "resource_scrape_error", "gauge", [(vec![], failed)]);
    text
}

fn of_pods(node: &Node, used: &Used, text: &mut Text) {
    let pods: Vec<_> = node.pods().into_iter().map(|view| (PodKey::of(&view.pod), view)).collect();
    let (mut cpu, mut memory, mut started) = (Vec::new(), Vec::new(), Vec::new());
    let (mut pod_cpu, mut pod_memory) = (Vec::new(), Vec::new());
    for (key, view) in &pods {
        let of_pod = || vec![("namespace", key.namespace.as_str()), ("pod", key.name.as_str())];
        for (name, stats) in used.of(view) {
            let labels = || [vec![("container", name)], of_pod()].concat();
            let nanos = stats.cpu.as_ref().and_then(|cpu| cpu.usage_core_nano_seconds.as_ref());
            cpu.extend(nanos.map(|nanos| (labels(), seconds(nanos.value))));
            let bytes = stats.memory.as_ref().and_then(|memory| memory.working_set_bytes.as_ref());
            memory.extend(bytes.map(|bytes| (labels(), bytes.value as f64)));
            let run = view.ledger.containers.get(name).and_then(|c| c.run.as_ref());
            let at = run.and_then(|run| run.started_at);
            started.extend(at.map(|at| (labels(), at.as_millisecond() as f64 / 1000.0)));
        }
        let sandbox = view.ledger.sandbox.as_ref().and_then(|sandbox| used.sandboxes.get(&sandbox.id));
        let Some(linux) = sandbox.and_then(|sandbox| sandbox.linux.as_ref()) else { continue };
        let nanos = linux.cpu.as_ref().and_then(|cpu| cpu.usage_core_nano_seconds.as_ref());
        pod_cpu.extend(nanos.map(|nanos| (of_pod(), seconds(nanos.value))));
        let bytes = linux.memory.as_ref().and_then(|memory| memory.working_set_bytes.as_ref());
        pod_memory.extend(bytes.map(|bytes| (of_pod(), bytes.value as f64)));
    }
    metric(text, "container_cpu_usage_seconds_total", "counter", cpu);
    metric(text, "container_memory_working_set_bytes", "gauge", memory);
    metric(text, "container_start_time_seconds", "gauge", started);
    metric(text, "pod_cpu_usage_seconds_total", "counter", pod_cpu);
    metric(text, "pod_memory_working_set_bytes", "gauge", pod_memory);
}

fn metric<'a>(text: &mut Text, name: &str, kind: &str, samples: impl IntoIterator<Item = Sample<'a>>) {
    let help = match kind {
        "counter" => "Processor time used, in seconds.",
        _ if name.ends_with("_bytes") => "Memory in use that can't be given back at once.",
        _ if name.ends_with("_error") => "1 if the usage of Pods could not be had.",
        _ => "When it started, in seconds since 1970.",
    };
    text.head(name, kind, help);
    samples.into_iter().for_each(|(labels, value)| text.sample(name, &labels, value));
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
