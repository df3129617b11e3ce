//! The Pod of the benchmark, run by `reprise`: one init container, one sidecar (the trigger), one main container.

use std::time::SystemTime;

use anyhow::{Context, Result};
use reprise_testkit::event::Event;
use reprise_testkit::image::BUSYBOX_IMAGE;
use reprise_testkit::manifest::{Container, Pod};
use reprise_testkit::{Node, Run};
use serde_json::{Value, json};

use super::marks::{INIT, LIMIT, MAIN, MOUNTED_AT, Marks, TRIGGER_CODE, WATCHER};

/// CPU limit of each container, in cores.
pub const CPU_CORES: i64 = 1;

/// Memory limit of each container, in bytes.
pub const MEMORY_BYTES: i64 = 256 << 20;

/// One restart, in milliseconds from the exit of the trigger.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// The init container runs, as the runtime reports it.
    pub init_running: f64,
    /// The main container runs, as the runtime reports it.
    pub main_running: f64,
    /// The main container's first instruction wrote to its pipe.
    pub main_instruction: f64,
    /// The Pod is Ready.
    pub ready: f64,
}

/// The Pod while it runs.
#[derive(Debug)]
pub struct Worker {
    run: Run,
    marks: Marks,
    epoch: u64,
}

impl Worker {
    /// Starts it and waits until it is Ready.
    pub fn start(node: &Node) -> Result<Self> {
        let marks = Marks::new(node.scratch().join("marks"))?;
        let mut run = node.run(&[manifest(&marks)]).start();
        run.wait_for("Ready", LIMIT, |event| event.is("PodReady"));
        marks.wait("init")?;
        marks.wait("main")?;
        Ok(Self { run, marks, epoch: 0 })
    }

    /// Makes the trigger exit, and waits until the Pod is Ready again.
    pub fn restart(&mut self) -> Result<Times> {
        self.epoch += 1;
        let epoch = self.epoch;
        self.marks.pull_trigger()?;
        self.marks.wait("init")?;
        let instruction = self.marks.wait("main")?;
        let ready = self.run.wait_for("Ready again", LIMIT, |event| event.is("PodReady") && event.epoch == epoch);
        let events = self.run.events();
        let exit = |event: &&Event| event.is_of("ContainerExited", "watcher") && event.epoch + 1 == epoch;
        let exited = events.iter().rfind(exit).context("no event of the trigger's exit")?;
        let instruction = instruction.duration_since(SystemTime::from(exited.time)).context("the clock went back")?;
        Ok(Times {
            init_running: started(events, "setup", epoch)?,
            main_running: started(events, "main", epoch)?,
            main_instruction: instruction.as_secs_f64() * 1000.0,
            ready: since_trigger(&ready)?,
        })
    }

    /// Ends it as Ctrl-C does.
    pub fn end(self) {
        self.run.interrupt(LIMIT);
    }
}

fn started(events: &[Event], container: &str, epoch: u64) -> Result<f64> {
    let start = |event: &&Event| event.is_of("ContainerStarted", container) && event.epoch == epoch;
    since_trigger(events.iter().rfind(start).with_context(|| format!("no event of the start of {container}"))?)
}

fn since_trigger(event: &Event) -> Result<f64> {
    event.since_trigger_ms.with_context(|| format!("{} says no time since the trigger", event.event))
}

fn manifest(marks: &Marks) -> Value {
    Pod::new("worker")
        .annotation("reprise.dev/restart-backoff", "none")
        .host_path("bench", marks.folder())
        .init(shell("setup", INIT))
        .init(shell("watcher", WATCHER).sidecar().restart_all_on(&[TRIGGER_CODE]))
        .container(shell("main", MAIN))
        .build()
}

fn shell(name: &str, script: &str) -> Container {
    Container::of_image(name, BUSYBOX_IMAGE)
        .field("command", json!(["/bin/sh", "-c", script]))
        .field("resources", json!({ "limits": { "cpu": CPU_CORES, "memory": MEMORY_BYTES } }))
        .mount("bench", MOUNTED_AT)
}
