//! What was measured, for people and for programs.

use std::fmt;

use serde::Serialize;
use serde_json::json;

use super::recovery::Recovery;
use crate::bench::facts::Machine;

/// The targets, for this many nodes.
const TARGET_NODES: u32 = 5000;
const IN_PLACE_SECONDS: f64 = 5.0;
const TIMES_FASTER: f64 = 10.0;
const MEMORY_MB: f64 = 4096.0;
/// Close to linear: the time per node of the largest fleet is at most so many times that of the smallest.
const GROWTH: f64 = 1.5;

/// One fleet.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fleet {
    /// How many nodes, and workers.
    pub nodes: u32,
    /// Until all nodes were ready.
    pub registered_seconds: f64,
    /// In place.
    pub in_place: Recovery,
    /// By recreation.
    pub recreate: Recovery,
    /// The most memory that `reprise up --no-node` had at once, in MB (RSS).
    pub api_peak_mb: f64,
    /// The most memory that `reprise fleet` had at once, in MB (RSS), with its nodes' records.
    pub fleet_peak_mb: f64,
}

/// All fleets.
pub struct Report {
    /// Where it was measured.
    pub machine: Machine,
    /// The fleets.
    pub fleets: Vec<Fleet>,
}

struct Target {
    name: String,
    is: f64,
    limit: f64,
    is_met: bool,
}

impl Report {
    /// One line.
    pub fn to_json(&self) -> String {
        let of = |fleet: &Fleet| {
            json!({
                "nodes": fleet.nodes,
                "inPlaceSeconds": fleet.in_place.seconds,
                "recreateSeconds": fleet.recreate.seconds,
                "inPlace": fleet.in_place,
                "recreate": fleet.recreate,
                "apiPeakMb": fleet.api_peak_mb,
                "fleetPeakMb": fleet.fleet_peak_mb,
            })
        };
        json!(self.fleets.iter().map(of).collect::<Vec<_>>()).to_string()
    }

    fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        if let Some(fleet) = self.fleets.iter().find(|fleet| fleet.nodes == TARGET_NODES) {
            let (in_place, faster) = (fleet.in_place.seconds, fleet.recreate.seconds / fleet.in_place.seconds);
            let memory = fleet.api_peak_mb + fleet.fleet_peak_mb;
            let name = |what: &str| format!("{what}, {TARGET_NODES} nodes");
            let at_most = |what: &str, is: f64, limit: f64| Target { name: name(what), is, limit, is_met: is <= limit };
            targets.push(at_most("in place, s, at most", in_place, IN_PLACE_SECONDS));
            let is_met = faster >= TIMES_FASTER;
            targets.push(Target {
                name: name("times faster than recreation, at least"),
                is: faster,
                limit: TIMES_FASTER,
                is_met,
            });
            targets.push(at_most("memory of both at its peak, MB, at most", memory, MEMORY_MB));
        }
        if let [first, .., last] = self.fleets.as_slice() {
            let per_node = |fleet: &Fleet| fleet.in_place.seconds / f64::from(fleet.nodes);
            let is = per_node(last) / per_node(first);
            let name = "time per node, the largest fleet to the smallest, at most".to_owned();
            targets.push(Target { name, is, limit: GROWTH, is_met: is <= GROWTH });
        }
        targets
    }
}

/// As `docs/benchmarks.md` has it.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cpus, memory_gib, kernel, load, .. } = &self.machine;
        writeln!(f, "\n{cpus} CPUs, {memory_gib} GiB, Linux {kernel}, load before {load}\n")?;
        writeln!(
            f,
            "| nodes | | first start, s | failure -> all run again, s | and told, s | writes | watch events | API, MB | fleet, MB |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|")?;
        for fleet in &self.fleets {
            for (name, of) in [("in place", &fleet.in_place), ("recreated", &fleet.recreate)] {
                let Recovery { first_start_seconds, seconds, told_seconds, writes, watch_events } = of;
                let (api, own) = (fleet.api_peak_mb, fleet.fleet_peak_mb);
                writeln!(
                    f,
                    "| {} | {name} | {first_start_seconds:.1} | {seconds:.2} | {told_seconds:.2} | {writes:.0} | {watch_events:.0} | {api:.0} | {own:.0} |",
                    fleet.nodes
                )?;
            }
        }
        writeln!(f, "\n| target | is | |\n|---|---|---|")?;
        for Target { name, is, limit, is_met } in self.targets() {
            let verdict = if is_met { "met" } else { "**not met**" };
            writeln!(f, "| {name} | {is:.2} | {limit}, {verdict} |")?;
        }
        Ok(())
    }
}
