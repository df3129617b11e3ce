//! The worker of `examples/training-jobset`: it trains a model together with its peers, which it knows by their host names.
//!
//! Each worker has a part of the data. In each step all add up their gradients, going round in a ring, and make the same change to
//! the same model; then each writes its checkpoint. A worker that has lost a peer can't go on by itself: it waits to be restarted.
//! Those that start agree on the newest checkpoint that one of them has, so one whose volume is new gets the model from the others.

mod checkpoint;
mod model;
mod ring;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use checkpoint::Checkpoint;
use model::{Model, Shard, WEIGHTS};
use ring::{Peers, Ring};

/// The exit code of a worker that was told to fail.
const FAILURE: u8 = 3;
/// Where a volume may be; without one, a worker that starts has no checkpoint.
const CHECKPOINT: &str = "/checkpoint";
const STEPS: u64 = 120;
/// What a step takes at least, in milliseconds: long enough for somebody to see it.
const STEP_TAKES: u64 = 200;
/// Whoever asked a worker to fail is answered before it does.
const FAILS_AFTER: Duration = Duration::from_millis(300);

/// What a worker is told by its Pod.
struct Settings {
    peers: Peers,
    steps: u64,
    step_takes: Duration,
    checkpoint: PathBuf,
}

/// Trains until the end, or SIGUSR1, which is a failure.
pub async fn run() -> Result<ExitCode> {
    let mut fail = signal(SignalKind::user_defined1()).context("listening for SIGUSR1")?;
    tokio::select! {
        result = train() => result,
        _ = fail.recv() => {
            println!("failing, as was asked for: exit {FAILURE}");
            tokio::time::sleep(FAILS_AFTER).await;
            Ok(ExitCode::from(FAILURE))
        }
    }
}

/// Has the worker of this container fail.
pub fn fail() -> Result<ExitCode> {
    kill_process(Pid::INIT, Signal::USR1).context("can't signal the container's first process")?;
    Ok(ExitCode::SUCCESS)
}

async fn train() -> Result<ExitCode> {
    let settings = Settings::read()?;
    let kept = Checkpoint::read(&settings.checkpoint)?;
    match in_step(&settings, kept).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(Stopped::Lost(error)) => {
            println!("a peer is lost ({error}): waiting to be restarted");
            std::future::pending().await
        }
        Err(Stopped::Failed(error)) => Err(error),
    }
}

/// Why a worker does not go on.
enum Stopped {
    /// The connection to a peer broke.
    Lost(std::io::Error),
    /// Something of its own.
    Failed(anyhow::Error),
}

impl From<std::io::Error> for Stopped {
    fn from(error: std::io::Error) -> Self {
        Self::Lost(error)
    }
}

async fn in_step(settings: &Settings, kept: Checkpoint) -> Result<(), Stopped> {
    let Settings { peers, steps, step_takes, checkpoint } = settings;
    println!("worker {} of {} has the model of step {}", peers.rank, peers.workers, kept.step);
    let mut ring = Ring::join(peers).await?;
    let Checkpoint { step: first, mut model } = newest(&mut ring, peers, kept).await?;
    println!("all workers are there; training from step {first} of {steps}");
    let shard = Shard::of(peers.rank, peers.workers);
    for step in first + 1..=*steps {
        let begun = Instant::now();
        let mut sums = model.gradient(&shard);
        ring.add_up(&mut sums).await?;
        let loss = model.learn(&sums);
        let done = Checkpoint { step, model: model.clone() };
        done.write(checkpoint).map_err(Stopped::Failed)?;
        println!("step {step} of {steps}, loss {loss:.6}");
        tokio::time::sleep_until(begun + *step_takes).await;
    }
    // Nobody leaves while somebody still needs an answer.
    ring.add_up(&mut vec![0; peers.workers]).await?;
    println!("training finished: model {:016x}", model.fingerprint());
    Ok(())
}

/// The newest checkpoint of all workers, by sums only: each says its step in its own place, and whoever has the model adds it to zeros.
async fn newest(ring: &mut Ring, peers: &Peers, kept: Checkpoint) -> Result<Checkpoint, Stopped> {
    let mut steps = vec![0; peers.workers];
    steps[peers.rank] = i64::try_from(kept.step).map_err(|error| Stopped::Failed(error.into()))?;
    ring.add_up(&mut steps).await?;
    let newest = steps.iter().copied().max().unwrap_or_default();
    let from = steps.iter().position(|step| *step == newest).unwrap_or_default();
    let mut words = if from == peers.rank { kept.model.to_words() } else { [0; WEIGHTS] };
    ring.add_up(&mut words).await?;
    let model = Model::from_words(words);
    if steps[peers.rank] != newest {
        println!("worker {from} has the model of step {newest}: got it from there");
    }
    Ok(Checkpoint { step: newest.unsigned_abs(), model })
}

impl Settings {
    fn read() -> Result<Self> {
        let number = |name: &str, default: u64| match env::var(name) {
            Ok(text) => text.parse().with_context(|| format!("{name} is {text}, and should be a number")),
            Err(_) => Ok(default),
        };
        let (workers, rank) = (number("WORKERS", 1)?, number("JOB_COMPLETION_INDEX", 0)?);
        if rank >= workers {
            bail!("JOB_COMPLETION_INDEX is {rank}, and there are {workers} WORKERS");
        }
        let hosts = env::var("PEERS").unwrap_or_else(|_| "localhost".to_owned());
        let peers = Peers { workers: usize::try_from(workers)?, rank: usize::try_from(rank)?, hosts };
        Ok(Self {
            peers,
            steps: number("STEPS", STEPS)?,
            step_takes: Duration::from_millis(number("STEP_MILLISECONDS", STEP_TAKES)?),
            checkpoint: PathBuf::from(CHECKPOINT),
        })
    }
}
