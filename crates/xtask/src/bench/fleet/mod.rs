//! `cargo xtask bench fleet`: a JobSet with a worker on each node of a simulated fleet loses one worker, and recovers in place, and by
//! recreation.

mod counters;
mod hollow;
mod picture;
mod recovery;
mod report;
mod workload;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use super::api::client::allow_many_connections;
use super::api::server::Server;
use super::interruption::Interruption;
use super::setup::{Begun, Setup};
use hollow::HollowFleet;
use report::{Fleet, Report};
use workload::Strategy;

/// Choices for `cargo xtask bench fleet`.
#[derive(Debug, Args)]
pub struct Options {
    /// How many nodes; each number is a fleet of its own
    #[arg(long, value_delimiter = ',', default_value = "1000,5000,10000", value_parser = clap::value_parser!(u32).range(2..))]
    nodes: Vec<u32>,
    /// Draw the picture here
    #[arg(long, value_name = "FILE", default_value = "docs/fleet.svg")]
    picture: PathBuf,
    #[command(flatten)]
    setup: Setup,
}

/// What each step of `nodes` nodes may take, before something must be wrong.
fn limit(nodes: u32) -> Duration {
    Duration::from_secs(120) + Duration::from_millis(100) * nodes
}

/// Measures, and prints what was measured and whether the targets are met.
pub fn run(options: &Options) -> Result<()> {
    let Begun { program, interruption, machine } = options.setup.begin()?;
    allow_many_connections()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("start the async runtime")?;
    let fleets = options.nodes.iter().map(|nodes| runtime.block_on(measure(&program, *nodes, &interruption)));
    let report = Report { machine, fleets: fleets.collect::<Result<_>>()? };
    let picture = picture::draw(&report.fleets);
    fs::write(&options.picture, picture).with_context(|| format!("write {}", options.picture.display()))?;
    println!("the picture is in {}", options.picture.display());
    options.setup.print(&report, || report.to_json());
    Ok(())
}

async fn measure(program: &Path, nodes: u32, interruption: &Interruption) -> Result<Fleet> {
    println!("==> {nodes} nodes");
    let server = Server::start(program).await?;
    let mut fleet = HollowFleet::start(program, &server.kubeconfig()?, nodes)?;
    let registered = fleet.until("all nodes are ready", limit(nodes), |counts| counts.nodes_ready == nodes)?;
    println!("    all registered after {:.1} s", registered.as_secs_f64());
    interruption.check()?;
    let in_place = recovery::measure(&server, &mut fleet, nodes, Strategy::InPlaceRestart).await?;
    interruption.check()?;
    let recreate = recovery::measure(&server, &mut fleet, nodes, Strategy::Recreate).await?;
    interruption.check()?;
    let measured = Fleet {
        nodes,
        registered_seconds: registered.as_secs_f64(),
        in_place,
        recreate,
        api_peak_mb: server.peak_memory_mb(),
        fleet_peak_mb: fleet.peak_memory_mb(),
    };
    println!("    in place {:.2} s, by recreation {:.2} s", measured.in_place.seconds, measured.recreate.seconds);
    fleet.stop()?;
    server.stop()?;
    Ok(measured)
}
