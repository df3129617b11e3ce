//! What the runtime knows of its sandboxes and containers, and what of it is on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use reprise_cri::v1::{ContainerConfig, LinuxContainerResources, PodSandboxConfig};
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};

use super::failure::Failure;
use super::parking::Lot;
use super::stats::Meter;
use crate::disk;
use crate::layout::{ContainerDir, SandboxDir};
use crate::shim::protocol::{Exit, Outcome};
use crate::shim_client::Shim;
use crate::spec::user::User;

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
    /// Whether its cgroup was there before it.
    #[serde(default)]
    pub foreign_cgroup: bool,
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
    /// Held alone by what changes the sandbox as a whole, shared by what changes one of its containers.
    pub changing: tokio::sync::RwLock<()>,
    told_stop: AtomicBool,
    /// Containers that the shim was told to clear away, with their folders: if it dies first, it is for us to do.
    handed_over: Mutex<BTreeMap<String, PathBuf>>,
    /// Its use of the processor.
    pub meter: Meter,
}

impl Sandbox {
    pub fn new(id: String, dir: SandboxDir, config: PodSandboxConfig, cgroup: String, record: SandboxRecord) -> Self {
        Self {
            id,
            dir,
            config,
            cgroup,
            told_stop: AtomicBool::new(record.stopped),
            record: Mutex::new(record),
            shim: Mutex::new(None),
            cut_off: AtomicBool::new(false),
            lot: Lot::default(),
            changing: tokio::sync::RwLock::new(()),
            handed_over: Mutex::default(),
            meter: Meter::default(),
        }
    }

    /// The shim is about to be told to clear a container away.
    pub fn hand_over(&self, id: &str, folder: &Path) {
        let mut handed_over = lock(&self.handed_over);
        // What it has cleared away meanwhile need not be remembered.
        handed_over.retain(|_, folder| folder.exists());
        handed_over.insert(id.to_owned(), folder.to_owned());
    }

    /// What the shim was told to clear away and, now that it is gone, has not.
    pub fn take_back(&self) -> BTreeMap<String, PathBuf> {
        let mut handed_over = std::mem::take(&mut *lock(&self.handed_over));
        handed_over.retain(|_, folder| folder.exists());
        handed_over
    }

