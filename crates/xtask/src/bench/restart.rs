//! `cargo xtask bench restart`

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use reprise_testkit::Node;
use reprise_testkit::image::TestImage;

use super::idle;
use super::interruption::Interruption;
use super::pod::{self, Worker};
use super::report::{Report, Restarts};
use super::runc::{self, Sequence};
use super::setup::{Begun, Setup};

/// Choices for `cargo xtask bench restart`.
#[derive(Debug, Args)]
pub struct Options {
    /// How many restarts of each kind
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Pause before each restart, in milliseconds
    #[arg(long, default_value_t = 300)]
    pause_ms: u64,
    /// How many Pods of two containers memory and idle CPU are measured with; 0 leaves it out
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=200))]
    pods: u32,
    #[command(flatten)]
    setup: Setup,
}

/// Measures, and prints what was measured and whether the targets are met.
pub fn run(options: &Options) -> Result<()> {
    let Begun { program, interruption, machine } = options.setup.begin()?;
    println!("==> {} restarts of each kind, taking turns", options.runs);
    let restarts = measure_restarts(&program, options, &interruption)?;
    let idle = if options.pods > 0 {
        println!("==> {} Pods of two containers, idle", options.pods);
        Some(idle::measure(&program, options.pods)?)
    } else {
        None
    };
    interruption.check()?;
    let report = Report { machine, restarts, idle };
    options.setup.print(&report, || report.to_json());
    Ok(())
}

/// Ours and runc's in turn, so that whatever else the machine does meets both.
fn measure_restarts(program: &Path, options: &Options, interruption: &Interruption) -> Result<Restarts> {
    let node = Node::new().of_program(program);
    node.import(&TestImage::busybox().context("image for the Pod")?);
    let mut worker = Worker::start(&node)?;
    let mut sequence = Sequence::start(&node.scratch().join("runc"))?;
    let pause = Duration::from_millis(options.pause_ms);
    let (mut ours, mut theirs): (Vec<pod::Times>, Vec<runc::Times>) = (Vec::new(), Vec::new());
    for _ in 0..options.runs {
        sleep(pause);
        ours.push(worker.restart()?);
        sleep(pause);
        theirs.push(sequence.restart()?);
        interruption.check()?;
    }
    drop(sequence);
    worker.end();
    Restarts::of(&ours, &theirs, options.pause_ms).context("nothing was measured")
}
