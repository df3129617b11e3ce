//! `cargo xtask bench api`: the embedded API alone, over HTTP and TLS as its clients come to it.

pub mod client;
mod fan_out;
pub mod kubeconfig;
mod latency;
mod objects;
mod pods;
mod report;
pub mod server;
mod writes;

use anyhow::{Context, Result};
use clap::Args;

use super::setup::{Begun, Setup};
use fan_out::Way;
use report::Report;
use server::Server;

/// Watchers of one connection, if they share it.
const SHARE: u32 = 1_000;

/// Choices for `cargo xtask bench api`.
#[derive(Debug, Args)]
pub struct Options {
    /// Small writes
    #[arg(long, default_value_t = 40_000)]
    writes: u32,
    /// Clients that write at once
    #[arg(long, default_value_t = 64)]
    clients: u32,
    /// Watchers that hear of one change
    #[arg(long, default_value_t = 5_000)]
    watchers: u32,
    /// Pods that are listed and watched
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pods: u32,
    #[command(flatten)]
    setup: Setup,
}

/// Measures, and prints what was measured and whether the targets are met.
pub fn run(options: &Options) -> Result<()> {
    let Begun { program, interruption, machine } = options.setup.begin()?;
    client::allow_many_connections()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the async runtime")?;
    let report = runtime.block_on(async {
        println!("==> {} small writes by {} clients", options.writes, options.clients);
        let server = Server::start(&program).await?;
        let writes = writes::measure(&server, options.writes, options.clients).await?;
        interruption.check()?;
        println!("==> one change to {} watchers", options.watchers);
        let fan_out = fan_out::measure(&server, "watched", options.watchers, Way::OneEach).await?;
        interruption.check()?;
        println!("==> the same over connections that {SHARE} watchers share");
        let shared = fan_out::measure(&server, "watched-by-many", options.watchers, Way::Shared(SHARE)).await?;
        server.stop()?;
        interruption.check()?;
        println!("==> {} Pods", options.pods);
        let server = Server::start(&program).await?;
        let pods = pods::measure(&server, options.pods).await?;
        interruption.check()?;
        println!("==> how long calls take beside them");
        let latency = latency::measure(&server, options.pods).await?;
        server.stop()?;
        anyhow::Ok(Report { machine, writes, fan_out, shared, pods, latency })
    })?;
    options.setup.print(&report, || report.to_json());
    Ok(())
}