    /// True for the first who asks: that it is not ready any more is told once.
    pub fn tell_stop_once(&self) -> bool {
        !self.told_stop.swap(true, Ordering::Relaxed)
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
    /// Who its program runs as.
    #[serde(default)]
    pub user: User,
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
    /// Held by the call that changes it. Waiting for its end needs no turn.
    pub turn: tokio::sync::Mutex<()>,
    /// Answered when it has been created, or can't be.
    creating: Mutex<Option<Creating>>,
    /// Its limits as they are now.
    resources: Mutex<Option<LinuxContainerResources>>,
    stop_asked: AtomicBool,
    /// Its use of processor and disk.
    pub meter: Meter,
    run: watch::Sender<Run>,
}

/// The shim's answer to a creation.
pub type Creating = oneshot::Receiver<Result<Outcome, String>>;

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
        let resources = config.linux.as_ref().and_then(|l| l.resources.clone());
        Self {
            id,
            dir,
            sandbox,
            config,
            record,
            cgroup,
            turn: tokio::sync::Mutex::new(()),
            creating: Mutex::default(),
            resources: Mutex::new(resources),
            stop_asked: AtomicBool::new(false),
            meter: Meter::default(),
            run: watch::Sender::new(run),
        }
    }

    /// Its shim has been asked to create it.
    pub fn being_created(&self, creating: Creating) {
        *lock(&self.creating) = Some(creating);
    }

    /// Waits until it has been created, or has ended. For who has its turn.
    pub async fn when_created(&self) {
        let creating = lock(&self.creating).take();
        if let Some(creating) = creating {
            // That it failed is known by its end, and that the shim is gone too.
            let _ = creating.await;
        }
    }

    /// Its first process; none if it has ended or the process is not there any more.
    pub fn pid(&self) -> Option<i32> {
        if self.run.borrow().exit.is_some() {
            return None;
        }
        let pid = std::fs::read_to_string(self.dir.pid_file()).ok()?.trim().parse().ok()?;
        // Process ids are used again.
        let cgroups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        cgroups.contains(&self.cgroup).then_some(pid)
    }

    /// Leaves the time of the start on disk, for a runtime that finds neither this one nor the shim any more.
    pub fn remember_start(&self, at: Timestamp) {
        if let Err(e) = disk::write(&self.dir.started(), &at, false) {
            tracing::warn!(container = self.id, error = %e, "the time of its start was not written down");
        }
    }

    pub fn resources(&self) -> Option<LinuxContainerResources> {
        lock(&self.resources).clone()
    }

    pub fn set_resources(&self, resources: LinuxContainerResources) {
        *lock(&self.resources) = Some(resources);
    }

    /// True for the first who asks: the signal that asks it to end is sent once, however often that is asked for.
    pub fn ask_to_stop_once(&self) -> bool {
        !self.stop_asked.swap(true, Ordering::Relaxed)
    }

    pub fn run(&self) -> Run {
        self.run.borrow().clone()
    }

    /// Notes the start. False if it was known, or the end is.
    pub fn started(&self, at: Timestamp) -> bool {
        self.run.send_if_modified(|run| {
            let new = run.started_at.is_none() && run.exit.is_none();
            if new {
                run.started_at = Some(at);
            }
            new
        })
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
    pub fn sandbox(&self, id: &str) -> Result<Option<Arc<Sandbox>>, Failure> {
        by_id(&lock(&self.sandboxes), "sandbox", id)
    }

    /// The container with exactly this id.
    pub fn known_container(&self, id: &str) -> Option<Arc<Container>> {
        lock(&self.containers).get(id).cloned()
    }

    pub fn has_container(&self, id: &str) -> bool {
        lock(&self.containers).contains_key(id)
    }

    pub fn add_container(&self, container: Arc<Container>) {
        lock(&self.containers).insert(container.id.clone(), container);
    }

    pub fn remove_container(&self, id: &str) {
        lock(&self.containers).remove(id);
    }

    /// The container with this id, or the only one whose id begins so.
    pub fn container(&self, id: &str) -> Result<Option<Arc<Container>>, Failure> {
        by_id(&lock(&self.containers), "container", id)
    }

    pub fn containers(&self) -> Vec<Arc<Container>> {
        lock(&self.containers).values().cloned().collect()
    }

    pub fn containers_of(&self, sandbox: &str) -> Vec<Arc<Container>> {
        lock(&self.containers).values().filter(|c| c.sandbox.id == sandbox).cloned().collect()
    }
}

fn by_id<T>(map: &BTreeMap<String, Arc<T>>, kind: &'static str, id: &str) -> Result<Option<Arc<T>>, Failure> {
    if id.is_empty() {
        return Err(Failure::Missing(if kind == "sandbox" { "sandbox id" } else { "container id" }));
    }
    let mut matches = map.range(id.to_owned()..).take_while(|(known, _)| known.starts_with(id));
    let Some(first) = matches.next() else { return Ok(None) };
    if first.0 != id && matches.next().is_some() {
        return Err(Failure::Ambiguous { kind, id: id.to_owned() });
    }
    Ok(Some(Arc::clone(first.1)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half-done by a panic while these are held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_be_shortened_as_long_as_it_names_one() {
        let map: BTreeMap<String, Arc<u8>> =
            [("ab", 1), ("abc", 2), ("abd", 3)].map(|(k, v)| (k.to_owned(), Arc::new(v))).into();
        let find = |id: &str| by_id(&map, "container", id);
        assert_eq!(find("abc").unwrap().as_deref(), Some(&2));
        assert_eq!(find("ab").unwrap().as_deref(), Some(&1));
        assert!(find("x").unwrap().is_none());
        assert!(matches!(find("a"), Err(Failure::Ambiguous { .. })) && matches!(find(""), Err(Failure::Missing(_))));
    }
}
