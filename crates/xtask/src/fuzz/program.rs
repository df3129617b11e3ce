//! The fuzzing program: building it with coverage, and running it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::work;
use crate::cargo::{build, program_of, run};

/// What libFuzzer needs to see where an input leads. They replace the workspace's own flags: libFuzzer is C++ and
/// links its library dynamically.
const FLAGS: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
    "-Ctarget-feature=-crt-static",
];
const ARGUMENTS: [&str; 9] = [
    "build",
    "--profile",
    "fuzz",
    "--package",
    "reprise-fuzz",
    "--features",
    "libfuzzer",
    "--target-dir",
    "target/fuzz",
];
/// A run that is given so much memory and time for one input, and uses it, has found something.
const BOUNDS: [&str; 3] = ["-rss_limit_mb=1024", "-timeout=20", "-max_len=16384"];

/// The program.
pub struct Program(PathBuf);

/// How a run ended.
pub struct Run {
    pub success: bool,
    /// What libFuzzer wrote.
    pub words: String,
}

impl Program {
    pub fn build() -> Result<Self> {
        let mut command = crate::cargo::cargo(&ARGUMENTS);
        command.env("RUSTFLAGS", FLAGS.join(" "));
        let artifacts = build(command)?;
        program_of(&artifacts, "reprise-fuzz").map(Self)
    }

    /// Runs a target from the corpora in `folders`; new inputs go to the first.
    pub fn fuzz(&self, target: &str, folders: &[&Path], seconds: u64, find_prefix: &str) -> Result<Run> {
        let mut command = self.command(target)?;
        command.args([format!("-max_total_time={seconds}"), format!("-artifact_prefix={find_prefix}")]);
        // What targets print would be most of the work.
        command.args(["-print_final_stats=1", "-close_fd_mask=3"]).args(folders);
        let output =
            command.stdin(Stdio::null()).output().with_context(|| format!("can't run {}", self.0.display()))?;
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(Run { success: output.status.success(), words })
    }

    /// Adds to `merged` the inputs of `folders` that lead where its own don't.
    pub fn merge(&self, target: &str, merged: &Path, folders: &[&Path]) -> Result<()> {
        let mut command = self.command(target)?;
        // One for each place is enough to keep: how often an input comes there is for growing.
        command.args(["-merge=1", "-use_counters=0", "-close_fd_mask=3"]).arg(merged).args(folders);
        let output = command.output().with_context(|| format!("can't run {}", self.0.display()))?;
        if !output.status.success() {
            bail!(
                "merging the corpus of {target} failed:\n{}",
                super::report::last_lines(&String::from_utf8_lossy(&output.stderr))
            );
        }
        Ok(())
    }

    /// Runs one input, with all that it prints.
    pub fn replay(&self, target: &str, input: &Path) -> Result<()> {
        let mut command = self.command(target)?;
        command.arg(input);
        run(command)
    }

    fn command(&self, target: &str) -> Result<Command> {
        let mut command = Command::new(&self.0);
        command.env("REPRISE_FUZZ_TARGET", target).env("RUST_BACKTRACE", "1").args(BOUNDS);
        // Archives are unpacked thousands of times a second: in memory, if this machine has a place for that.
        let memory = Path::new("/dev/shm");
        command.env("TMPDIR", if memory.is_dir() { memory.to_owned() } else { work("tmp")? });
        Ok(command)
    }
}
