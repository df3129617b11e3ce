//! One container by way of the `runc` binary.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::bundle::Bundle;

/// The `runc` binary with its state in one folder.
#[derive(Debug, Clone)]
pub struct Runc {
    state: PathBuf,
}

impl Runc {
    /// Keeps its state in `state`.
    pub fn new(state: PathBuf) -> Self {
        Self { state }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("runc");
        command.arg("--root").arg(&self.state).args(arguments);
        // Containers get what runc was given: as with a real shim, that is not this program's terminal.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// A container, from its bundle to its deletion. What is left of it when dropped is taken away.
#[derive(Debug)]
pub struct Container {
    runc: Runc,
    id: String,
    bundle: Bundle,
    pid: Option<Pid>,
    exists: bool,
}

impl Container {
    /// A container that does not exist yet.
    pub fn new(runc: &Runc, id: &str, bundle: Bundle) -> Self {
        Self { runc: runc.clone(), id: id.to_owned(), bundle, pid: None, exists: false }
    }

    /// Its first process, from its creation until it was waited for.
    pub fn pid(&self) -> Option<Pid> {
        self.pid
    }

    /// `runc create`
    pub fn create(&mut self) -> Result<()> {
        let file = self.bundle.folder().join("pid");
        let mut command = self.runc.command(&["create", "--bundle"]);
        command.arg(self.bundle.folder()).arg("--pid-file").arg(&file).arg(&self.id);
        self.exists = true;
        finish(&mut command)?;
        let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        let pid = text.trim().parse().with_context(|| format!("process id in {}", file.display()))?;
        self.pid = Pid::from_raw(pid);
        Ok(())
    }

    /// `runc start`
    pub fn start(&self) -> Result<()> {
        finish(&mut self.runc.command(&["start", &self.id]))
    }

    /// `runc kill`
    pub fn kill(&self) -> Result<()> {
        finish(&mut self.runc.command(&["kill", &self.id, "KILL"]))
    }

    /// Waits until the first process has ended and is reaped; its exit code, `None` if a signal ended it.
    pub fn wait(&mut self) -> Result<Option<i32>> {
        let pid = self.pid.take().with_context(|| format!("{} does not run", self.id))?;
        let ended = waitpid(Some(pid), WaitOptions::empty()).with_context(|| format!("wait for {}", self.id))?;
        Ok(ended.and_then(|(_, status)| status.exit_status()))
    }

    /// `runc delete` of all, at the same time.
    pub fn delete_all(containers: &mut [&mut Self]) -> Result<()> {
        let mut deletions: Vec<(Command, Child)> = Vec::new();
        for container in containers.iter() {
            let mut command = container.runc.command(&["delete", &container.id]);
            let child = command.spawn().with_context(|| format!("{command:?}"))?;
            deletions.push((command, child));
        }
        for (container, (command, mut child)) in containers.iter_mut().zip(deletions) {
            let status = child.wait().with_context(|| format!("{command:?}"))?;
            ensure!(status.success(), "{command:?}: {status}");
            container.exists = false;
        }
        Ok(())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Some(pid) = self.pid.take() {
            // It may have ended by itself meanwhile.
            kill_process(pid, Signal::KILL).ok();
            waitpid(Some(pid), WaitOptions::empty()).ok();
        }
        if self.exists {
            let mut command = self.runc.command(&["delete", "--force", &self.id]);
            if let Err(error) = finish(&mut command) {
                eprintln!("xtask: {error:#}");
            }
        }
    }
}

fn finish(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}; its `--log` option tells more");
    Ok(())
}
