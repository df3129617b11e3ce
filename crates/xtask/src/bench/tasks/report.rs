//! The rates beside the targets, for people and as JSON.

use std::fmt;

use serde::Serialize;
use serde_json::json;

use super::Rates;
use crate::bench::facts::Machine;

/// Recycles in a second, at least.
const RECYCLES_PER_SECOND: f64 = 15.0;

/// So many times the faster way with a Pod for each task, at least.
const TIMES_POD_PER_TASK: f64 = 5.0;

/// All that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// What.
    pub(super) rates: Rates,
}

impl Report {
    /// How many times as many tasks, compared with the faster of the other ways.
    fn ratio(&self) -> f64 {
        self.rates.recycling.median / self.rates.job.median.max(self.rates.pods.median)
    }

    fn targets(&self) -> [(&'static str, f64, f64); 2] {
        [
            ("recycles in a second", self.rates.recycling.median, RECYCLES_PER_SECOND),
            ("times a Pod for each task, the faster way", self.ratio(), TIMES_POD_PER_TASK),
        ]
    }

    /// One line.
    pub fn to_json(&self) -> String {
        let met: serde_json::Map<_, _> =
            self.targets().into_iter().map(|(name, is, least)| (name.to_owned(), json!(is >= least))).collect();
        json!({ "bench": "tasks", "report": self, "ratio": self.ratio(), "met": met }).to_string()
    }
}

/// As `docs/benchmarks.md` has it.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cpus, memory_gib, kernel, cgroups, load, .. } = &self.machine;
        let Rates { tasks, rounds, recycling, job, pods } = &self.rates;
        writeln!(f, "\n{cpus} CPUs, {memory_gib} GiB, Linux {kernel}, cgroups {cgroups}, load before {load}\n")?;
        writeln!(f, "| {rounds} rounds of {tasks} tasks | tasks in a second, median | best tenth |\n|---|---|---|")?;
        for (name, rate) in [
            ("one Pod, recycled in place", recycling),
            ("a Job with a Pod for each task", job),
            ("a Pod for each task, made one by one", pods),
        ] {
            writeln!(f, "| {name} | {:.1} | {:.1} |", rate.median, rate.p90)?;
        }
        writeln!(f, "\n| target | is | at least |\n|---|---|---|")?;
        for (name, is, least) in self.targets() {
            let verdict = if is >= least { "met" } else { "**not met**" };
            writeln!(f, "| {name} | {is:.1} | {least}, {verdict} |")?;
        }
        Ok(())
    }
}
