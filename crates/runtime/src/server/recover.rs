//! Takes up what a runtime that ended, however it ended, has left.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use prost::Message;
use reprise_cri::v1::{ContainerConfig, LinuxContainerResources, PodSandboxConfig};
use rustix::process::{Pid, Signal, kill_process};
use serde::de::DeserializeOwned;

use super::containers::begin_creation;
use super::creations;
use super::ending::clear;
use super::engine::{Engine, end_processes, lost};
use super::sandboxes::{CONFIG, wait_gone};
use super::state::{Container, ContainerRecord, Run, Sandbox, SandboxRecord};
use crate::cgroup;
use crate::create::Creation;
use crate::disk::{self, DiskError};
use crate::error::chain;
use crate::layout::ContainerDir;
use crate::mounted;
use crate::network::Known;
use crate::shim::protocol::ContainerState;
use crate::shim_client::{Shim, ShimError};

use super::RuntimeError;

/// Reconnects to living shims, notes the ends of what died meanwhile, and finishes what was half made or half removed.
pub async fn recover(engine: &Arc<Engine>) -> Result<(), RuntimeError> {
    let mut known = Vec::new();
    for id in names(&engine.layout.sandboxes())? {
        let held = sandbox(engine, &id).await?;
        known.push((id, held));
    }
    for id in names(&engine.layout.containers())? {
        container(engine, &id, &known).await?;
    }
    network(engine).await?;
    let leases = engine.images.leases()?;
    for lease in leases.iter().filter(|l| !engine.inventory.has_container(&l.holder)) {
        engine.images.release(&lease.holder)?;
    }
    let known: Vec<String> = engine.inventory.sandboxes().iter().map(|s| s.cgroup.clone()).collect();
    sweep_cgroups(engine, &known);
    finish_stops(engine);
    Ok(())
}

/// What is below our cgroup and belongs to no sandbox is of one that is gone.
fn sweep_cgroups(engine: &Engine, known: &[String]) {
    for cgroup in cgroup::children(&engine.config.cgroup_root) {
        if cgroup != engine.shims_cgroup() && !known.contains(&cgroup) {
            cgroup::kill_all(&cgroup);
            // What is busy still is tried again when the last sandbox goes, or the runtime starts.
            let _ = cgroup::remove(&cgroup);
        }
    }
}

/// Gives back what lost sandboxes have of the network, and looks whether the others still have theirs.
async fn network(engine: &Arc<Engine>) -> Result<(), RuntimeError> {
    let sandboxes = engine.inventory.sandboxes();
    let known = sandboxes.iter().map(|s| Known { id: s.id.clone(), shim: s.shim().map(|shim| shim.pid) });
    engine.network.recover(&known.collect::<Vec<_>>()).await?;
    let mut networked = Vec::new();
    for sandbox in sandboxes.into_iter().filter(|s| s.is_ready() && s.record().ip.is_some()) {
        let Some(shim) = sandbox.shim() else { continue };
        if engine.network.is_cut_off(&sandbox.id, shim.pid) {
            tracing::warn!(sandbox = sandbox.id, "its network link is gone: it is not ready any more");
            sandbox.cut_off();
        } else {
            networked.push(sandbox.id.clone());
        }
    }
    // Plugins may take their time: the runtime serves meanwhile.
    let engine = Arc::clone(engine);
    tokio::spawn(async move {
        for sandbox in &networked {
            engine.network.check(sandbox).await;
        }
    });
    Ok(())
}

/// Sandboxes whose stop was noted and perhaps not carried out.
fn finish_stops(engine: &Arc<Engine>) {
    for sandbox in engine.inventory.sandboxes().into_iter().filter(|s| s.record().stopped) {
        let engine = Arc::clone(engine);
        tokio::spawn(async move {
            if let Err(e) = engine.stop_sandbox(&sandbox.id).await {
                tracing::warn!(sandbox = sandbox.id, error = chain(&e), "it was being stopped, and is not yet");
            }
        });
    }
}

fn names(folder: &Path) -> Result<Vec<String>, DiskError> {
    let entries = fs::read_dir(folder).map_err(DiskError::io("list", folder))?;
    Ok(entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect())
}

/// A record; none if there is none, or if a power failure has left a file without its content.
fn record<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, DiskError> {
    match disk::read(path) {
        Err(e @ DiskError::Content { .. }) => {
            tracing::warn!(error = chain(&e), "what it was about is cleared away");
            Ok(None)
        }
        read => read,
    }
}

