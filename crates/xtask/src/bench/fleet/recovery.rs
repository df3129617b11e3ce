//! One failure and its recovery.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::counters::Counters;
use super::hollow::HollowFleet;
use super::limit;
use super::workload::{Strategy, job_set};
use crate::bench::api::client::Connection;
use crate::bench::api::server::Server;

const JOB_SETS: &str = "/apis/jobset.x-k8s.io/v1alpha2/namespaces/default/jobsets";
/// How often the API is asked how far it is.
const ASK: Duration = Duration::from_millis(100);
/// The share of a node's CPU that a worker requests: two find no place on one.
const CPU_SHARE: f64 = 0.6;
/// Before the failure, all that goes on behind the start is over.
const SETTLE: Duration = Duration::from_secs(10);

/// How one failure was recovered from.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recovery {
    /// From the JobSet's creation until all workers ran.
    pub first_start_seconds: f64,
    /// From the worker's exit until all workers ran again.
    pub seconds: f64,
    /// The same until the JobSet's status said that all are ready.
    pub told_seconds: f64,
    /// Requests to the API that wrote, until then.
    pub writes: f64,
    /// Events of watches, until then.
    pub watch_events: f64,
}

/// Brings the workers up, has one fail, waits for the recovery, and removes all again.
pub async fn measure(server: &Server, fleet: &mut HollowFleet, nodes: u32, strategy: Strategy) -> Result<Recovery> {
    let mut api = server.client.connect().await?;
    let cpu = cpu_of_worker(&mut api).await?;
    let begun = Instant::now();
    api.json("POST", JOB_SETS, &job_set(strategy, nodes, &cpu)).await.context("create the JobSet")?;
    fleet.until("all workers run", limit(nodes), |counts| counts.workers_running == nodes)?;
    let first_start = begun.elapsed();
    println!("    {}: all workers run after {:.1} s", strategy.name(), first_start.as_secs_f64());
    all_ready(&mut api, strategy, nodes).await?;
    tokio::time::sleep(SETTLE).await;

    let (before, begun_before) = (Counters::read(server).await?, fleet.counts().workers_begun);
    let failed = Instant::now();
    fleet.command("exit 1 1 worker")?;
    let again = begun_before + u64::from(nodes);
    fleet.until("all workers run again", limit(nodes), |counts| {
        counts.workers_running == nodes && counts.workers_begun >= again
    })?;
    let seconds = failed.elapsed().as_secs_f64();
    all_ready(&mut api, strategy, nodes).await?;
    let told_seconds = failed.elapsed().as_secs_f64();
    let used = Counters::read(server).await?.since(before);
    ensure!(fleet.counts().workers_begun == again, "more workers began than one failure asks for");

    let path = format!("{JOB_SETS}/{}?propagationPolicy=Background", strategy.job_set());
    api.call("DELETE", &path, &Bytes::new()).await.context("delete the JobSet")?;
    fleet.until("all Pods are gone", limit(nodes), |counts| counts.sandboxes == 0)?;
    Ok(Recovery {
        first_start_seconds: first_start.as_secs_f64(),
        seconds,
        told_seconds,
        writes: used.writes,
        watch_events: used.watch_events,
    })
}

/// Waits until the JobSet says that all its Jobs, so all their Pods, are ready.
async fn all_ready(api: &mut Connection, strategy: Strategy, nodes: u32) -> Result<()> {
    let path = format!("{JOB_SETS}/{}", strategy.job_set());
    let end = Instant::now() + limit(nodes);
    loop {
        let body = api.call("GET", &path, &Bytes::new()).await?;
        let job_set: Value = serde_json::from_slice(&body)?;
        let wanted = &job_set["spec"]["replicatedJobs"][0]["replicas"];
        let ready = &job_set["status"]["replicatedJobsStatus"][0]["ready"];
        if !wanted.is_null() && wanted == ready {
            return Ok(());
        }
        ensure!(Instant::now() < end, "not all Jobs become ready: {}", job_set["status"]);
        tokio::time::sleep(ASK).await;
    }
}

/// So much that a node has room for one worker and not for two.
async fn cpu_of_worker(api: &mut Connection) -> Result<String> {
    let body = api.call("GET", "/api/v1/nodes/hollow-0", &Bytes::new()).await?;
    let node: Value = serde_json::from_slice(&body)?;
    let cpu = node["status"]["allocatable"]["cpu"].as_str().context("the node has no CPU")?;
    let milli = match cpu.strip_suffix('m') {
        Some(milli) => milli.parse::<f64>(),
        None => cpu.parse::<f64>().map(|cpus| cpus * 1000.0),
    };
    let milli = milli.with_context(|| format!("{cpu:?} is no amount of CPU"))?;
    Ok(format!("{:.0}m", milli * CPU_SHARE))
}
