//! The figures of both runtimes with their ratios and the targets, for people and as JSON.

use std::fmt;

use serde::Serialize;
use serde_json::json;

use super::churn::{CLIENTS, CONTAINERS};
use super::life::{CALLS, Life};
use super::memory::Memory;
use crate::bench::facts::Machine;
use crate::bench::quantiles::Quantiles;

/// Of containerd's time.
const SHARE_OF_TIME: f64 = 0.5;

/// Of containerd's memory.
const SHARE_OF_MEMORY: f64 = 0.25;

/// All that was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    machine: Machine,
    runs: usize,
    rows: Vec<Row>,
    memory: [Memory; 2],
}

/// One figure of both.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    ours: Quantiles,
    containerd: Quantiles,
    ratio: f64,
    target: f64,
}

impl Row {
    fn of(name: impl Into<String>, ours: &[f64], theirs: &[f64], target: f64) -> Option<Self> {
        let (ours, containerd) = (Quantiles::of(ours)?, Quantiles::of(theirs)?);
        Some(Self { name: name.into(), ours, containerd, ratio: ours.median / containerd.median, target })
    }

    fn is_met(&self) -> bool {
        self.ratio <= self.target
    }
}

impl Report {
    /// `None` for no measurements.
    pub fn of(machine: Machine, lives: &[Vec<Life>; 2], churns: &[Vec<f64>; 2], memory: [Memory; 2]) -> Option<Self> {
        let [ours, theirs] = lives;
        let column = |lives: &[Life], call: usize| -> Vec<f64> { lives.iter().map(|life| life[call]).collect() };
        let of_call = |(call, name): (usize, &&str)| {
            Row::of(format!("{name}, ms"), &column(ours, call), &column(theirs, call), SHARE_OF_TIME)
        };
        let mut rows = CALLS.iter().enumerate().map(of_call).collect::<Option<Vec<Row>>>()?;
        // What one does in the first of these calls, the other does in the second.
        let made = |lives: &[Life]| -> Vec<f64> { lives.iter().map(|life| life[1] + life[2]).collect() };
        rows.push(Row::of("CreateContainer and StartContainer, ms", &made(ours), &made(theirs), SHARE_OF_TIME)?);
        let whole = |lives: &[Life]| -> Vec<f64> { lives.iter().map(|life| life.iter().sum()).collect() };
        rows.push(Row::of("all seven calls, ms", &whole(ours), &whole(theirs), SHARE_OF_TIME)?);
        let name = format!("{CONTAINERS} containers by {CLIENTS} clients, s");
        rows.push(Row::of(name, &churns[0], &churns[1], SHARE_OF_TIME)?);
        let per_pod = memory.map(|memory| [memory.per_pod_mb]);
        rows.push(Row::of("memory per Pod, MB (PSS)", &per_pod[0], &per_pod[1], SHARE_OF_MEMORY)?);
        Some(Self { machine, runs: ours.len(), rows, memory })
    }

    /// One line.
    pub fn to_json(&self) -> String {
        let met: serde_json::Map<_, _> = self.rows.iter().map(|row| (row.name.clone(), json!(row.is_met()))).collect();
        json!({ "bench": "cri", "report": self, "met": met }).to_string()
    }
}

/// As `docs/benchmarks.md` has it.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cpus, memory_gib, kernel, cgroups, load, runc } = &self.machine;
        writeln!(
            f,
            "\n{cpus} CPUs, {memory_gib} GiB, Linux {kernel}, cgroups {cgroups}, {runc}, load before {load}\n"
        )?;
        writeln!(
            f,
            "| {} sandboxes each | reprise: median | p90 | containerd: median | p90 | ratio | target |",
            self.runs
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|")?;
        for Row { name, ours, containerd, ratio, target } in &self.rows {
            let verdict = if ratio <= target { "met" } else { "**not met**" };
            let times =
                format!("{:.1} | {:.1} | {:.1} | {:.1}", ours.median, ours.p90, containerd.median, containerd.p90);
            writeln!(f, "| {name} | {times} | {ratio:.2} | {target}, {verdict} |")?;
        }
        let [ours, theirs] = &self.memory;
        writeln!(f, "\n| {} idle Pods, MB (PSS) | reprise | containerd |\n|---|---|---|", ours.pods)?;
        for (name, of) in [
            ("runtime before", (|memory| memory.runtime_before_mb) as fn(&Memory) -> f64),
            ("runtime with them", |memory| memory.runtime_mb),
            ("their shims", |memory| memory.shims_mb),
        ] {
            writeln!(f, "| {name} | {:.1} | {:.1} |", of(ours), of(theirs))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_compares_medians_and_meets_its_target_or_not() {
        let row = |ours: f64| Row::of("x", &[ours, ours, 99.0], &[10.0], 0.5).map(|row| (row.ratio, row.is_met()));
        assert_eq!(row(5.0), Some((0.5, true)));
        assert_eq!(row(6.0), Some((0.6, false)));
        assert!(Row::of("x", &[], &[1.0], 0.5).is_none());
    }
}
