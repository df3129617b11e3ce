//! The values of the metrics.

use reprise_cri::v1::{ContainerMetrics, Metric, PodSandboxMetrics, UInt64Value};

use super::descriptors::{From, Known, known_metrics};
use super::{Measured, MeasuredSandbox};

/// Pressure is counted in microseconds.
const MICROSECONDS: u64 = 1_000_000;

/// All metrics of a sandbox and its containers. Those of the network and of processes are the sandbox's.
pub fn of(measured: &MeasuredSandbox) -> PodSandboxMetrics {
    let known = known_metrics();
    let name = measured.sandbox.config.metadata.as_ref().map(|m| m.name.clone()).unwrap_or_default();
    let base = [measured.sandbox.id.clone(), name, String::new()];
    let values = |k: &Known| {
        of_sandbox(measured, &k.from).into_iter().map(|v| metric(k, &base, v, measured.at)).collect::<Vec<_>>()
    };
    PodSandboxMetrics {
        pod_sandbox_id: measured.sandbox.id.clone(),
        metrics: known.iter().flat_map(values).collect(),
        container_metrics: measured.containers.iter().map(|c| of_one(c, &known)).collect(),
    }
}

fn of_one(measured: &Measured, known: &[Known]) -> ContainerMetrics {
    let config = &measured.container.config;
    let name = config.metadata.as_ref().map(|m| m.name.clone()).unwrap_or_default();
    let image = config.image.as_ref().map(|i| i.image.clone()).unwrap_or_default();
    let base = [measured.container.id.clone(), name, image];
    let values = |k: &Known| {
        of_container(measured, &k.from).into_iter().map(|v| metric(k, &base, v, measured.at)).collect::<Vec<_>>()
    };
    ContainerMetrics { container_id: measured.container.id.clone(), metrics: known.iter().flat_map(values).collect() }
}

/// A value with the labels that it has beyond the base ones.
type Value = (u64, Option<String>);

fn of_sandbox(measured: &MeasuredSandbox, from: &From) -> Vec<Value> {
    match from {
        From::Interface(of) => measured.interfaces.iter().map(|i| (of(i), Some(i.name.clone()))).collect(),
        From::Sandbox(of) => of(measured).map(|value| (value, None)).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn of_container(measured: &Measured, from: &From) -> Vec<Value> {
    let one = |value: Option<u64>| value.map(|value| (value, None)).into_iter().collect();
    match from {
        From::Cpu(of) => one(measured.usage.cpu.as_ref().map(of)),
        From::Memory(of) => one(measured.usage.memory.as_ref().map(of)),
        From::Container(of) => one(of(measured)),
        From::Pressure(of) => {
            let stall = of(measured).map(|(p, all)| if all { p.full.total } else { p.some.total });
            one(stall.map(|total| total / MICROSECONDS))
        }
        From::Disk(of) => measured.usage.disks.iter().map(|d| (of(d), Some(d.device.clone()))).collect(),
        From::Interface(_) | From::Sandbox(_) => Vec::new(),
    }
}

fn metric(known: &Known, base: &[String; 3], (value, label): Value, timestamp: i64) -> Metric {
    Metric {
        name: known.name.to_owned(),
        timestamp,
        metric_type: known.kind.into(),
        label_values: base.iter().cloned().chain(label).collect(),
        value: Some(UInt64Value { value }),
    }
}
