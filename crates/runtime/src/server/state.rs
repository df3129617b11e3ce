//! What the runtime knows of its sandboxes and containers, and what of it is on disk.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use reprise_cri::v1::{ContainerConfig, PodSandboxConfig};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::parking::Lot;
use crate::layout::{ContainerDir, SandboxDir};
use crate::shim::protocol::Exit;
use crate::shim_client::Shim;

/// The record of a sandbox, `sandbox.json`. Its config is beside it as CRI sent it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SandboxRecord {
    /// Nanoseconds since 1970.
    pub created_at: i64,
    /// The Pod's primary address.
    pub ip: Option<String>,
    /// Its other ones.
    #[serde(default)]
    pub additional_ips: Vec<String>,
    /// The shim's process.
    pub shim: i32,
    /// Whether it was ever completed; an incomplete one is cleared away at the next start.
    pub complete: bool,
    /// Whether it has been stopped.
    pub stopped: bool,
}

/// A sandbox.
#[derive(Debug)]
pub struct Sandbox {
    pub id: String,
    pub dir: SandboxDir,
    pub config: PodSandboxConfig,
    /// The cgroup that the containers' cgroups are in.
    pub cgroup: String,
    record: Mutex<SandboxRecord>,
    shim: Mutex<Option<Arc<Shim>>>,
    /// Whether its link was found to be gone.
    cut_off: AtomicBool,
    /// Containers made ahead of time.
    pub lot: Lot,
    /// Held by what changes the sandbox as a whole.
    pub changing: tokio::sync::Mutex<()>,
}

impl Sandbox {
    pub fn new(id: String, dir: SandboxDir, config: PodSandboxConfig, cgroup: String, record: SandboxRecord) -> Self {
        let changing = tokio::sync::Mutex::new(());
        let (record, shim, cut_off) = (Mutex::new(record), Mutex::new(None), AtomicBool::new(false));
        Self { id, dir, config, cgroup, record, shim, cut_off, lot: Lot::default(), changing }
    }

    pub fn record(&self) -> MutexGuard<'_, SandboxRecord> {
        lock(&self.record)
    }

    pub fn shim(&self) -> Option<Arc<Shim>> {
        lock(&self.shim).clone()
    }

    pub fn set_shim(&self, shim: Option<Arc<Shim>>) {
        *lock(&self.shim) = shim;
    }

    /// Its link is gone: it is not ready any more.
    pub fn cut_off(&self) {
        self.cut_off.store(true, Ordering::Relaxed);
    }

    pub fn is_ready(&self) -> bool {
        let record = self.record();
        record.complete && !record.stopped && lock(&self.shim).is_some() && !self.cut_off.load(Ordering::Relaxed)
    }
}

/// The record of a container, `container.json`. Its config is beside it as CRI sent it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ContainerRecord {
    /// Its sandbox.
    pub sandbox: String,
    /// Nanoseconds since 1970.
    pub created_at: i64,
    /// The image's id.
    pub image_id: String,
    /// The image by manifest digest, or its id.
    pub image_ref: String,
    /// The signal that asks it to end.
    pub stop_signal: i32,
    /// No PID namespace of its own.
    pub foreign_pids: bool,
    /// It is being removed.
    pub removing: bool,
}

/// A container.
#[derive(Debug)]
pub struct Container {
    pub id: String,
    pub dir: ContainerDir,
    pub sandbox: Arc<Sandbox>,
    pub config: ContainerConfig,
    pub record: ContainerRecord,
    pub cgroup: String,
    run: watch::Sender<Run>,
}

/// Where a container's program is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    pub started_at: Option<Timestamp>,
    pub exit: Option<Exit>,
}

impl Container {
    pub fn new(
        id: String,
        dir: ContainerDir,
        sandbox: Arc<Sandbox>,
        config: ContainerConfig,
        record: ContainerRecord,
        run: Run,
    ) -> Self {
        let cgroup = format!("{}/{id}", sandbox.cgroup);
        Self { id, dir, sandbox, config, record, cgroup, run: watch::Sender::new(run) }
    }

    pub fn run(&self) -> Run {
        self.run.borrow().clone()
    }

    pub fn started(&self, at: Timestamp) {
        self.run.send_modify(|run| run.started_at = Some(at));
    }

    /// Notes the end. False if it was known.
    pub fn ended(&self, exit: Exit) -> bool {
        self.run.send_if_modified(|run| {
            let new = run.exit.is_none();
            if new {
                run.started_at = run.started_at.or(exit.started_at);
                run.exit = Some(exit);
            }
            new
        })
    }

    /// Waits for the end.
    pub async fn wait(&self) -> Option<Exit> {
        let mut run = self.run.subscribe();
        // The sender lives as long as this container, so only the condition ends the wait.
        run.wait_for(|run| run.exit.is_some()).await.ok().and_then(|run| run.exit.clone())
    }
}

/// All sandboxes and containers, by id. Ordered, so that lists are.
#[derive(Debug, Default)]
pub struct Inventory {
    sandboxes: Mutex<BTreeMap<String, Arc<Sandbox>>>,
    containers: Mutex<BTreeMap<String, Arc<Container>>>,
}

impl Inventory {
    pub fn add_sandbox(&self, sandbox: Arc<Sandbox>) {
        lock(&self.sandboxes).insert(sandbox.id.clone(), sandbox);
    }

    pub fn remove_sandbox(&self, id: &str) {
        lock(&self.sandboxes).remove(id);
    }

    pub fn sandboxes(&self) -> Vec<Arc<Sandbox>> {
        lock(&self.sandboxes).values().cloned().collect()
    }

    /// The sandbox with this id, or the only one whose id begins so.
    pub fn sandbox(&self, id: &str) -> Option<Arc<Sandbox>> {
        by_id(&lock(&self.sandboxes), id)
    }

    pub fn add_container(&self, container: Arc<Container>) {
        lock(&self.containers).insert(container.id.clone(), container);
    }

    pub fn remove_container(&self, id: &str) {
        lock(&self.containers).remove(id);
    }

    /// The container with this id, or the only one whose id begins so.
    pub fn container(&self, id: &str) -> Option<Arc<Container>> {
        by_id(&lock(&self.containers), id)
    }

    pub fn containers(&self) -> Vec<Arc<Container>> {
        lock(&self.containers).values().cloned().collect()
    }

    pub fn containers_of(&self, sandbox: &str) -> Vec<Arc<Container>> {
        lock(&self.containers).values().filter(|c| c.sandbox.id == sandbox).cloned().collect()
    }
}

fn by_id<T>(map: &BTreeMap<String, Arc<T>>, id: &str) -> Option<Arc<T>> {
    if id.is_empty() {
        return None;
    }
    let mut matches = map.range(id.to_owned()..).take_while(|(known, _)| known.starts_with(id));
    let first = matches.next()?;
    (first.0 == id || matches.next().is_none()).then(|| Arc::clone(first.1))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half-done by a panic while these are held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
