//! The metrics there are. Names and labels are those that other runtimes took over from cAdvisor, so that dashboards stay.

use reprise_cri::v1::{MetricDescriptor, MetricType};

use super::{Measured, MeasuredSandbox};
use crate::usage::{Cpu, Disk, Memory, Pressure, interfaces::Interface};

/// What every metric is labelled with.
const BASE: [&str; 3] = ["id", "name", "image"];

/// A metric: its name, what it says, whether it only grows, and where it comes from.
pub struct Known {
    pub name: &'static str,
    help: &'static str,
    pub kind: MetricType,
    pub from: From,
}

/// Where a metric's values come from.
pub enum From {
    Cpu(fn(&Cpu) -> u64),
    Memory(fn(&Memory) -> u64),
    Disk(fn(&Disk) -> u64),
    Interface(fn(&Interface) -> u64),
    Pressure(fn(&Measured) -> Option<(&Pressure, bool)>),
    Container(fn(&Measured) -> Option<u64>),
    Sandbox(fn(&MeasuredSandbox) -> Option<u64>),
}

const SECOND: u64 = 1_000_000_000;
use MetricType::{Counter, Gauge};

fn known(name: &'static str, help: &'static str, kind: MetricType, from: From) -> Known {
    Known { name, help, kind, from }
}

fn resources(m: &Measured) -> reprise_cri::v1::LinuxContainerResources {
    m.container.resources().unwrap_or_default()
}

