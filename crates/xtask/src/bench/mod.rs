//! `cargo xtask bench`: the figures that the project promises, measured on this machine.
//!
//! Absolute figures differ from machine to machine. So what they are compared with runs in the same minutes, on the
//! same files, taking turns with what is measured.

mod api;
mod cri;
mod facts;
mod fleet;
mod idle;
mod interruption;
mod marks;
mod pod;
mod pods;
mod procfs;
mod quantiles;
mod report;
mod restart;
mod runc;
mod setup;
mod tasks;

use anyhow::Result;
use clap::Subcommand;

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// In-place restarts beside the same steps done with runc; memory and idle CPU of a node with many Pods
    Restart(restart::Options),
    /// Calls, churn and memory of the container runtime beside containerd with runc
    Cri(cri::Options),
    /// A full node: many Pods start, restart in place all at the same moment, and end
    Pods(pods::Options),
    /// The API alone: durable writes, many watchers, many Pods
    Api(api::Options),
    /// Clean tasks in a second: one Pod that recycles in place, beside a Pod for each task
    Tasks(tasks::Options),
    /// Simulated fleets: one worker of a JobSet fails, and all recover in place, and by recreation
    Fleet(fleet::Options),
}

/// Measures and reports.
pub fn run(bench: &Bench) -> Result<()> {
    match bench {
        Bench::Restart(options) => restart::run(options),
        Bench::Cri(options) => cri::run(options),
        Bench::Pods(options) => pods::run(options),
        Bench::Api(options) => api::run(options),
        Bench::Tasks(options) => tasks::run(options),
        Bench::Fleet(options) => fleet::run(options),
    }
}
