//! `reprise fleet`: many simulated nodes in this process, until somebody interrupts.

use std::fs;
use std::io::BufRead;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use reprise_hollow::{Command, Counts, Fleet, FleetOptions, Timed, Times};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::cli::{FleetArgs, Output};
use crate::failure::{self, BadInput};
use crate::interrupt::Interrupts;
use crate::up::open_files;

/// Where a folder in memory can be made.
const MEMORY: &str = "/dev/shm";
/// Counts are told no more often than this.
const TELL: Duration = Duration::from_millis(10);

/// Runs the verb.
pub async fn run(args: FleetArgs) -> Result<ExitCode> {
    open_files::allow_all();
    let script = script(args.script.as_deref())?;
    let mut interrupts = Interrupts::listen()?;
    let records = folder()?;
    let options = FleetOptions {
        nodes: args.nodes as usize,
        name: args.name,
        folder: records.path().to_owned(),
        kubeconfig: args.kubeconfig,
        times: Times::measured(),
    };
    let fleet = Fleet::start(options).await?;
    let telling = tokio::spawn(tell(fleet.counts(), args.output));
    follow(&fleet, script, &mut interrupts).await;
    fleet.stop().await;
    telling.abort();
    records.close().context("the folder of the nodes' records stays")?;
    Ok(ExitCode::SUCCESS)
}

fn script(file: Option<&Path>) -> Result<Vec<Timed>> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let text = fs::read_to_string(file).map_err(|error| BadInput::new(format!("{}: {error}", file.display())))?;
    let read = Timed::read_script(&text);
    read.map_err(|(line, error)| BadInput::new(format!("{}:{line}: {error}", file.display())).into())
}

/// The nodes' records: in memory, where the machine has such a place.
fn folder() -> Result<TempDir> {
    let named = |prefix| tempfile::Builder::new().prefix(prefix).to_owned();
    let memory = Path::new(MEMORY);
    let made = match memory.is_dir() {
        true => named("reprise-fleet-").tempdir_in(memory),
        false => named("reprise-fleet-").tempdir(),
    };
    made.context("can't make a folder for the nodes' records")
}

/// Does what the script and standard input say, until a signal.
async fn follow(fleet: &Fleet, script: Vec<Timed>, interrupts: &mut Interrupts) {
    let mut lines = lines_of_input();
    let (mut timers, mut is_ready) = (JoinSet::new(), false);
    loop {
        // Receivers and sets of tasks lose nothing when they are dropped.
        tokio::select! {
            () = interrupts.next() => return,
            () = fleet.ready(), if !is_ready => {
                is_ready = true;
                script.iter().cloned().for_each(|timed| delay(&mut timers, timed));
            }
            Some(line) = lines.recv() => match line.parse::<Timed>() {
                Ok(timed) => delay(&mut timers, timed),
                Err(error) => eprintln!("Warning: {line:?}: {error}"),
            },
            Some(Ok(command)) = timers.join_next(), if !timers.is_empty() => {
                if let Err(error) = fleet.carry_out(&command).await {
                    // The fleet goes on.
                    let _code = failure::report(&error.into());
                }
            }
        }
    }
}

fn delay(timers: &mut JoinSet<Command>, timed: Timed) {
    timers.spawn(async move {
        tokio::time::sleep(timed.after).await;
        timed.command
    });
}

/// A thread reads: nothing ends a read of standard input but a line.
fn lines_of_input() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let read = std::io::stdin().lock().lines().map_while(Result::ok).filter(|line| !line.trim().is_empty());
        for line in read {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// Says how the fleet stands whenever that changes.
async fn tell(mut counts: watch::Receiver<Counts>, output: Output) {
    let mut last = Counts::default();
    while counts.changed().await.is_ok() {
        let now = *counts.borrow_and_update();
        match output {
            Output::Json => outln!("{}", json!({ "time": Timestamp::now(), "counts": now })),
            Output::Text if now.nodes_ready != last.nodes_ready || now.workers_running != last.workers_running => {
                outln!("{} nodes ready, {} workers running", now.nodes_ready, now.workers_running);
            }
            Output::Text => {}
        }
        last = now;
        tokio::time::sleep(TELL).await;
    }
}
