//! The programs inside the demo's containers: they stand in for the announcement's three images.
//!
//! All three share a folder: the volume at `/work`, or where the Pod has none, as the announcement's, the memory that belongs to its
//! sandbox. Training writes a checkpoint after every step; once, it runs into a failure and hangs, which the watcher notices and
//! answers with exit code 88.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

use super::training;
use crate::cli::Program;

/// Where the shared volume is mounted.
pub const SHARED: &str = "/work";
/// What a Pod's containers share without a volume; it stays as long as the sandbox does.
const SHARED_MEMORY: &str = "/dev/shm";
/// The exit code that the announcement's rule names.
pub const RESTART_POD: u8 = 88;
/// How many steps training takes.
pub const STEPS: u32 = 30;
/// The file with the last step that was taken.
pub const CHECKPOINT: &str = "checkpoint";
/// The file that says that, and where, training has failed; written once.
pub const FAILED_ONCE: &str = "failed-once";
/// The file with the step that each run of training began at, one a line.
pub const BEGUN: &str = "begun";
const STEP_TAKES: Duration = Duration::from_millis(120);
/// Training fails once it has run for this long, the first time.
const FAILS_AFTER: Duration = Duration::from_millis(2_800);

/// Runs one of the programs until it ends or is told to.
pub async fn run(program: Program) -> Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let shared = Shared::find();
    tokio::select! {
        code = async {
            match program {
                Program::Setup => shared.setup(),
                Program::Watch => shared.watch().await,
                Program::Train => shared.train().await,
                Program::TrainTogether => training::run().await,
                Program::FailWorker => training::fail(),
            }
        } => code,
        _ = terminate.recv() => Ok(ExitCode::from(143)),
    }
}

struct Shared(PathBuf);

impl Shared {
    /// The image itself has no folder of the volume's name.
    fn find() -> Self {
        let folder = if Path::new(SHARED).is_dir() { SHARED } else { SHARED_MEMORY };
        Self(PathBuf::from(folder))
    }

    fn setup(&self) -> Result<ExitCode> {
        let starts = self.number("starts")? + 1;
        self.write("starts", &starts.to_string())?;
        if self.path("failure").exists() {
            std::fs::remove_file(self.path("failure")).context("clearing the old failure")?;
            println!("cleared the failure of the run before");
        }
        println!("environment prepared (start {starts})");
        Ok(ExitCode::SUCCESS)
    }

    async fn watch(&self) -> Result<ExitCode> {
        println!("watching");
        while !self.path("failure").exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!("training has failed in a way that a restart cures: exit {RESTART_POD}");
        Ok(ExitCode::from(RESTART_POD))
    }

    async fn train(&self) -> Result<ExitCode> {
        let begun = Instant::now();
        let first = self.number(CHECKPOINT)?;
        self.append(BEGUN, first)?;
        println!("training from step {first} of {STEPS}");
        for step in first + 1..=STEPS {
            if begun.elapsed() >= FAILS_AFTER && !self.path(FAILED_ONCE).exists() {
                self.write(FAILED_ONCE, &format!("at step {step}"))?;
                self.write("failure", "")?;
                println!("step {step}: no answer from the accelerator, hanging");
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(STEP_TAKES).await;
            self.write(CHECKPOINT, &step.to_string())?;
            println!("step {step} of {STEPS}, loss {:.3}", 2.0 / f64::from(step + 1));
        }
        println!("training finished");
        Ok(ExitCode::SUCCESS)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn number(&self, name: &str) -> Result<u32> {
        read_number(&self.path(name))
    }

    fn append(&self, name: &str, number: u32) -> Result<()> {
        let path = self.path(name);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| writeln!(file, "{number}")).with_context(|| format!("writing {}", path.display()))
    }

    /// Writes by rename, so that a kill at any moment leaves the old or the new content.
    fn write(&self, name: &str, content: &str) -> Result<()> {
        let (new, path) = (self.path(&format!("{name}.new")), self.path(name));
        std::fs::write(&new, content).with_context(|| format!("writing {}", new.display()))?;
        std::fs::rename(&new, &path).with_context(|| format!("renaming to {}", path.display()))
    }
}

/// The number in a file; 0 if there is none yet.
pub fn read_number(path: &Path) -> Result<u32> {
    match std::fs::read_to_string(path) {
        Ok(text) => text.trim().parse().with_context(|| format!("{} does not hold a number", path.display())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(e) => Err(e).with_context(|| format!("reading {}", path.display())),
    }
}
