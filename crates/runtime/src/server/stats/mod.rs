//! Statistics and metrics of containers and sandboxes.

mod answer;
mod descriptors;
mod meter;
mod metrics;

use std::sync::Arc;

use reprise_cri::v1::{ContainerStats, MetricDescriptor, PodSandboxMetrics, PodSandboxStats};

pub use meter::Meter;

use super::engine::{Engine, now};
use super::failure::Failure;
use super::state::{Container, Sandbox};
use crate::usage::{self, Usage, interfaces, layer::Layer};

/// A container at one moment.
struct Measured {
    container: Arc<Container>,
    at: i64,
    usage: Usage,
    /// Use of processors since the last reading, in billionths of one.
    rate: Option<u64>,
    layer: Layer,
}

impl Measured {
    fn of(container: &Arc<Container>) -> Self {
        let run = container.run();
        let runs = run.exit.is_none();
        let usage = if runs { usage::read(&container.cgroup) } else { Usage::default() };
        let at = now();
        let total = usage.cpu.as_ref().map(|cpu| cpu.total);
        let since = run.started_at.map(super::engine::nanos);
        let rate = total.and_then(|total| container.meter.rate(at, total, since));
        let layer = container.meter.layer(&container.dir.upper(), runs);
        Self { container: Arc::clone(container), at, usage, rate, layer }
    }
}

/// A sandbox at one moment, with its living containers.
struct MeasuredSandbox {
    sandbox: Arc<Sandbox>,
    at: i64,
    usage: Usage,
    rate: Option<u64>,
    interfaces: Vec<interfaces::Interface>,
    containers: Vec<Measured>,
}

impl Engine {
    pub async fn container_stats(&self, id: &str) -> Result<ContainerStats, Failure> {
        let container = self.container(id)?;
        measure(move || answer::container(&Measured::of(&container))).await
    }

    /// Of containers that have ended only what they have written is told.
    pub async fn all_container_stats(&self, wanted: Vec<Arc<Container>>) -> Result<Vec<ContainerStats>, Failure> {
        measure(move || wanted.iter().map(|c| answer::container(&Measured::of(c))).collect()).await
    }

    pub async fn all_sandbox_stats(&self, wanted: Vec<Arc<Sandbox>>) -> Result<Vec<PodSandboxStats>, Failure> {
        let wanted = self.with_containers(wanted);
        measure(move || wanted.into_iter().map(|s| answer::sandbox(&s.measure())).collect()).await
    }

    pub async fn sandbox_metrics(&self) -> Result<Vec<PodSandboxMetrics>, Failure> {
        let wanted = self.with_containers(self.inventory.sandboxes().into_iter().filter(|s| s.is_ready()).collect());
        measure(move || wanted.into_iter().map(|s| metrics::of(&s.measure())).collect()).await
    }

    pub fn metric_descriptors(&self) -> Vec<MetricDescriptor> {
        descriptors::all()
    }

    fn with_containers(&self, sandboxes: Vec<Arc<Sandbox>>) -> Vec<Members> {
        let all = self.inventory.sandboxes();
        let alone = |s: &Arc<Sandbox>| !all.iter().any(|other| other.id != s.id && other.cgroup == s.cgroup);
        let members = |sandbox: Arc<Sandbox>| Members {
            containers: self.inventory.containers_of(&sandbox.id),
            own_cgroup: alone(&sandbox),
            sandbox,
        };
        sandboxes.into_iter().map(members).collect()
    }
}

/// A sandbox that is to be measured.
struct Members {
    sandbox: Arc<Sandbox>,
    containers: Vec<Arc<Container>>,
    /// Whether nothing but this sandbox is in its cgroup.
    own_cgroup: bool,
}

impl Members {
    fn measure(self) -> MeasuredSandbox {
        let alive = self.containers.iter().filter(|c| c.run().exit.is_none());
        let containers: Vec<Measured> = alive.map(Measured::of).collect();
        let own = usage::read(&self.sandbox.cgroup);
        let usage = if self.own_cgroup && own.cpu.is_some() { own } else { sum(&containers) };
        let at = now();
        let total = usage.cpu.as_ref().map(|cpu| cpu.total);
        let created = self.sandbox.record().created_at;
        let rate = total.and_then(|total| self.sandbox.meter.rate(at, total, Some(created)));
        let interfaces = self.sandbox.shim().map(|shim| interfaces::of(shim.pid)).unwrap_or_default();
        MeasuredSandbox { sandbox: self.sandbox, at, usage, rate, interfaces, containers }
    }
}

/// The use of several containers together.
fn sum(containers: &[Measured]) -> Usage {
    let mut sum = Usage::default();
    for usage in containers.iter().map(|c| &c.usage) {
        if let Some(cpu) = &usage.cpu {
            sum.cpu.get_or_insert_default().total += cpu.total;
        }
        if let Some(memory) = &usage.memory {
            let all = sum.memory.get_or_insert_default();
            all.usage += memory.usage;
            all.working_set += memory.working_set;
            all.rss += memory.rss;
            all.faults += memory.faults;
            all.major_faults += memory.major_faults;
        }
        if let Some(tasks) = usage.tasks {
            *sum.tasks.get_or_insert_default() += tasks;
        }
    }
    sum
}

/// Reads many small files, away from the threads that answer calls.
async fn measure<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(read).await.map_err(|e| Failure::Helper("statistics", e.into()))
}
