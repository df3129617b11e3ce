//! The Pods that wait for a node: those to be looked at, most important first, and those for which there was none.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use reprise_core::unset::{list, text};
use tokio::time::Instant;

use crate::cache::ObjectKey;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// However little seems to change, a Pod is looked at again after this time.
const AFTER_ALL: Duration = Duration::from_mins(5);

/// The order: by priority, then by age.
type Place = (Reverse<i32>, Option<Timestamp>, ObjectKey);

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pods: HashMap<ObjectKey, Entry>,
    ready: BTreeSet<Place>,
    /// Those that are looked at again at a time.
    later: BTreeSet<(Instant, ObjectKey)>,
}

#[derive(Debug)]
struct Entry {
    pod: Arc<Pod>,
    tries: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Ready,
    /// A decision for it is being written.
    Taken,
    /// There was no node. It is looked at again at `again`; after a change already at `after`.
    Unfit {
        again: Instant,
        after: Instant,
    },
}

impl Waiting {
    /// Takes in a Pod, or what has changed of it.
    pub(super) fn put(&mut self, pod: Arc<Pod>) {
        let key = ObjectKey::of(&*pod);
        match self.pods.get_mut(&key) {
            Some(entry) if !asks_something_else(&entry.pod, &pod) => entry.pod = pod,
            _ => {
                self.remove(&key);
                self.ready.insert(place(&pod));
                self.pods.insert(key, Entry { pod, tries: 0, state: State::Ready });
            }
        }
    }

    /// The Pod waits no more.
    pub(super) fn remove(&mut self, key: &ObjectKey) {
        let Some(entry) = self.pods.remove(key) else { return };
        self.ready.remove(&place(&entry.pod));
        if let State::Unfit { again, .. } = entry.state {
            self.later.remove(&(again, key.clone()));
        }
    }

    /// The next one to decide about.
    pub(super) fn take(&mut self, now: Instant) -> Option<Arc<Pod>> {
        while let Some((at, key)) = self.later.first().cloned().filter(|(at, _)| *at <= now) {
            self.later.remove(&(at, key.clone()));
            self.make_ready(&key);
        }
        let (_, _, key) = self.ready.pop_first()?;
        let entry = self.pods.get_mut(&key)?;
        entry.state = State::Taken;
        Some(entry.pod.clone())
    }

    /// There is no node for it now.
    pub(super) fn unfit(&mut self, key: &ObjectKey, now: Instant) {
        let Some(entry) = self.pods.get_mut(key).filter(|entry| entry.state == State::Taken) else { return };
        let wait = FIRST_WAIT.saturating_mul(1 << entry.tries.min(8)).min(LONGEST_WAIT);
        entry.tries += 1;
        let (again, after) = (now + AFTER_ALL, now + wait);
        entry.state = State::Unfit { again, after };
        self.later.insert((again, key.clone()));
    }

    /// A decision could not be written.
    pub(super) fn failed(&mut self, key: &ObjectKey, now: Instant) {
        self.unfit(key, now);
        self.changed_for(key, now);
    }

    /// Something has changed that may make a node fit.
    pub(super) fn changed(&mut self, now: Instant) {
        let keys: Vec<ObjectKey> = self.later.iter().map(|(_, key)| key.clone()).collect();
        for key in keys {
            self.changed_for(&key, now);
        }
    }

    fn changed_for(&mut self, key: &ObjectKey, now: Instant) {
        let Some(entry) = self.pods.get_mut(key) else { return };
        let State::Unfit { again, after } = entry.state else { return };
        if after < again {
            self.later.remove(&(again, key.clone()));
            entry.state = State::Unfit { again: after, after };
            self.later.insert((after, key.clone()));
        }
        if after <= now {
            self.later.remove(&(after, key.clone()));
            self.make_ready(key);
        }
    }

    /// When the next one is to be looked at again.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.later.first().map(|(at, _)| *at)
    }

    fn make_ready(&mut self, key: &ObjectKey) {
        if let Some(entry) = self.pods.get_mut(key) {
            entry.state = State::Ready;
            self.ready.insert(place(&entry.pod));
        }
    }
}

