//! The figures of a full node beside the targets, for people and as JSON.

use std::fmt;

use serde::Serialize;
use serde_json::json;

use super::Life;
use crate::bench::facts::Machine;
use crate::bench::idle::Cost;

/// 50 Pods of two containers are Ready within so many seconds.
const ALL_READY_SECONDS: f64 = 3.0;

/// All Pods have restarted in place within so many seconds.
const ALL_RESTARTED_SECONDS: f64 = 5.0;

/// Memory of the agent with all Pods, in MB.
const AGENT_MB: f64 = 50.0;

/// CPU time of agent and shims while idle with all Pods, in percent of one core.
const IDLE_CPU_PERCENT: f64 = 0.5;

/// All that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// 50 Pods of two containers.
    pub idle: Cost,
    /// As many of them as the node takes.
    pub full: Cost,
    /// As many Pods of one init and one main container.
    pub(super) life: Life,
}

impl Report {
    fn targets(&self) -> [(String, f64, f64); 4] {
        let (idle, full, life) = (&self.idle, &self.full, &self.life);
        [
            (format!("{} Pods of two containers Ready, s", idle.pods), idle.all_ready_seconds, ALL_READY_SECONDS),
            (format!("all {} restarted in place, s", life.pods), life.all_restarted, ALL_RESTARTED_SECONDS),
            (format!("agent with {} Pods, MB (PSS)", full.pods), full.agent_mb, AGENT_MB),
            (format!("idle CPU with {} Pods, % of a core", full.pods), full.idle_cpu_percent, IDLE_CPU_PERCENT),
        ]
    }

    /// One line.
    pub fn to_json(&self) -> String {
        let met: serde_json::Map<_, _> =
            self.targets().into_iter().map(|(name, is, most)| (name, json!(is <= most))).collect();
        json!({ "bench": "pods", "report": self, "met": met }).to_string()
    }
}

/// As `docs/benchmarks.md` has it.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cpus, memory_gib, kernel, cgroups, load, .. } = &self.machine;
        writeln!(f, "\n{cpus} CPUs, {memory_gib} GiB, Linux {kernel}, cgroups {cgroups}, load before {load}\n")?;
        writeln!(f, "| idle Pods of two containers | {} | {} |\n|---|---|---|", self.idle.pods, self.full.pods)?;
        for (name, of) in [
            ("all Ready, s", (|cost| cost.all_ready_seconds) as fn(&Cost) -> f64),
            ("agent, MB (PSS)", |cost| cost.agent_mb),
            ("shims, MB (PSS)", |cost| cost.shims_mb),
            ("idle CPU, % of a core", |cost| cost.idle_cpu_percent),
        ] {
            writeln!(f, "| {name} | {:.2} | {:.2} |", of(&self.idle), of(&self.full))?;
        }
        let Life { pods, all_ready, all_restarted, restarted, all_ended } = &self.life;
        writeln!(f, "\n| {pods} Pods of one init and one main container | s |\n|---|---|")?;
        writeln!(f, "| all Ready | {all_ready:.2} |")?;
        writeln!(f, "| all told to exit at once -> all Ready again | {all_restarted:.2} |")?;
        writeln!(f, "| a Pod's own exit -> Ready again, median | {:.2} |", restarted.median)?;
        writeln!(f, "| a Pod's own exit -> Ready again, p90 | {:.2} |", restarted.p90)?;
        writeln!(f, "| all told to end -> all ended and the agent too | {all_ended:.2} |")?;
        writeln!(f, "\n| target | is | at most |\n|---|---|---|")?;
        for (name, is, most) in self.targets() {
            let verdict = if is <= most { "met" } else { "**not met**" };
            writeln!(f, "| {name} | {is:.2} | {most}, {verdict} |")?;
        }
        Ok(())
    }
}