fn positive(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn swap_of(m: &Measured) -> Option<u64> {
    m.usage.swap.as_ref().map(|s| s.usage)
}

/// All metrics, those of containers first.
#[rustfmt::skip]
pub fn known_metrics() -> Vec<Known> {
    use From::*;
    vec![
        known("container_cpu_usage_seconds_total", "Processor time used, in seconds", Counter, Cpu(|c| c.total / SECOND)),
        known("container_cpu_user_seconds_total", "Processor time used by programs themselves, in seconds", Counter, Cpu(|c| c.user / SECOND)),
        known("container_cpu_system_seconds_total", "Processor time used by the kernel for programs, in seconds", Counter, Cpu(|c| c.system / SECOND)),
        known("container_cpu_cfs_periods_total", "Periods in which the CPU limit was enforced", Counter, Cpu(|c| c.periods)),
        known("container_cpu_cfs_throttled_periods_total", "Periods in which the CPU limit held programs up", Counter, Cpu(|c| c.throttled_periods)),
        known("container_cpu_cfs_throttled_seconds_total", "Time for which the CPU limit held programs up, in seconds", Counter, Cpu(|c| c.throttled / SECOND)),
        known("container_memory_usage_bytes", "Memory in use, with caches", Gauge, Memory(|m| m.usage)),
        known("container_memory_working_set_bytes", "Memory in use that could not be taken back at once", Gauge, Memory(|m| m.working_set)),
        known("container_memory_rss", "Anonymous memory in use", Gauge, Memory(|m| m.rss)),
        known("container_memory_cache", "Page cache", Gauge, Memory(|m| m.cache)),
        known("container_memory_mapped_file", "Files mapped into memory", Gauge, Memory(|m| m.mapped)),
        known("container_memory_kernel_usage", "Memory that the kernel uses for the container", Gauge, Memory(|m| m.kernel)),
        known("container_memory_max_usage_bytes", "The most memory that was in use", Gauge, Memory(|m| m.peak)),
        known("container_memory_failcnt", "How often the memory limit was hit", Counter, Memory(|m| m.limit_hits)),
        known("container_oom_events_total", "Processes ended because memory ran out", Counter, Memory(|m| m.oom_kills)),
        known("container_memory_swap", "Swap in use", Gauge, Container(swap_of)),
        known("container_fs_usage_bytes", "Bytes written on top of the image", Gauge, Container(|m| Some(m.layer.bytes))),
        known("container_fs_reads_bytes_total", "Bytes read from block devices", Counter, Disk(|d| d.read_bytes)),
        known("container_fs_writes_bytes_total", "Bytes written to block devices", Counter, Disk(|d| d.written_bytes)),
        known("container_fs_reads_total", "Reads from block devices", Counter, Disk(|d| d.reads)),
        known("container_fs_writes_total", "Writes to block devices", Counter, Disk(|d| d.writes)),
        known("container_threads", "Processes and threads", Gauge, Container(|m| m.usage.tasks)),
        known("container_threads_max", "The limit of processes and threads, 0 without one", Gauge, Container(|m| Some(m.usage.tasks_limit.unwrap_or(0)))),
        known("container_last_seen", "When this was measured, in seconds since 1970", Gauge, Container(|m| Some(positive(m.at) / SECOND))),
        known("container_start_time_seconds", "When the container was started, in seconds since 1970", Gauge, Container(|m| m.container.run().started_at.map(|at| positive(at.as_second())))),
        known("container_spec_cpu_period", "The CPU limit's period, in microseconds", Gauge, Container(|m| Some(positive(resources(m).cpu_period)))),
        known("container_spec_cpu_quota", "The CPU limit's share of a period, in microseconds", Gauge, Container(|m| Some(positive(resources(m).cpu_quota)))),
        known("container_spec_cpu_shares", "The share of processors when they are scarce", Gauge, Container(|m| Some(positive(resources(m).cpu_shares)))),
        known("container_spec_memory_limit_bytes", "The memory limit, 0 without one", Gauge, Container(|m| Some(positive(resources(m).memory_limit_in_bytes)))),
        known("container_spec_memory_swap_limit_bytes", "The limit of memory and swap, 0 without one", Gauge, Container(|m| Some(positive(resources(m).memory_swap_limit_in_bytes)))),
        known("container_pressure_cpu_waiting_seconds_total", "Time in which a task waited for a processor, in seconds", Counter, Pressure(|m| Some((m.usage.cpu_pressure.as_ref()?, false)))),
        known("container_pressure_cpu_stalled_seconds_total", "Time in which all tasks waited for a processor, in seconds", Counter, Pressure(|m| Some((m.usage.cpu_pressure.as_ref()?, true)))),
        known("container_pressure_memory_waiting_seconds_total", "Time in which a task waited for memory, in seconds", Counter, Pressure(|m| Some((m.usage.memory_pressure.as_ref()?, false)))),
        known("container_pressure_memory_stalled_seconds_total", "Time in which all tasks waited for memory, in seconds", Counter, Pressure(|m| Some((m.usage.memory_pressure.as_ref()?, true)))),
        known("container_pressure_io_waiting_seconds_total", "Time in which a task waited for a disk, in seconds", Counter, Pressure(|m| Some((m.usage.io_pressure.as_ref()?, false)))),
        known("container_pressure_io_stalled_seconds_total", "Time in which all tasks waited for a disk, in seconds", Counter, Pressure(|m| Some((m.usage.io_pressure.as_ref()?, true)))),
        known("container_network_receive_bytes_total", "Bytes received", Counter, Interface(|i| i.received.bytes)),
        known("container_network_receive_packets_total", "Packets received", Counter, Interface(|i| i.received.packets)),
        known("container_network_receive_packets_dropped_total", "Received packets that were dropped", Counter, Interface(|i| i.received.dropped)),
        known("container_network_receive_errors_total", "Errors in receiving", Counter, Interface(|i| i.received.errors)),
        known("container_network_transmit_bytes_total", "Bytes sent", Counter, Interface(|i| i.sent.bytes)),
        known("container_network_transmit_packets_total", "Packets sent", Counter, Interface(|i| i.sent.packets)),
        known("container_network_transmit_packets_dropped_total", "Packets dropped instead of sent", Counter, Interface(|i| i.sent.dropped)),
        known("container_network_transmit_errors_total", "Errors in sending", Counter, Interface(|i| i.sent.errors)),
        known("container_processes", "Processes and threads of all containers", Gauge, Sandbox(|s| s.usage.tasks)),
    ]
}

/// The labels that a metric has beyond the base ones.
fn more_labels(from: &From) -> &'static [&'static str] {
    match from {
        From::Cpu(_) | From::Memory(_) | From::Pressure(_) | From::Container(_) | From::Sandbox(_) => &[],
        From::Disk(_) => &["device"],
        From::Interface(_) => &["interface"],
    }
}

/// All metrics in CRI's words.
pub fn all() -> Vec<MetricDescriptor> {
    let descriptor = |k: Known| MetricDescriptor {
        name: k.name.to_owned(),
        help: k.help.to_owned(),
        label_keys: BASE.iter().chain(more_labels(&k.from)).map(|&key| key.to_owned()).collect(),
    };
    known_metrics().into_iter().map(descriptor).collect()
}
