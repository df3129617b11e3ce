//! What a worker has seen of its Pod in the runtime.
//!
//! News comes over several ways (events, answers to calls, listings) and not in order. A container only ever goes
//! from created over running to exited to gone, and ids are never used twice, so an older state is known by itself
//! and never replaces a newer one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use reprise_core::observed::{ContainerObservation, RuntimeState, SandboxObservation};

use super::mail::Resynced;

/// How many ids of objects that are gone are remembered, to know late news of them.
const REMEMBERED: usize = 128;

#[derive(Debug)]
struct Known<T> {
    value: T,
    since: Instant,
}

/// The Pod's sandboxes and containers.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    sandboxes: BTreeMap<String, Known<SandboxObservation>>,
    containers: BTreeMap<String, Known<ContainerObservation>>,
    gone: VecDeque<String>,
}

impl Sight {
    pub(crate) fn sandboxes(&self) -> Vec<SandboxObservation> {
        self.sandboxes.values().map(|k| k.value.clone()).collect()
    }

    pub(crate) fn containers(&self) -> Vec<ContainerObservation> {
        self.containers.values().map(|k| k.value.clone()).collect()
    }

    pub(crate) fn sandbox(&self, id: &str) -> Option<&SandboxObservation> {
        self.sandboxes.get(id).map(|k| &k.value)
    }

    pub(crate) fn container(&self, id: &str) -> Option<&ContainerObservation> {
        self.containers.get(id).map(|k| &k.value)
    }

    /// The running container of that name.
    pub(crate) fn running(&self, name: &str) -> Option<&ContainerObservation> {
        let running = |c: &&ContainerObservation| matches!(c.state, RuntimeState::Running { .. }) && c.name == name;
        self.containers.values().map(|k| &k.value).filter(running).max_by_key(|c| c.attempt)
    }

    /// Whether `state` of container `id` would be news.
    pub(crate) fn is_news(&self, id: &str, state: &RuntimeState) -> bool {
        if self.gone.iter().any(|g| g == id) {
            return false;
        }
        match self.containers.get(id).map(|k| &k.value.state) {
            None => true,
            Some(RuntimeState::Unknown) => !matches!(state, RuntimeState::Unknown | RuntimeState::Created),
            Some(known) => rank(state) > rank(known) || (rank(state) == rank(known) && is_unknown(state)),
        }
    }

    /// Takes in a container's state, unless a newer one is known. True if it was news.
    pub(crate) fn see(&mut self, container: ContainerObservation) -> bool {
        if !self.is_news(&container.id, &container.state) {
            return false;
        }
        let known = Known { value: container, since: Instant::now() };
        self.containers.insert(known.value.id.clone(), known);
        true
    }

    /// Takes in a sandbox's state. One that is no longer ready never becomes ready again.
    pub(crate) fn see_sandbox(&mut self, sandbox: SandboxObservation) {
        if self.gone.iter().any(|g| *g == sandbox.id) {
            return;
        }
        match self.sandboxes.get_mut(&sandbox.id) {
            Some(known) => {
                known.value.ready &= sandbox.ready;
                if !sandbox.ips.is_empty() {
                    known.value.ips = sandbox.ips;
                }
            }
            None => {
                let known = Known { value: sandbox, since: Instant::now() };
                self.sandboxes.insert(known.value.id.clone(), known);
            }
        }
    }

    /// The sandbox or container is gone.
    pub(crate) fn forget(&mut self, id: &str) {
        self.sandboxes.remove(id);
        self.containers.remove(id);
        if !self.gone.iter().any(|g| g == id) {
            self.gone.push_back(id.to_owned());
        }
        if self.gone.len() > REMEMBERED {
            self.gone.pop_front();
        }
    }

    /// Takes in a whole listing: what it does not have and was known before it was asked for is gone.
    pub(crate) fn resync(&mut self, all: Resynced) {
        let missing = |listed: &[String], id: &String, since: Instant| since < all.asked_at && !listed.contains(id);
        let containers = self.containers.iter().filter(|(id, k)| missing(&all.listed_containers, id, k.since));
        let sandboxes = self.sandboxes.iter().filter(|(id, k)| missing(&all.listed_sandboxes, id, k.since));
        let gone: Vec<String> = containers.map(|(id, _)| id).chain(sandboxes.map(|(id, _)| id)).cloned().collect();
        gone.iter().for_each(|id| self.forget(id));
        all.sandboxes.into_iter().for_each(|s| self.see_sandbox(s));
        for container in all.containers {
            self.see(container);
        }
    }
}

fn is_unknown(state: &RuntimeState) -> bool {
    matches!(state, RuntimeState::Unknown)
}

fn rank(state: &RuntimeState) -> u8 {
    match state {
        RuntimeState::Created => 0,
        RuntimeState::Running { .. } | RuntimeState::Unknown => 1,
        RuntimeState::Exited(_) => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use reprise_core::observed::RuntimeExit;
    use std::time::Duration;

    fn container(id: &str, state: RuntimeState) -> ContainerObservation {
        ContainerObservation {
            id: id.to_owned(),
            sandbox: "s".to_owned(),
            name: "c".to_owned(),
            epoch: Some(0),
            attempt: 0,
            state,
            image: String::new(),
            image_id: String::new(),
        }
    }

    fn running() -> RuntimeState {
        RuntimeState::Running { started_at: Timestamp::UNIX_EPOCH }
    }

    fn exited() -> RuntimeState {
        RuntimeState::Exited(RuntimeExit {
            exit_code: 0,
            reason: String::new(),
            message: String::new(),
            started_at: None,
            finished_at: Timestamp::UNIX_EPOCH,
        })
    }

    fn listing(asked_at: Instant, containers: &[&str]) -> Resynced {
        Resynced {
            asked_at,
            listed_sandboxes: Vec::new(),
            listed_containers: containers.iter().map(|c| (*c).to_owned()).collect(),
            sandboxes: Vec::new(),
            containers: Vec::new(),
        }
    }

    #[test]
    fn an_older_state_never_replaces_a_newer_one() {
        let mut sight = Sight::default();
        assert!(sight.see(container("1", running())));
        assert!(!sight.see(container("1", RuntimeState::Created)));
        assert!(sight.see(container("1", RuntimeState::Unknown)));
        assert!(sight.see(container("1", exited())));
        assert!(!sight.see(container("1", running())));
        assert!(!sight.see(container("1", RuntimeState::Unknown)));
        sight.forget("1");
        assert!(!sight.see(container("1", exited())), "gone is the newest state");
    }

    #[test]
    fn a_listing_removes_what_it_lacks_but_not_what_came_after_it_was_asked_for() {
        let mut sight = Sight::default();
        sight.see(container("old", running()));
        let asked_at = Instant::now() + Duration::from_nanos(1);
        while Instant::now() <= asked_at {}
        sight.see(container("new", running()));
        sight.resync(listing(asked_at, &[]));
        assert!(sight.container("old").is_none() && sight.container("new").is_some());
    }

    #[test]
    fn a_sandbox_that_is_no_longer_ready_stays_so() {
        let mut sight = Sight::default();
        let sandbox = |ready| SandboxObservation { id: "s".into(), attempt: 0, ready, ips: vec!["10.0.0.2".into()] };
        sight.see_sandbox(sandbox(false));
        sight.see_sandbox(sandbox(true));
        assert!(!sight.sandbox("s").unwrap().ready);
    }
}
