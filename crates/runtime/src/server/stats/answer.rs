//! Measurements in CRI's words.

use reprise_cri::v1::*;

use super::super::engine::now;
use super::super::state::{Container, Sandbox};
use super::{Measured, MeasuredSandbox};
use crate::usage::{Pressure, Stall, Usage, interfaces};

#[allow(clippy::unnecessary_wraps, reason = "CRI's fields are optional")]
fn some(value: u64) -> Option<UInt64Value> {
    Some(UInt64Value { value })
}

pub fn container(measured: &Measured) -> ContainerStats {
    let folder = measured.container.dir.upper().to_string_lossy().into_owned();
    ContainerStats {
        attributes: Some(attributes(&measured.container)),
        cpu: cpu(&measured.usage, measured.rate, measured.at),
        memory: memory(&measured.usage, measured.at),
        writable_layer: Some(FilesystemUsage {
            timestamp: measured.at,
            fs_id: Some(FilesystemIdentifier { mountpoint: folder }),
            used_bytes: some(measured.layer.bytes),
            inodes_used: some(measured.layer.inodes),
        }),
        swap: swap(&measured.usage, measured.at),
        io: io(&measured.usage, measured.at),
    }
}

pub fn sandbox(measured: &MeasuredSandbox) -> PodSandboxStats {
    let (usage, at) = (&measured.usage, measured.at);
    let linux = LinuxPodSandboxStats {
        cpu: cpu(usage, measured.rate, at),
        memory: memory(usage, at),
        network: network(&measured.interfaces),
        process: usage.tasks.map(|tasks| ProcessUsage { timestamp: at, process_count: some(tasks) }),
        containers: measured.containers.iter().map(container).collect(),
        io: io(usage, at),
    };
    PodSandboxStats { attributes: Some(sandbox_attributes(&measured.sandbox)), linux: Some(linux), windows: None }
}

fn attributes(c: &Container) -> ContainerAttributes {
    ContainerAttributes {
        id: c.id.clone(),
        metadata: c.config.metadata.clone(),
        labels: c.config.labels.clone(),
        annotations: c.config.annotations.clone(),
    }
}

fn sandbox_attributes(s: &Sandbox) -> PodSandboxAttributes {
    PodSandboxAttributes {
        id: s.id.clone(),
        metadata: s.config.metadata.clone(),
        labels: s.config.labels.clone(),
        annotations: s.config.annotations.clone(),
    }
}

fn cpu(usage: &Usage, rate: Option<u64>, timestamp: i64) -> Option<CpuUsage> {
    usage.cpu.as_ref().map(|cpu| CpuUsage {
        timestamp,
        usage_core_nano_seconds: some(cpu.total),
        usage_nano_cores: rate.map(|value| UInt64Value { value }),
        psi: usage.cpu_pressure.as_ref().map(psi),
    })
}

fn memory(usage: &Usage, timestamp: i64) -> Option<MemoryUsage> {
    usage.memory.as_ref().map(|memory| MemoryUsage {
        timestamp,
        working_set_bytes: some(memory.working_set),
        available_bytes: some(memory.available()),
        usage_bytes: some(memory.usage),
        rss_bytes: some(memory.rss),
        page_faults: some(memory.faults),
        major_page_faults: some(memory.major_faults),
        psi: usage.memory_pressure.as_ref().map(psi),
    })
}

fn swap(usage: &Usage, timestamp: i64) -> Option<SwapUsage> {
    usage.swap.as_ref().map(|swap| SwapUsage {
        timestamp,
        swap_available_bytes: swap.limit.map(|limit| UInt64Value { value: limit.saturating_sub(swap.usage) }),
        swap_usage_bytes: some(swap.usage),
    })
}

fn io(usage: &Usage, timestamp: i64) -> Option<IoUsage> {
    usage.io_pressure.as_ref().map(|pressure| IoUsage { timestamp, psi: Some(psi(pressure)) })
}

fn psi(pressure: &Pressure) -> PsiStats {
    let data = |s: &Stall| PsiData { total: s.total, avg10: s.avg10, avg60: s.avg60, avg300: s.avg300 };
    PsiStats { full: Some(data(&pressure.full)), some: Some(data(&pressure.some)) }
}

fn network(all: &[interfaces::Interface]) -> Option<NetworkUsage> {
    let one = |i: &interfaces::Interface| NetworkInterfaceUsage {
        name: i.name.clone(),
        rx_bytes: some(i.received.bytes),
        rx_errors: some(i.received.errors),
        tx_bytes: some(i.sent.bytes),
        tx_errors: some(i.sent.errors),
    };
    let main = interfaces::main(all)?;
    let others = all.iter().filter(|i| i.name != main.name).map(one).collect();
    Some(NetworkUsage { timestamp: now(), default_interface: Some(one(main)), interfaces: others })
}
