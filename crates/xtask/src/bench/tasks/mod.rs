//! `cargo xtask bench tasks`: tasks that each want to begin from a clean slate. One Pod that recycles in place does one after the other,
//! beside a Pod for each task: of a Job, and made one by one.

mod cluster;
mod objects;
mod report;

use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use serde_json::json;

use self::cluster::Cluster;
use self::objects::{JOB, PODS, job, recycling, single};
use self::report::Report;
use super::interruption::Interruption;
use super::quantiles::Quantiles;
use super::setup::{Begun, Setup};

/// Choices for `cargo xtask bench tasks`.
#[derive(Debug, Args)]
pub struct Options {
    /// How many tasks are done in a round
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(2..=100))]
    tasks: u32,
    /// How often each way takes its turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    #[command(flatten)]
    setup: Setup,
}

/// Tasks in a second, of all rounds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rates {
    /// In a round.
    tasks: u32,
    rounds: usize,
    /// One Pod that recycles in place.
    recycling: Quantiles,
    /// A Job that has a Pod for each task, one after the other.
    job: Quantiles,
    /// A Pod for each task, made as soon as the one before has done its work.
    pods: Quantiles,
}

/// Measures, and prints what was measured and whether the targets are met.
pub fn run(options: &Options) -> Result<()> {
    let Begun { program, interruption, machine } = options.setup.begin()?;
    println!("==> {} rounds of {} tasks each way, taking turns", options.rounds, options.tasks);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the client")?;
    let rates = runtime.block_on(measure(&program, options, &interruption))?;
    let report = Report { machine, rates };
    options.setup.print(&report, || report.to_json());
    Ok(())
}

async fn measure(program: &Path, options: &Options, interruption: &Interruption) -> Result<Rates> {
    let mut cluster = Cluster::start(program).await?;
    let (mut recycled, mut of_job, mut of_pods) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        recycled.push(recycle(&mut cluster, options.tasks).await?);
        interruption.check()?;
        of_job.push(run_job(&mut cluster, options.tasks).await?);
        interruption.check()?;
        of_pods.push(run_pods(&mut cluster, options.tasks).await?);
        interruption.check()?;
    }
    cluster.end()?;
    let quantiles = |rates: &[f64]| Quantiles::of(rates).context("nothing was measured");
    Ok(Rates {
        tasks: options.tasks,
        rounds: recycled.len(),
        recycling: quantiles(&recycled)?,
        job: quantiles(&of_job)?,
        pods: quantiles(&of_pods)?,
    })
}

/// Tasks in a second, from the first that is done.
async fn recycle(cluster: &mut Cluster, tasks: u32) -> Result<f64> {
    let pod = recycling("worker", cluster.marks.folder());
    cluster.api.json("POST", PODS, &pod).await?;
    let rate = cluster.rate(tasks)?;
    cluster.delete(&format!("{PODS}/worker")).await?;
    Ok(rate)
}

async fn run_job(cluster: &mut Cluster, tasks: u32) -> Result<f64> {
    // The first one begins the count.
    let job = job("tasks", tasks + 1, cluster.marks.folder());
    cluster.api.json("POST", JOB, &job).await?;
    let rate = cluster.rate(tasks)?;
    cluster.delete(&format!("{JOB}/tasks")).await?;
    Ok(rate)
}

async fn run_pods(cluster: &mut Cluster, tasks: u32) -> Result<f64> {
    let mut times = Vec::new();
    for number in 0..=tasks {
        let pod = single(&format!("task-{number}"), cluster.marks.folder());
        cluster.api.json("POST", PODS, &pod).await?;
        times.push(cluster.marks.wait(objects::MARK)?);
    }
    cluster.api.json("DELETE", PODS, &json!({ "gracePeriodSeconds": 0 })).await?;
    cluster.wait_until_empty().await?;
    cluster::rate(&times)
}
