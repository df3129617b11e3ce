//! How containers tell that they run, and are told to fail: two named pipes in a folder that they mount.
//!
//! A container's first instruction writes its name to one pipe; the trigger's shell waits for a line from the other.
//! Both kinds of restart are timed by the same pipes, so neither is taken at its runtime's word.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use rustix::fs::{CWD, Mode, mkfifoat};

/// Where containers find the folder.
pub const MOUNTED_AT: &str = "/bench";

/// What the init container runs: it says so and succeeds.
pub const INIT: &str = "echo init > /bench/marks";

/// What the sidecar, the trigger, runs: it exits with 88 when told so.
pub const WATCHER: &str = "read line < /bench/trigger; exit 88";

/// What the main container runs: it says so and stays.
pub const MAIN: &str = "echo main > /bench/marks; while :; do sleep 3600; done";

/// The exit code of [`WATCHER`].
pub const TRIGGER_CODE: i32 = 88;

/// The longest that anything measured here may take.
pub const LIMIT: Duration = Duration::from_secs(15);

/// The two pipes of one Pod.
#[derive(Debug)]
pub struct Marks {
    folder: PathBuf,
    trigger: File,
    arrived: Receiver<(String, SystemTime)>,
}

impl Marks {
    /// Makes the folder and the pipes in it.
    pub fn new(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let trigger = pipe(&folder.join("trigger"))?;
        let marks = pipe(&folder.join("marks"))?;
        let (sender, arrived) = channel();
        // It ends with the program: the pipe is open for writing here too, so it never ends by itself.
        thread::spawn(move || {
            for line in BufReader::new(marks).lines().map_while(Result::ok) {
                if sender.send((line, SystemTime::now())).is_err() {
                    break;
                }
            }
        });
        Ok(Self { folder, trigger, arrived })
    }

    /// The folder to mount at [`MOUNTED_AT`].
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the trigger exit.
    pub fn pull_trigger(&mut self) -> Result<()> {
        self.trigger.write_all(b"now\n").context("write to the trigger's pipe")
    }

    /// When the next container's first instruction ran, which must be that of `container`.
    pub fn wait(&self, container: &str) -> Result<SystemTime> {
        let (name, time) =
            self.arrived.recv_timeout(LIMIT).with_context(|| format!("{container} did not run within {LIMIT:?}"))?;
        if name != container {
            bail!("{name} ran when {container} was to run");
        }
        Ok(time)
    }

    /// Forgets what nobody waited for.
    pub fn clear(&self) {
        while self.arrived.try_recv().is_ok() {}
    }
}

/// A new named pipe, open for both: whoever opens the other end never waits, and it has no end.
fn pipe(path: &Path) -> Result<File> {
    mkfifoat(CWD, path, Mode::from_raw_mode(0o666)).with_context(|| format!("make pipe {}", path.display()))?;
    OpenOptions::new().read(true).write(true).open(path).with_context(|| format!("open {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_runs_out_of_turn_is_an_error() {
        let folder = std::env::temp_dir().join(format!("reprise-bench-marks-{}", std::process::id()));
        let marks = Marks::new(folder.clone()).unwrap();
        fs::write(folder.join("marks"), "init\nmain\nmain\n").unwrap();
        assert!(marks.wait("init").is_ok() && marks.wait("main").is_ok());
        assert!(marks.wait("init").is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
