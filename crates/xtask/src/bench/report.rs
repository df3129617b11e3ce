//! The figures beside the targets, for people and as JSON.

use std::fmt;

use serde::Serialize;
use serde_json::json;

use super::facts::Machine;
use super::idle::Cost;
use super::quantiles::Quantiles;
use super::{pod, runc};

/// The main container runs again within so many milliseconds (median).
const MAIN_RUNNING_MS: f64 = 60.0;

/// ... and within this share of the time that runc needs (medians).
const SHARE_OF_RUNC: f64 = 0.7;

/// Memory of agent and shims, in MB.
const TOTAL_MB: f64 = 120.0;

/// CPU time of agent and shims while idle, in percent of one core.
const IDLE_CPU_PERCENT: f64 = 0.5;

/// All that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// In-place restarts.
    pub restarts: Restarts,
    /// Many Pods, if asked for.
    pub idle: Option<Cost>,
}

/// Milliseconds from the exit of the trigger.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Restarts {
    /// Of each kind.
    pub runs: usize,
    /// Pause before each, in milliseconds.
    pub pause_ms: u64,
    /// The init container runs, as reported.
    pub init_running: Quantiles,
    /// The main container runs, as reported.
    pub main_running: Quantiles,
    /// The main container's first instruction, by its pipe.
    pub main_instruction: Quantiles,
    /// The Pod is Ready.
    pub ready: Quantiles,
    /// runc: the init container's first instruction, by its pipe.
    pub runc_init_instruction: Quantiles,
    /// runc: the main container's first instruction, by its pipe.
    pub runc_main_instruction: Quantiles,
    /// Ours by runc's, to the main container's first instruction, of medians.
    pub ratio: f64,
}

impl Restarts {
    /// `None` if there were no restarts.
    pub fn of(ours: &[pod::Times], theirs: &[runc::Times], pause_ms: u64) -> Option<Self> {
        let of_ours = |time: fn(&pod::Times) -> f64| Quantiles::of(&ours.iter().map(time).collect::<Vec<_>>());
        let of_theirs = |time: fn(&runc::Times) -> f64| Quantiles::of(&theirs.iter().map(time).collect::<Vec<_>>());
        let main_instruction = of_ours(|times| times.main_instruction)?;
        let runc_main_instruction = of_theirs(|times| times.main_instruction)?;
        Some(Self {
            runs: ours.len(),
            pause_ms,
            init_running: of_ours(|times| times.init_running)?,
            main_running: of_ours(|times| times.main_running)?,
            main_instruction,
            ready: of_ours(|times| times.ready)?,
            runc_init_instruction: of_theirs(|times| times.init_instruction)?,
            runc_main_instruction,
            ratio: main_instruction.median / runc_main_instruction.median,
        })
    }

    /// The slower of what the runtime reports and what the pipe showed counts.
    fn main_ms(&self) -> f64 {
        self.main_running.median.max(self.main_instruction.median)
    }
}

impl Report {
    /// One line.
    pub fn to_json(&self) -> String {
        let targets: serde_json::Map<_, _> =
            self.targets().into_iter().map(|target| (target.name.to_owned(), json!(target.is_met()))).collect();
        json!({
            "bench": "restart",
            "machine": self.machine,
            "restarts": self.restarts,
            "fleet": self.idle,
            "met": targets,
        })
        .to_string()
    }

    fn targets(&self) -> Vec<Target> {
        let mut targets = vec![
            Target { name: "mainRunningMs", measured: self.restarts.main_ms(), limit: MAIN_RUNNING_MS },
            Target { name: "shareOfRunc", measured: self.restarts.ratio, limit: SHARE_OF_RUNC },
        ];
        if let Some(idle) = &self.idle {
            targets.push(Target { name: "totalMb", measured: idle.total_mb, limit: TOTAL_MB });
            targets.push(Target { name: "idleCpuPercent", measured: idle.idle_cpu_percent, limit: IDLE_CPU_PERCENT });
        }
        targets
    }
}

/// A promise and how it was kept.
struct Target {
    name: &'static str,
    measured: f64,
    limit: f64,
}

impl Target {
    fn is_met(&self) -> bool {
        self.measured <= self.limit
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cpus, memory_gib, kernel, cgroups, load, runc } = &self.machine;
        writeln!(f, "\n{cpus} CPUs, {memory_gib} GiB, Linux {kernel}, cgroups {cgroups}, {runc}, load before {load}")?;
        write!(f, "\n{}", self.restarts)?;
        if let Some(idle) = &self.idle {
            write!(f, "\n{idle}")?;
        }
        writeln!(f, "\n{:<52}{:>9}{:>9}", "target", "measured", "at most")?;
        for target in self.targets() {
            let verdict = if target.is_met() { "met" } else { "NOT MET" };
            writeln!(f, "  {:<50}{:>9.2}{:>9.2}  {verdict}", target.name, target.measured, target.limit)?;
        }
        Ok(())
    }
}

impl fmt::Display for Restarts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = format!("{} restarts, {} ms apart; ms from the trigger's exit", self.runs, self.pause_ms);
        writeln!(f, "{title:<52}{:>9}{:>9}", "median", "p90")?;
        for (name, quantiles) in [
            ("reprise: init container runs (reported)", self.init_running),
            ("reprise: main container runs (reported)", self.main_running),
            ("reprise: main container's first instruction", self.main_instruction),
            ("reprise: Ready", self.ready),
            ("runc: init container's first instruction", self.runc_init_instruction),
            ("runc: main container's first instruction", self.runc_main_instruction),
        ] {
            writeln!(f, "  {name:<50}{:>9.1}{:>9.1}", quantiles.median, quantiles.p90)?;
        }
        writeln!(f, "  {:<50}{:>9.2}", "reprise / runc, main's first instruction", self.ratio)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} Pods of two containers", self.pods)?;
        writeln!(f, "  {:<50}{:>9.2}", "all Ready after, s", self.all_ready_seconds)?;
        writeln!(f, "  {:<50}{:>9.1}", "agent, MB (PSS)", self.agent_mb)?;
        let shims = format!("{} shims, MB (PSS)", self.shim_processes);
        writeln!(f, "  {shims:<50}{:>9.1}", self.shims_mb)?;
        writeln!(f, "  {:<50}{:>9.1}", "together, MB", self.total_mb)?;
        writeln!(f, "  {:<50}{:>9.2}", "idle CPU, percent of a core", self.idle_cpu_percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(main_running: f64, main_instruction: f64) -> pod::Times {
        pod::Times { init_running: 1.0, main_running, main_instruction, ready: 3.0 }
    }

    #[test]
    fn the_slower_of_report_and_first_instruction_counts() {
        let theirs = [runc::Times { init_instruction: 1.0, main_instruction: 20.0 }];
        for times in [ours(50.0, 10.0), ours(10.0, 50.0)] {
            let restarts = Restarts::of(&[times], &theirs, 0);
            assert_eq!(restarts.map(|restarts| restarts.main_ms()), Some(50.0));
        }
    }

    #[test]
    fn the_ratio_compares_first_instructions_with_first_instructions() {
        let theirs = [runc::Times { init_instruction: 1.0, main_instruction: 20.0 }];
        let restarts = Restarts::of(&[ours(50.0, 10.0)], &theirs, 0);
        assert_eq!(restarts.map(|restarts| restarts.ratio), Some(0.5));
    }

    #[test]
    fn no_restarts_make_no_report() {
        assert!(Restarts::of(&[], &[], 0).is_none());
    }
}
