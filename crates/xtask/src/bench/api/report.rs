//! The figures of the API beside the targets, for people and as JSON.

use std::fmt;

use serde::Serialize;
use serde_json::json;

use super::fan_out::FanOut;
use super::latency::{Latencies, Latency};
use super::pods::Pods;
use super::writes::Writes;
use crate::bench::facts::Machine;

/// Small writes in a second, at least.
const WRITES_PER_SECOND: f64 = 8_000.0;

/// All watchers have heard within so many milliseconds (median).
const FAN_OUT_MS: f64 = 150.0;

/// Memory with all Pods, in MB.
const PODS_MB: f64 = 250.0;

/// All that was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// Small writes.
    pub writes: Writes,
    /// One change for many watchers, each with a connection.
    pub fan_out: FanOut,
    /// The same where many share a connection.
    pub shared: FanOut,
    /// Many Pods.
    pub pods: Pods,
    /// Single calls beside them.
    pub latency: Latencies,
}

/// A promise and how it was kept.
struct Target {
    name: String,
    measured: f64,
    limit: f64,
    met: bool,
}

impl Report {
    fn targets(&self) -> [Target; 3] {
        let (writes, heard) = (self.writes.per_second, self.fan_out.all_heard.p50);
        let memory = self.pods.memory_mb.max(self.pods.memory_after_mb);
        [
            Target {
                name: "durable small writes per second, at least".to_owned(),
                measured: writes,
                limit: WRITES_PER_SECOND,
                met: writes >= WRITES_PER_SECOND,
            },
            Target {
                name: format!("one change to {} watchers, ms, at most", self.fan_out.watchers),
                measured: heard,
                limit: FAN_OUT_MS,
                met: heard <= FAN_OUT_MS,
            },
            Target {
                name: format!("memory with {} Pods, MB (PSS), at most", self.pods.pods),
                measured: memory,
                limit: PODS_MB,
                met: memory <= PODS_MB,
            },
        ]
    }

    /// One line.
    pub fn to_json(&self) -> String {
        let met: serde_json::Map<_, _> =
            self.targets().into_iter().map(|target| (target.name, json!(target.met))).collect();
        json!({ "bench": "api", "report": self, "met": met }).to_string()
    }

    fn figures(&self) -> Vec<(String, f64)> {
        let Self { writes, fan_out, shared, pods, .. } = self;
        vec![
            (format!("small writes per second, {} clients", writes.clients), writes.per_second),
            ("CPU time of the API for one, us".to_owned(), writes.cpu_us),
            (format!("database file after {} writes, MB", writes.writes), writes.database_mb),
            ("memory then, MB (PSS)".to_owned(), writes.memory_mb),
            (format!("CPU time of the API for one of {} watchers, us", fan_out.watchers), fan_out.cpu_us),
            ("memory of the API for one watcher, kB".to_owned(), fan_out.watcher_kb),
            ("CPU time of the API for one that shares its connection, us".to_owned(), shared.cpu_us),
            ("memory of the API for it, kB".to_owned(), shared.watcher_kb),
            ("start until ready, s".to_owned(), pods.ready_seconds),
            (format!("{} Pods, bytes each", pods.pods), pods.bytes_each as f64),
            ("Pods made per second".to_owned(), pods.created_per_second),
            ("memory then, MB (PSS)".to_owned(), pods.memory_mb),
            ("list of all Pods, ms".to_owned(), pods.list_ms),
            ("watch that begins with all Pods, ms".to_owned(), pods.watch_list_ms),
            ("statuses written per second, and watched".to_owned(), pods.statuses_per_second),
            ("memory then, MB (PSS)".to_owned(), pods.memory_after_mb),
            ("most memory at once, MB (RSS)".to_owned(), pods.peak_memory_mb),
            ("database file then, MB".to_owned(), pods.database_mb),
        ]
    }

    fn latencies(&self) -> [(String, Latency); 7] {
        let Self { writes, fan_out, shared, latency, .. } = self;
        [
            (format!("small write, {} clients at once", writes.clients), writes.latency),
            (format!("change until the last of {} watchers has heard", fan_out.watchers), fan_out.all_heard),
            ("the same if they share connections".to_owned(), shared.all_heard),
            ("get a Pod".to_owned(), latency.get),
            ("list 500 Pods".to_owned(), latency.list_500),
            ("list one of all Pods by its name".to_owned(), latency.list_selected),
            ("create a ConfigMap".to_owned(), latency.create),
        ]
    }
}

/// As `docs/benchmarks.md` has it.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cpus, memory_gib, kernel, cgroups, load, .. } = &self.machine;
        writeln!(f, "\n{cpus} CPUs, {memory_gib} GiB, Linux {kernel}, cgroups {cgroups}, load before {load}\n")?;
        writeln!(f, "| the API alone | |\n|---|---|")?;
        for (name, is) in self.figures() {
            writeln!(f, "| {name} | {is:.1} |")?;
        }
        writeln!(f, "\n| ms | p50 | p99 |\n|---|---|---|")?;
        for (name, Latency { p50, p99 }) in self.latencies() {
            writeln!(f, "| {name} | {p50:.2} | {p99:.2} |")?;
        }
        writeln!(f, "\n| target | is | |\n|---|---|---|")?;
        for Target { name, measured, limit, met } in self.targets() {
            let verdict = if met { "met" } else { "**not met**" };
            writeln!(f, "| {name} | {measured:.1} | {limit}, {verdict} |")?;
        }
        Ok(())
    }
}
