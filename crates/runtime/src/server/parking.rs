//! Containers made ahead of time, so that an in-place restart finds its next ones ready.
//!
//! Creating a container costs more than all the rest of a restart. So for a sandbox whose annotation asks for it, once
//! a container has been started and all is quiet, its next incarnation is created under a new id, up to the point
//! where its program would be executed. A later CreateContainer for exactly the same container adopts it, also if it is
//! still being created. Where containers come again so soon that it is never quiet, as in a Pod that recycles with each task,
//! the next one is created as soon as one has been started.
//!
//! A parked container is a cache of this runtime: no program of it runs, CRI doesn't show it, and it has no record, so
//! that a restarted runtime has its shim discard it. What it was made from is its key; any difference makes it useless.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prost::Message;
use reprise_cri::v1::{ContainerConfig, ContainerMetadata};
use reprise_images::Image;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::containers::{Made, creation};
use super::engine::Engine;
use super::failure::Failure;
use super::state::{Container, Creating, Sandbox};
use crate::shim::protocol::Call;
use crate::shim_client::{Shim, ShimError};
use crate::spec;

/// Sandbox annotation of the node: containers of this Pod will be wanted again at once.
const ANNOTATION: &str = "reprise.dev/park";
/// How long nothing must have happened in a sandbox before containers are parked.
const QUIET: Duration = Duration::from_millis(100);
/// A container that is wanted again so soon after its last start will be so the next time too.
const SOON: Duration = Duration::from_secs(1);

/// What a container is made from, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(Vec<u8>);

impl Key {
    /// All of the config but what does not change what is created: attempt, labels, annotations and log path. What is
    /// seen at the sources of its mounts counts too.
    pub fn of(config: &ContainerConfig, image: &Image) -> Self {
        let name = config.metadata.as_ref().map(|m| m.name.clone()).unwrap_or_default();
        let bare = ContainerConfig {
            metadata: Some(ContainerMetadata { name, attempt: 0 }),
            labels: Default::default(),
            annotations: Default::default(),
            log_path: String::new(),
            ..config.clone()
        };
        let mut bytes = bare.encode_to_vec();
        bytes.extend_from_slice(image.id.to_string().as_bytes());
        for source in spec::mount_sources(config) {
            bytes.extend_from_slice(&source.identity());
        }
        if let Some(profile) = spec::localhost_file(config) {
            // One that can't be read is an error when the container is created.
            bytes.extend(std::fs::read(profile).unwrap_or_default());
        }
        Self(bytes)
    }
}

/// A container that is made, or being made, for who asks for it later.
#[derive(Debug)]
pub struct Parked {
    pub made: Made,
    pub creating: Creating,
}

/// The parked containers of one sandbox.
#[derive(Debug)]
pub struct Lot {
    parked: Mutex<BTreeMap<Key, Parked>>,
    last_change: Mutex<Instant>,
    /// When each was last started.
    started: Mutex<BTreeMap<Key, Instant>>,
    /// Held while one is parked.
    parking: tokio::sync::Mutex<()>,
}

impl Default for Lot {
    fn default() -> Self {
        let last_change = Mutex::new(Instant::now());
        Self { parked: Mutex::default(), last_change, started: Mutex::default(), parking: Default::default() }
    }
}

impl Lot {
    /// Takes a parked container out.
    pub fn take(&self, key: &Key) -> Option<Parked> {
        lock(&self.parked).remove(key)
    }

    /// Forgets a parked container that has ended by itself. False if there is none with this id.
    pub fn forget(&self, id: &str) -> bool {
        let mut parked = lock(&self.parked);
        let before = parked.len();
        parked.retain(|_, p| p.made.id != id);
        parked.len() != before
    }

