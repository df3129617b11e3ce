//! Takes up what a runtime that ended, however it ended, has left.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use prost::Message;
use reprise_cri::v1::{ContainerConfig, PodSandboxConfig};
use rustix::process::{Pid, Signal, kill_process};

use super::containers::clear;
use super::engine::{Engine, lost};
use super::sandboxes::CONFIG;
use super::state::{Container, ContainerRecord, Run, Sandbox, SandboxRecord};
use crate::cgroup;
use crate::disk::{self, DiskError};
use crate::error::chain;
use crate::network::Known;
use crate::shim::protocol::{Call, ContainerState};
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
    for lease in leases.iter().filter(|l| engine.inventory.container(&l.holder).is_none()) {
        engine.images.release(&lease.holder)?;
    }
    Ok(())
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

fn names(folder: &Path) -> Result<Vec<String>, DiskError> {
    let entries = fs::read_dir(folder).map_err(DiskError::io("list", folder))?;
    Ok(entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect())
}

/// Takes up a sandbox; what its shim holds if it lives.
async fn sandbox(engine: &Arc<Engine>, id: &str) -> Result<Vec<ContainerState>, RuntimeError> {
    let dir = engine.layout.sandbox(id);
    let record: Option<SandboxRecord> = disk::read(&dir.record())?;
    let config = fs::read(dir.path().join(CONFIG)).ok().and_then(|bytes| PodSandboxConfig::decode(&*bytes).ok());
    let (Some(record), Some(config)) = (record, config) else {
        disk::remove_dir(dir.path())?;
        return Ok(Vec::new());
    };
    let cgroup = engine.sandbox_cgroup(id, &config);
    let (pid, complete) = (record.shim, record.complete);
    let sandbox = Arc::new(Sandbox::new(id.to_owned(), dir, config, cgroup, record));
    let held = match Shim::connect(id, &sandbox.dir, pid, engine.notices.clone()).await {
        Ok((shim, held)) => {
            sandbox.set_shim(Some(Arc::new(shim)));
            held
        }
        Err(e @ ShimError::Version { .. }) => {
            // It can't be asked for anything, and what it holds must not run on beside what takes its place.
            tracing::warn!(sandbox = id, error = chain(&e), "its shim is ended with its containers");
            end_process(pid);
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
    }
    Ok(held)
}

fn end_process(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid).filter(|_| pid > 1) {
        // Gone already is as good.
        let _ = kill_process(pid, Signal::KILL);
    }
}

async fn container(
    engine: &Arc<Engine>,
    id: &str,
    known: &[(String, Vec<ContainerState>)],
) -> Result<(), RuntimeError> {
    let dir = engine.layout.container(id);
    let record: Option<ContainerRecord> = disk::read(&dir.record())?;
    let config = fs::read(dir.path().join(CONFIG)).ok().and_then(|bytes| ContainerConfig::decode(&*bytes).ok());
    let sandbox = record.as_ref().and_then(|r| engine.inventory.sandbox(&r.sandbox));
    let (Some(record), Some(config), Some(sandbox)) = (record, config, sandbox) else {
        // One that a living shim discards is the shim's to remove.
        if !known.iter().any(|(_, held)| held.iter().any(|h| h.id == id)) {
            disk::remove_dir(dir.path())?;
        }
        return Ok(());
    };
    let held = known.iter().find(|(s, _)| *s == sandbox.id).and_then(|(_, held)| held.iter().find(|c| c.id == id));
    let shim = sandbox.shim();
    let run = match (&shim, held) {
        (Some(_), Some(held)) => Run { started_at: held.started_at, exit: held.exit.clone() },
        _ => Run { started_at: None, exit: Some(disk::read(&dir.exit())?.unwrap_or_else(|| lost(None))) },
    };
    if shim.is_none() {
        // Its parent is gone: nobody would ever hear of its end.
        cgroup::kill_all(&format!("{}/{id}", sandbox.cgroup));
    }
    let removing = record.removing;
    // A create that was cut off: nobody was told of it.
    let half_made = shim.is_some() && held.is_none_or(|h| h.pid.is_none());
    let container = Arc::new(Container::new(id.to_owned(), dir, sandbox, config, record, run));
    if !removing && !half_made {
        engine.inventory.add_container(container);
        return Ok(());
    }
    match shim {
        Some(shim) if held.is_some() => {
            if let Err(e) = shim.call(Call::Remove { id: id.to_owned() }).await {
                tracing::warn!(container = id, error = chain(&e), "half-made or half-removed, and not cleared away");
            }
        }
        _ => clear(&container),
    }
    Ok(())
}
