//! What a node with many Pods costs while nothing happens.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use reprise_testkit::image::{BUSYBOX_IMAGE, TestImage};
use reprise_testkit::manifest::{Container, Pod};
use reprise_testkit::{Node, Run};
use serde::Serialize;
use serde_json::{Value, json};

use super::procfs::{cpu_time, pss_bytes};

/// How long all Pods together may take to become Ready, and to end.
const LIMIT: Duration = Duration::from_secs(180);

/// Time for what goes on behind the start to end, before a node counts as idle.
const SETTLE: Duration = Duration::from_secs(5);

/// How long CPU time is counted.
const IDLE: Duration = Duration::from_secs(20);

/// The node's cost.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Pods, of two containers each.
    pub pods: u32,
    /// From the start of the agent until all Pods were Ready.
    pub all_ready_seconds: f64,
    /// PSS of the agent.
    pub agent_mb: f64,
    /// PSS of the shims and all else that the runtime keeps per Pod, the containers' own programs not among it.
    pub shims_mb: f64,
    /// How many processes those are.
    pub shim_processes: usize,
    /// Both.
    pub total_mb: f64,
    /// CPU time of agent and shims, in percent of one core.
    pub idle_cpu_percent: f64,
}

/// Runs the Pods and measures.
pub fn measure(program: &Path, pods: u32) -> Result<Cost> {
    let node = Node::new().of_program(program);
    node.import(&TestImage::busybox().context("image for the Pods")?);
    let manifests: Vec<Value> = (0..pods).map(manifest).collect();
    let start = Instant::now();
    let mut run = node.run(&manifests).start();
    wait_until_ready(&mut run, pods as usize);
    let all_ready = start.elapsed();
    sleep(SETTLE);

    let agent = i32::try_from(run.pid()).context("process id of the agent")?;
    let shims = shims(&node, agent);
    let agent_mb = megabytes(pss_bytes(agent));
    let shims_mb = megabytes(shims.iter().copied().map(pss_bytes).sum());
    let all: Vec<i32> = shims.iter().copied().chain([agent]).collect();
    let idle_cpu_percent = cpu_percent(&all);
    run.interrupt(LIMIT);
    Ok(Cost {
        pods,
        all_ready_seconds: all_ready.as_secs_f64(),
        agent_mb,
        shims_mb,
        shim_processes: shims.len(),
        total_mb: agent_mb + shims_mb,
        idle_cpu_percent,
    })
}

fn wait_until_ready(run: &mut Run, pods: usize) {
    let end = Instant::now() + LIMIT;
    let mut ready = BTreeSet::new();
    while ready.len() < pods {
        let left = end.saturating_duration_since(Instant::now());
        ready.insert(run.wait_for("all Pods to be Ready", left, |event| event.is("PodReady")).pod);
    }
}

/// Processes of the node that are the program itself in a role of its own, named by an argument like `__shim`.
fn shims(node: &Node, agent: i32) -> Vec<i32> {
    let of_runtime = |command: &str| command.split(' ').take(2).any(|word| word.starts_with("__"));
    let processes = node.processes().into_iter();
    processes
        .filter(|process| process.pid != agent && of_runtime(&process.command))
        .map(|process| process.pid)
        .collect()
}

fn cpu_percent(pids: &[i32]) -> f64 {
    let spent = || -> Duration { pids.iter().copied().map(cpu_time).sum() };
    let (before, start) = (spent(), Instant::now());
    sleep(IDLE);
    spent().saturating_sub(before).as_secs_f64() / start.elapsed().as_secs_f64() * 100.0
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn manifest(number: u32) -> Value {
    let idle = |name| Container::of_image(name, BUSYBOX_IMAGE).field("command", json!(["/bin/sleep", "36000"]));
    Pod::new(&format!("pod-{number}")).container(idle("one")).container(idle("two")).build()
}