    /// Takes all of them out; their ids.
    pub fn empty(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.parked)).into_values().map(|parked| parked.made.id).collect()
    }

    /// Takes note of a start. True if the one before was a moment ago.
    fn comes_again_soon(&self, key: &Key) -> bool {
        let now = Instant::now();
        lock(&self.started).insert(key.clone(), now).is_some_and(|before| now - before < SOON)
    }

    /// Something happens in the sandbox: parking waits.
    pub fn touch(&self) {
        *lock(&self.last_change) = Instant::now();
    }

    /// Waits until nothing has happened for a moment.
    async fn quiet(&self) {
        loop {
            let since = *lock(&self.last_change);
            tokio::time::sleep_until(since + QUIET).await;
            if *lock(&self.last_change) == since {
                return;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// Parks the next incarnation of `container` when its sandbox has come to rest, if its Pod wants that.
    pub fn park_later(self: &Arc<Self>, container: &Arc<Container>) {
        let wanted = container.sandbox.config.annotations.get(ANNOTATION).is_some_and(|v| v == "true");
        // Another container's processes are those of its present incarnation only.
        if !wanted || spec::pid_target(&container.config).is_some() {
            return;
        }
        let (engine, container) = (Arc::clone(self), Arc::clone(container));
        tokio::spawn(async move {
            if let Err(e) = engine.park(&container).await {
                // The next restart is slower, nothing else.
                tracing::debug!(container = container.id, error = %e, "not parked");
            }
        });
    }

    async fn park(self: &Arc<Self>, container: &Container) -> Result<(), Failure> {
        let sandbox = &container.sandbox;
        let image = self.image_of(&container.config)?;
        let key = Key::of(&container.config, &image);
        if !sandbox.lot.comes_again_soon(&key) {
            sandbox.lot.quiet().await;
        }
        let _parking = sandbox.lot.parking.lock().await;
        let _changing = sandbox.changing.read().await;
        let gone = !self.inventory.has_container(&container.id);
        let Some(shim) = sandbox.shim().filter(|_| sandbox.is_ready() && !gone) else { return Ok(()) };
        // What its mounts lead to may be something else after the wait.
        let key = Key::of(&container.config, &image);
        if lock(&sandbox.lot.parked).contains_key(&key) {
            return Ok(());
        }
        let made = self.lay_out(sandbox, &shim, &container.config, &image)?;
        let (id, streams) = (made.id.clone(), spec::streams(&container.config));
        let call = creation(&id, self.layout.container(&id).path(), sandbox, made.foreign_pids, streams);
        if let Err(e) = self.begin_parking(&container.sandbox, shim, key, made, call) {
            self.abandon(&id, sandbox).await;
            return Err(e.into());
        }
        Ok(())
    }

    fn begin_parking(
        self: &Arc<Self>,
        sandbox: &Arc<Sandbox>,
        shim: Arc<Shim>,
        key: Key,
        made: Made,
        call: Call,
    ) -> Result<(), ShimError> {
        // Nobody may take it before the shim has been asked, nor hear that it failed before it is there.
        let mut parked = lock(&sandbox.lot.parked);
        let created = shim.begin(call)?;
        let creating = self.forget_failed(sandbox, &made.id, shim, created);
        parked.insert(key, Parked { made, creating });
        Ok(())
    }

    /// Waits for what comes of a creation: one that failed is no longer parked. Whoever has adopted it hears so too.
    fn forget_failed(
        self: &Arc<Self>,
        sandbox: &Arc<Sandbox>,
        id: &str,
        shim: Arc<Shim>,
        created: Creating,
    ) -> Creating {
        let (told, creating) = oneshot::channel();
        let (engine, sandbox, id) = (Arc::clone(self), Arc::clone(sandbox), id.to_owned());
        tokio::spawn(async move {
            // Without an answer the shim is gone, which is noticed elsewhere.
            let Ok(outcome) = created.await else { return };
            let failed = outcome.is_err();
            if failed {
                sandbox.lot.forget(&id);
                if !engine.inventory.has_container(&id) {
                    engine.discard(&shim, &id).await;
                }
            }
            // Nobody waits for one that was not adopted.
            told.send(outcome).ok();
        });
        creating
    }

    /// Discards what is parked in a sandbox.
    pub async fn unpark(&self, sandbox: &Sandbox) {
        for id in sandbox.lot.empty() {
            sandbox.hand_over(&id, self.layout.container(&id).path());
            if let Some(shim) = sandbox.shim() {
                self.discard(&shim, &id).await;
            }
        }
    }

    /// Has a shim end and clear away a container that nobody was told of.
    pub async fn discard(&self, shim: &Shim, id: &str) {
        if let Err(e) = shim.call(Call::Discard { id: id.to_owned() }).await {
            tracing::debug!(container = id, error = %e, "a parked container was not discarded");
        }
        self.release(id);
    }
}
