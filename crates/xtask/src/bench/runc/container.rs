//! One container by way of the `runc` binary.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::bundle::Bundle;

/// The `runc` binary with its state in one folder.
#[derive(Debug, Clone)]
pub struct Runc {
    state: PathBuf,
}

impl Runc {
    /// Keeps its state and its log in `state`.
    pub fn new(state: PathBuf) -> Result<Self> {
        fs::create_dir_all(&state).with_context(|| format!("make {}", state.display()))?;
        Ok(Self { state })
    }

    /// Where it says what went wrong: its standard error may belong to a container by then.
    fn log(&self) -> PathBuf {
        self.state.join("log")
    }

    /// Runs `runc` to its end.
    fn run(&self, command: &mut Command) -> Result<()> {
        let status = command.status().with_context(|| format!("{command:?}"))?;
        self.require(status, command)
    }

    fn require(&self, status: ExitStatus, command: &Command) -> Result<()> {
        if !status.success() {
            let said = fs::read_to_string(self.log()).unwrap_or_default();
            bail!("{command:?}: {status}: {}", said.lines().last().unwrap_or("its log is empty"));
        }
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("runc");
        command.arg("--root").arg(&self.state).arg("--log").arg(self.log()).args(arguments);
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
        self.runc.run(&mut command)?;
        let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        let pid = text.trim().parse().with_context(|| format!("process id in {}", file.display()))?;
        self.pid = Pid::from_raw(pid);
        Ok(())
    }

    /// `runc start`
    pub fn start(&self) -> Result<()> {
        self.runc.run(&mut self.runc.command(&["start", &self.id]))
    }

    /// `runc kill`
    pub fn kill(&self) -> Result<()> {
        self.runc.run(&mut self.runc.command(&["kill", &self.id, "KILL"]))
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
            container.runc.require(status, &command)?;
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
            if let Err(error) = self.runc.run(&mut command) {
                eprintln!("xtask: {error:#}");
            }
        }
    }
}