fn place(pod: &Pod) -> Place {
    let priority = pod.spec.as_ref().and_then(|spec| spec.priority).unwrap_or(0);
    let created = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
    (Reverse(priority), created, ObjectKey::of(pod))
}

/// Whether a node that did not fit may do so for what the Pod now is.
fn asks_something_else(old: &Pod, new: &Pod) -> bool {
    old.metadata.uid != new.metadata.uid || old.metadata.labels != new.metadata.labels || old.spec != new.spec
}

/// Whether the Pod waits for a node, and for this scheduler to find it.
pub(super) fn waits(pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let phase = pod.status.as_ref().map(|status| text(&status.phase)).unwrap_or_default();
    ["", "default-scheduler"].contains(&text(&spec.scheduler_name))
        && text(&spec.node_name).is_empty()
        && list(&spec.scheduling_gates).is_empty()
        && pod.metadata.deletion_timestamp.is_none()
        && !["Succeeded", "Failed"].contains(&phase)
}

/// The node that the Pod takes something of: none if it has ended.
pub(super) fn occupies(pod: &Pod) -> Option<&str> {
    let phase = pod.status.as_ref().map(|status| text(&status.phase)).unwrap_or_default();
    let node = pod.spec.as_ref().map(|spec| text(&spec.node_name)).unwrap_or_default();
    (!node.is_empty() && !["Succeeded", "Failed"].contains(&phase)).then_some(node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, priority: i32, created: &str) -> Arc<Pod> {
        let metadata = json!({"name": name, "namespace": "n", "uid": name, "creationTimestamp": created});
        Arc::new(
            serde_json::from_value(json!({"metadata": metadata, "spec": {"priority": priority, "containers": []}}))
                .unwrap(),
        )
    }

    fn name(pod: Option<Arc<Pod>>) -> Option<String> {
        pod.and_then(|pod| pod.metadata.name.clone())
    }

    #[tokio::test(start_paused = true)]
    async fn the_most_important_comes_first_then_the_oldest() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        waiting.put(pod("young", 0, "2026-01-02T00:00:00Z"));
        waiting.put(pod("old", 0, "2026-01-01T00:00:00Z"));
        waiting.put(pod("important", 7, "2026-01-03T00:00:00Z"));
        let order: Vec<_> = std::iter::from_fn(|| name(waiting.take(now))).collect();
        assert_eq!(order, ["important", "old", "young"]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_without_a_node_waits_for_a_change_and_longer_each_time() {
        let (mut waiting, start) = (Waiting::default(), Instant::now());
        let own = pod("a", 0, "2026-01-01T00:00:00Z");
        waiting.put(own.clone());
        assert!(waiting.take(start).is_some());
        waiting.unfit(&ObjectKey::of(&*own), start);
        assert_eq!(waiting.take(start + Duration::from_secs(60)), None, "nothing has changed");
        waiting.changed(start);
        assert_eq!(waiting.take(start), None);
        assert_eq!(waiting.next_at(), Some(start + Duration::from_secs(1)));
        assert!(waiting.take(start + Duration::from_secs(1)).is_some());
        waiting.unfit(&ObjectKey::of(&*own), start);
        waiting.changed(start);
        assert_eq!(waiting.next_at(), Some(start + Duration::from_secs(2)));
        assert!(waiting.take(start + Duration::from_mins(5)).is_some(), "after all");
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_status_is_no_reason_to_look_again_but_a_new_spec_is() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        let own = pod("a", 0, "2026-01-01T00:00:00Z");
        waiting.put(own.clone());
        assert!(waiting.take(now).is_some());
        waiting.unfit(&ObjectKey::of(&*own), now);
        let mut other = (*own).clone();
        other.status = Some(Default::default());
        waiting.put(Arc::new(other.clone()));
        assert_eq!(waiting.take(now), None);
        other.spec.get_or_insert_default().priority = Some(1);
        waiting.put(Arc::new(other));
        assert!(waiting.take(now).is_some());
    }
}
