//! `reprise fleet` as a process: its counts, and its commands.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

/// Until it has ended.
const END_LIMIT: Duration = Duration::from_secs(60);

/// How the fleet stands, as it says.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Nodes that the API has been told are ready.
    pub nodes_ready: u32,
    /// Pods' sandboxes.
    pub sandboxes: u32,
    /// Workers that run.
    pub workers_running: u32,
    /// Workers that have begun, ever.
    pub workers_begun: u64,
}

#[derive(Deserialize)]
struct Line {
    counts: Counts,
}

/// A fleet in a process of its own.
pub struct HollowFleet {
    child: Child,
    commands: ChildStdin,
    lines: Receiver<(Instant, Counts)>,
    latest: Counts,
    /// Its records, in memory that is not the process's own.
    records_mb: f64,
}

impl HollowFleet {
    /// Starts one.
    pub fn start(program: &Path, kubeconfig: &Path, nodes: u32) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["fleet", "--output", "json", "--nodes", &nodes.to_string(), "--kubeconfig"])
            .arg(kubeconfig)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start the fleet")?;
        let commands = child.stdin.take().context("the fleet's input")?;
        let output = child.stdout.take().context("the fleet's output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let at = Instant::now();
                let Ok(Line { counts }) = serde_json::from_str(&line) else { continue };
                if sender.send((at, counts)).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, commands, lines, latest: Counts::default(), records_mb: 0.0 })
    }

    /// How it stood when it last said so.
    pub fn counts(&mut self) -> Counts {
        while let Ok((_, counts)) = self.lines.try_recv() {
            self.latest = counts;
        }
        self.latest
    }

    /// Waits until `holds`, and says how long that took.
    pub fn until(&mut self, what: &str, limit: Duration, holds: impl Fn(&Counts) -> bool) -> Result<Duration> {
        let begun = Instant::now();
        if holds(&self.counts()) {
            return Ok(Duration::ZERO);
        }
        loop {
            let left = limit.saturating_sub(begun.elapsed());
            match self.lines.recv_timeout(left) {
                Ok((at, counts)) => {
                    self.latest = counts;
                    if holds(&counts) {
                        return Ok(at.saturating_duration_since(begun));
                    }
                }
                Err(RecvTimeoutError::Timeout) => bail!("not within {limit:?}: {what}; {:?}", self.latest),
                Err(RecvTimeoutError::Disconnected) => bail!("the fleet has ended: {:?}", self.child.try_wait()?),
            }
        }
    }

    /// Has it do something.
    pub fn command(&mut self, command: &str) -> Result<()> {
        writeln!(self.commands, "{command}").and_then(|()| self.commands.flush()).context("the fleet's input")
    }

    /// The most memory that it had at once so far, in MB, with what its records are now.
    pub fn peak_memory_mb(&mut self) -> f64 {
        self.records_mb = self.records_mb.max(records_mb());
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or_default() * 1024.0 / 1e6 + self.records_mb
    }

    /// Ends it.
    pub fn stop(mut self) -> Result<()> {
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            kill_process(pid, Signal::INT).context("end the fleet")?;
        }
        let end = SystemTime::now() + END_LIMIT;
        while SystemTime::now() < end {
            if let Some(status) = self.child.try_wait().context("wait for the fleet")? {
                anyhow::ensure!(status.success(), "the fleet ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the fleet does not end")
    }
}

impl Drop for HollowFleet {
    fn drop(&mut self) {
        // It has ended already, unless something went wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the fleet's records take in the memory file system, by their folder's name: so many blocks of 512 bytes.
fn records_mb() -> f64 {
    let ours = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("reprise-fleet-");
    let folders = fs::read_dir("/dev/shm").into_iter().flatten().flatten().filter(ours);
    folders.map(|folder| blocks(&folder.path())).sum::<u64>() as f64 * 512.0 / 1e6
}

fn blocks(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => blocks(&entry.path()),
            Ok(data) => data.blocks(),
            Err(_) => 0,
        })
        .sum()
}
