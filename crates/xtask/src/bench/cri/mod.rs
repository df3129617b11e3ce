//! `cargo xtask bench cri`: our runtime beside Debian's containerd with runc, through one client.

mod churn;
mod life;
mod memory;
mod report;
mod requests;
mod side;

use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;
use tokio::runtime::Builder;

use super::facts::Machine;
use super::interruption::Interruption;
use super::setup::{Begun, Setup};
use life::Life;
use report::Report;
use requests::{Pod, sandbox_config};
use side::Side;

/// Choices for `cargo xtask bench cri`.
#[derive(Debug, Args)]
pub struct Options {
    /// How many sandboxes with a container are made and removed, for the times of single calls
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// How many times 100 containers are made and removed by four clients at once
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    churns: u32,
    /// How many idle Pods memory is measured with
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100))]
    pods: u32,
    #[command(flatten)]
    setup: Setup,
}

/// Measures, and prints what was measured and whether the targets are met.
pub fn run(options: &Options) -> Result<()> {
    let Begun { program, interruption, machine } = options.setup.begin()?;
    let runtime = Builder::new_current_thread().enable_all().build().context("start the client")?;
    let report = runtime.block_on(measure(&program, options, machine, &interruption))?;
    options.setup.print(&report, || report.to_json());
    Ok(())
}

/// Both runtimes do everything in turn, so that whatever else the machine does meets both.
async fn measure(program: &Path, options: &Options, machine: Machine, interruption: &Interruption) -> Result<Report> {
    let (ours, theirs) = (Side::ours(program)?, Side::containerd()?);
    let sides = [&ours, &theirs];
    let mut neighbours = Vec::new();
    for side in sides {
        side.wait_for_images().await?;
        // What is made with the first Pod of a node, and goes with its last one, is not what is measured.
        neighbours.push(Pod::run(side, sandbox_config(side)?).await?);
        life::live(side).await?;
    }
    println!("==> {} sandboxes with a container, taking turns", options.runs);
    let mut lives: [Vec<Life>; 2] = Default::default();
    for _ in 0..options.runs {
        for (side, lives) in sides.iter().zip(&mut lives) {
            lives.push(life::live(side).await?);
            interruption.check()?;
        }
    }
    println!("==> {} containers by {} clients at once, {} times", churn::CONTAINERS, churn::CLIENTS, options.churns);
    let mut churns: [Vec<f64>; 2] = Default::default();
    for _ in 0..options.churns {
        for (side, churns) in sides.iter().zip(&mut churns) {
            churns.push(churn::seconds(side).await?);
            interruption.check()?;
        }
    }
    println!("==> {} idle Pods of one container", options.pods);
    let memory = [memory::measure(&ours, options.pods).await?, memory::measure(&theirs, options.pods).await?];
    for neighbour in neighbours {
        neighbour.stop().await?;
        neighbour.remove().await?;
    }
    interruption.check()?;
    Report::of(machine, &lives, &churns, memory).context("nothing was measured")
}
