//! `cargo xtask bench pods`: a full node. Many Pods start, restart in place all at the same moment, and end.

mod report;

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use reprise_testkit::event::Event;
use reprise_testkit::image::{BUSYBOX_IMAGE, TestImage};
use reprise_testkit::manifest::{Container, Pod};
use reprise_testkit::{Node, Run};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde::Serialize;
use serde_json::{Value, json};

use super::idle;
use super::quantiles::Quantiles;
use super::setup::{Begun, Setup};
use report::Report;

/// How long all Pods together may take for one of the things that they do.
const LIMIT: Duration = Duration::from_secs(180);

/// Time for the programs that have just been started to come to where they wait.
const SETTLE: Duration = Duration::from_secs(5);

/// Its exit restarts the Pod in place.
const TRIGGER_CODE: i32 = 88;

/// Waits for somebody to open the first pipe, and exits with the code that the rule names; the second time for the second
/// pipe. Whoever opens a pipe wakes all that wait for it.
const WORK: &str =
    "if [ -e /work/again ]; then read x < /bench/end; exit 0; fi; : > /work/again; read x < /bench/go; exit 88";

/// Choices for `cargo xtask bench pods`.
#[derive(Debug, Args)]
pub struct Options {
    /// How many Pods are there at once
    #[arg(long, default_value_t = 110, value_parser = clap::value_parser!(u32).range(1..=200))]
    pods: u32,
    #[command(flatten)]
    setup: Setup,
}

/// The life of all Pods together, in seconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Life {
    pods: u32,
    /// From the start of the agent until all were Ready.
    all_ready: f64,
    /// From the moment that all main containers were told to exit until all Pods were Ready again.
    all_restarted: f64,
    /// For each Pod, from its own trigger's exit until it was Ready again.
    restarted: Quantiles,
    /// From the moment that all were told to end until the agent had seen all of them end, and ended itself.
    all_ended: f64,
}

/// Measures, and prints what was measured and whether the targets are met.
pub fn run(options: &Options) -> Result<()> {
    let Begun { program, interruption, machine } = options.setup.begin()?;
    println!("==> 50 Pods of two containers, idle");
    let idle = idle::measure(&program, 50)?;
    interruption.check()?;
    println!("==> {} Pods of two containers, idle", options.pods);
    let full = idle::measure(&program, options.pods)?;
    interruption.check()?;
    println!("==> {} Pods start, restart in place, and end", options.pods);
    let life = live(&program, options.pods)?;
    let report = Report { machine, idle, full, life };
    options.setup.print(&report, || report.to_json());
    Ok(())
}

fn live(program: &Path, pods: u32) -> Result<Life> {
    let node = Node::new().of_program(program);
    node.import(&TestImage::busybox().context("image for the Pods")?);
    let folder = node.scratch().join("bench");
    std::fs::create_dir(&folder).context("make the folder of the pipes")?;
    for name in ["go", "end"] {
        mknodat(CWD, folder.join(name), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).context("make a pipe")?;
    }
    let manifests: Vec<Value> = (0..pods).map(|number| manifest(number, &folder)).collect();
    let start = Instant::now();
    let mut run = node.run(&manifests).start();
    wait_until_ready(&mut run, pods, 0);
    let all_ready = start.elapsed();

    sleep(SETTLE);
    let go = open(&folder.join("go"))?;
    let restarts = wait_until_ready(&mut run, pods, 1);
    let all_restarted = go.elapsed();

    sleep(SETTLE);
    let end = open(&folder.join("end"))?;
    let finished = run.finish(LIMIT);
    let all_ended = end.elapsed();
    let succeeded = finished.summary().pods.iter().filter(|pod| pod.phase == "Succeeded").count();
    ensure!(succeeded == pods as usize, "{succeeded} of {pods} Pods succeeded");
    let seconds: Vec<f64> = restarts.iter().filter_map(|event| event.since_trigger_ms).map(|ms| ms / 1000.0).collect();
    Ok(Life {
        pods,
        all_ready: all_ready.as_secs_f64(),
        all_restarted: all_restarted.as_secs_f64(),
        restarted: Quantiles::of(&seconds).context("no restart says how long it took")?,
        all_ended: all_ended.as_secs_f64(),
    })
}

/// Wakes all that wait for the pipe. The time just before that.
fn open(pipe: &Path) -> Result<Instant> {
    let now = Instant::now();
    OpenOptions::new().write(true).open(pipe).with_context(|| format!("open {}", pipe.display()))?;
    Ok(now)
}

/// The events by which all Pods became Ready in `epoch`.
fn wait_until_ready(run: &mut Run, pods: u32, epoch: u64) -> Vec<Event> {
    let end = Instant::now() + LIMIT;
    let (mut names, mut events) = (BTreeSet::new(), Vec::new());
    while names.len() < pods as usize {
        let left = end.saturating_duration_since(Instant::now());
        let ready = |event: &Event| event.is("PodReady") && event.epoch == epoch;
        let event = run.wait_for("all Pods to be Ready", left, ready);
        if names.insert(event.pod.clone()) {
            events.push(event);
        }
    }
    events
}

fn manifest(number: u32, folder: &Path) -> Value {
    let shell = |name: &str, script: &str| {
        Container::of_image(name, BUSYBOX_IMAGE).field("command", json!(["/bin/sh", "-c", script]))
    };
    let main = shell("main", WORK).policy("Never").restart_all_on(&[TRIGGER_CODE]);
    Pod::new(&format!("pod-{number}"))
        .policy("Never")
        .host_path("bench", folder)
        .empty_dir("work")
        .init(shell("setup", "exit 0"))
        .container(main.mount("bench", "/bench").mount("work", "/work"))
        .build()
}
