//! The same restart, done with the `runc` binary as a runtime above it does: the figure to compare with.
//!
//! Everything that does not belong to the steps is left out: no agent, no log pumps, and what is old is unmounted
//! after the clock has stopped.

mod bundle;
mod cgroup;
mod container;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, getpid, set_child_subreaper};

use super::marks::{INIT, MAIN, Marks, TRIGGER_CODE, WATCHER};
use bundle::{Layers, Spec};
use cgroup::Parent;
use container::{Container, Runc};

/// One restart, in milliseconds from the exit of the trigger.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// The init container's first instruction ran.
    pub init_instruction: f64,
    /// The main container's first instruction ran.
    pub main_instruction: f64,
}

/// The three containers of one epoch.
struct Epoch {
    init: Container,
    watcher: Container,
    main: Container,
}

/// A sandbox with the three containers in it.
pub struct Sequence {
    // Dropped in this order: containers, the sandbox, then what they were in.
    epoch: Option<Epoch>,
    sandbox: Container,
    runc: Runc,
    layers: Layers,
    marks: Marks,
    folder: PathBuf,
    number: u32,
    cgroup: Parent,
    _reaper: Subreaper,
}

impl Sequence {
    /// Makes the sandbox and starts the containers for the first time. Everything is kept in `folder`.
    pub fn start(folder: &Path) -> Result<Self> {
        let reaper = Subreaper::become_one()?;
        let cgroup = Parent::new();
        let marks = Marks::new(folder.join("marks"))?;
        let layers = Layers::unpack_busybox(folder)?;
        let runc = Runc::new(folder.join("state"))?;
        let spec =
            Spec { script: "while :; do sleep 3600; done", cgroup: &cgroup, marks: marks.folder(), sandbox: None };
        let mut sandbox = Container::new(&runc, "sandbox", layers.bundle(folder, "sandbox", &spec)?);
        sandbox.create()?;
        sandbox.start()?;
        let mut sequence = Self {
            epoch: None,
            sandbox,
            runc,
            layers,
            marks,
            folder: folder.to_owned(),
            number: 0,
            cgroup,
            _reaper: reaper,
        };
        sequence.start_epoch()?;
        Ok(sequence)
    }

    /// Makes the trigger exit, removes all three containers and starts them again.
    pub fn restart(&mut self) -> Result<Times> {
        let mut old = self.epoch.take().context("no containers to restart")?;
        self.marks.pull_trigger()?;
        let code = old.watcher.wait()?;
        let exited = SystemTime::now();
        ensure!(code == Some(TRIGGER_CODE), "the trigger ended with {code:?}");

        old.main.kill()?;
        old.main.wait()?;
        Container::delete_all(&mut [&mut old.init, &mut old.watcher, &mut old.main])?;
        let (init, main) = self.start_epoch()?;

        drop(old);
        let since_exit = |time: SystemTime| -> Result<f64> {
            Ok(time.duration_since(exited).context("the clock went back")?.as_secs_f64() * 1000.0)
        };
        Ok(Times { init_instruction: since_exit(init)?, main_instruction: since_exit(main)? })
    }

    /// Starts the three in order; returns when the first instructions of the init and the main container ran.
    fn start_epoch(&mut self) -> Result<(SystemTime, SystemTime)> {
        self.number += 1;
        let mut init = self.container("init", INIT)?;
        let mut watcher = self.container("watcher", WATCHER)?;
        let mut main = self.container("main", MAIN)?;

        init.create()?;
        init.start()?;
        let init_ran = self.marks.wait("init")?;
        let code = init.wait()?;
        ensure!(code == Some(0), "the init container ended with {code:?}");
        watcher.create()?;
        watcher.start()?;
        main.create()?;
        main.start()?;
        let main_ran = self.marks.wait("main")?;
        self.epoch = Some(Epoch { init, watcher, main });
        Ok((init_ran, main_ran))
    }

    /// A container with a fresh root file system, not created yet.
    fn container(&self, name: &str, script: &str) -> Result<Container> {
        let id = format!("{name}-{}", self.number);
        let sandbox = self.sandbox.pid();
        let spec = Spec { script, cgroup: &self.cgroup, marks: self.marks.folder(), sandbox };
        Ok(Container::new(&self.runc, &id, self.layers.bundle(&self.folder, &id, &spec)?))
    }
}

/// While this lives, containers that runc leaves alone become children of this program, which waits for them.
struct Subreaper;

impl Subreaper {
    fn become_one() -> Result<Self> {
        set_child_subreaper(Some(getpid())).context("become the parent of orphans")?;
        Ok(Self)
    }
}

impl Drop for Subreaper {
    fn drop(&mut self) {
        if let Err(error) = set_child_subreaper(None::<Pid>) {
            eprintln!("xtask: stop being the parent of orphans: {error}");
        }
    }
}
