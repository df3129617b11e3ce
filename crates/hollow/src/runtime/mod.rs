//! A container runtime in memory: CRI v1 without processes.
//!
//! A container's program is one of a few (`program.rs`): it ends after a time, or runs until it is stopped, or is a restart agent. It
//! ends by itself, by a signal, or because a fault script says so; all else is bookkeeping with the contract's rules: ids are
//! never used twice, names are taken once, what is asked again has been done already.

mod calls;
mod images;
mod life;
mod program;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::Client;

use crate::census::Census;
use crate::network::Network;
use crate::times::Times;
pub(crate) use program::AgentSettings;
use state::State;

/// What all runtimes of a fleet share.
#[derive(Debug, Default)]
pub struct World {
    pub(crate) census: Census,
    pub(crate) network: Arc<Network>,
    pub(crate) times: Times,
}

impl World {
    /// A world in which things take as long as `times` says.
    #[must_use]
    pub fn new(times: Times) -> Self {
        Self { times, ..Self::default() }
    }
}

/// The runtime of one node. Clones are the same one.
#[derive(Clone)]
pub struct HollowRuntime {
    inner: Arc<Inner>,
}

struct Inner {
    world: Arc<World>,
    /// For restart agents.
    client: Option<Client>,
    state: Mutex<State>,
}

impl HollowRuntime {
    /// A runtime without anything. Restart agents in its containers use `client`; without one they wait for ever.
    #[must_use]
    pub fn new(world: Arc<World>, client: Option<Client>) -> Self {
        Self { inner: Arc::new(Inner { world, client, state: Mutex::default() }) }
    }

    /// Has a worker end with `code`: the one in the container `name`, or the first there is. False if there is none.
    #[must_use]
    pub fn exit_worker(&self, name: Option<&str>, code: i32) -> bool {
        let worker = self.state().worker(name);
        if let Some(id) = &worker {
            self.end(id, code);
        }
        worker.is_some()
    }

    /// Ends everything at once, without a word to whoever follows events.
    pub fn die(&self) {
        let containers = {
            let mut state = self.state();
            state.subscribers.clear();
            state.running()
        };
        containers.iter().for_each(|id| self.end(id, 137));
        let sandboxes = std::mem::take(&mut self.state().sandboxes);
        self.inner.world.census.change(|counts| counts.sandboxes -= sandboxes.len());
        sandboxes
            .into_values()
            .filter_map(|sandbox| sandbox.address)
            .for_each(|a| self.inner.world.network.give_back(a));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "runtime_tests.rs"]
mod tests;