/// Takes up a sandbox; what its shim holds if it lives.
async fn sandbox(engine: &Arc<Engine>, id: &str) -> Result<Vec<ContainerState>, RuntimeError> {
    let dir = engine.layout.sandbox(id);
    let record: Option<SandboxRecord> = record(&dir.record())?;
    let config = fs::read(dir.path().join(CONFIG)).ok().and_then(|bytes| PodSandboxConfig::decode(&*bytes).ok());
    let (Some(record), Some(config)) = (record, config.filter(|c| c.metadata.is_some())) else {
        mounted::unmount_below(dir.path())?;
        disk::remove_dir(dir.path())?;
        return Ok(Vec::new());
    };
    let cgroup = engine.sandbox_cgroup(id, &config);
    let complete = record.complete;
    let sandbox = Arc::new(Sandbox::new(id.to_owned(), dir, config, cgroup, record));
    let held = match Shim::connect(id, &sandbox.dir, engine.notices.clone()).await {
        Ok((shim, held)) => {
            sandbox.set_shim(Some(Arc::new(shim)));
            held
        }
        Err(e @ ShimError::Version { pid, .. }) => {
            // It can't be asked for anything, and what it holds must not run on beside what takes its place.
            tracing::warn!(sandbox = id, error = chain(&e), "its shim is ended with its containers");
            end_process(pid).await;
            Vec::new()
        }
        Err(e) => {
            tracing::info!(sandbox = id, error = chain(&e), "its shim is gone");
            Vec::new()
        }
    };
    if let Some(shim) = sandbox.shim() {
        // Parked, or given up in the middle of being created: nobody knows of them.
        for held in held.iter().filter(|h| !engine.layout.container(&h.id).record().exists()) {
            engine.discard(&shim, &held.id).await;
        }
    }
    if complete {
        engine.inventory.add_sandbox(sandbox);
    } else if let Err(e) = engine.clear_sandbox(&sandbox).await {
        tracing::warn!(sandbox = id, error = chain(&e), "half-made, and not cleared away");
        engine.inventory.add_sandbox(sandbox);
    }
    Ok(held)
}

async fn end_process(pid: i32) {
    if let Some(process) = Pid::from_raw(pid).filter(|_| pid > 1) {
        // Gone already is as good.
        let _ = kill_process(process, Signal::KILL);
        wait_gone(pid).await;
    }
}

async fn container(
    engine: &Arc<Engine>,
    id: &str,
    known: &[(String, Vec<ContainerState>)],
) -> Result<(), RuntimeError> {
    let dir = engine.layout.container(id);
    let record: Option<ContainerRecord> = record(&dir.record())?;
    let config = fs::read(dir.path().join(CONFIG)).ok().and_then(|bytes| ContainerConfig::decode(&*bytes).ok());
    let known_sandbox = |r: &ContainerRecord| engine.inventory.sandboxes().into_iter().find(|s| s.id == r.sandbox);
    let sandbox = record.as_ref().and_then(known_sandbox);
    let (Some(record), Some(config), Some(sandbox)) = (record, config.filter(|c| c.metadata.is_some()), sandbox) else {
        // One that a living shim discards is the shim's to remove.
        if !known.iter().any(|(_, held)| held.iter().any(|h| h.id == id)) {
            creations::end(&engine.shims_cgroup(), dir.path());
            clear(&cgroup_of(&dir), dir.path())?;
        }
        return Ok(());
    };
    let held = known.iter().find(|(s, _)| *s == sandbox.id).and_then(|(_, held)| held.iter().find(|c| c.id == id));
    let shim = sandbox.shim();
    let run = match (&shim, held) {
        (Some(_), Some(held)) => Run { started_at: held.started_at, exit: held.exit.clone() },
        // Recorded, and its shim had not heard of it yet.
        (Some(_), None) if !record.removing => Run::default(),
        _ => ended(&dir)?,
    };
    let container = Arc::new(Container::new(id.to_owned(), dir, sandbox, config, record, run));
    if shim.is_none() {
        // Their parent is gone: nobody would ever hear of their end.
        end_processes(&engine.shims_cgroup(), &container);
    }
    if container.record.removing {
        return finish_removal(engine, &container, held.is_some()).await;
    }
    if let Some(resources) = changed_resources(&container.dir) {
        container.set_resources(resources);
    }
    engine.inventory.add_container(Arc::clone(&container));
    if let Some(shim) = shim.filter(|_| held.is_none()) {
        begin_again(&shim, &container)?;
    }
    Ok(())
}

/// Has the shim create what was recorded before it heard of it.
fn begin_again(shim: &Shim, container: &Container) -> Result<(), DiskError> {
    let file = container.dir.creation();
    if let Some(creation) = disk::read::<Creation>(&file)? {
        disk::write(&file, &Creation { agent: std::process::id(), ..creation }, false)?;
    }
    if let Err(e) = begin_creation(shim, container) {
        // A shim that has died meanwhile is told of as any other.
        tracing::warn!(container = container.id, error = chain(&e), "it can't be created");
    }
    Ok(())
}

/// A removal was cut off.
async fn finish_removal(engine: &Engine, container: &Container, is_held: bool) -> Result<(), RuntimeError> {
    match container.sandbox.shim() {
        Some(shim) if is_held => {
            container.sandbox.hand_over(&container.id, container.dir.path());
            engine.discard(&shim, &container.id).await;
        }
        _ => clear(&container.cgroup, container.dir.path())?,
    }
    Ok(())
}

/// How a container without a shim ended.
fn ended(dir: &ContainerDir) -> Result<Run, DiskError> {
    let started_at: Option<Timestamp> = record(&dir.started())?;
    let exit = record(&dir.exit())?.unwrap_or_else(|| lost(started_at));
    Ok(Run { started_at: exit.started_at.or(started_at), exit: Some(exit) })
}

fn changed_resources(dir: &ContainerDir) -> Option<LinuxContainerResources> {
    fs::read(dir.resources()).ok().and_then(|bytes| LinuxContainerResources::decode(&*bytes).ok())
}

/// The cgroup of a container that is known by its folder only.
fn cgroup_of(dir: &ContainerDir) -> String {
    let oci: Option<serde_json::Value> = disk::read(&dir.bundle().join("config.json")).ok().flatten();
    oci.and_then(|oci| oci["linux"]["cgroupsPath"].as_str().map(str::to_owned)).unwrap_or_default()
}
