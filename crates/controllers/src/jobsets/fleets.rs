//! The Pods of all JobSets, counted as they change.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use reprise_core::unset::{is_true, text};
use reprise_jobset::JobSet;
use reprise_jobset::conditions::finished;
use reprise_jobset::decision::is_managed;
use reprise_jobset::fleet::{Fleet, Tally};
use reprise_jobset::in_place::{Move, Standing, next};
use reprise_jobset::names::{JOBSET_NAME, JOBSET_UID};

use crate::cache::{Cache, Change, ObjectKey};

/// A JobSet and none that had or will have its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct FleetKey {
    set: ObjectKey,
    uid: String,
}

/// All fleets.
#[derive(Debug, Default)]
pub(super) struct Fleets(Mutex<HashMap<FleetKey, Fleet>>);

impl Fleets {
    /// Takes in what became of a Pod. Gives the JobSet that has something to do because of it.
    pub(super) fn take_in(&self, change: &Change<Pod>, sets: &Cache<JobSet>) -> Option<ObjectKey> {
        let (old, new) = (change.old.as_deref(), change.new.as_deref());
        let (before, after) = (old.and_then(key_of), new.and_then(key_of));
        if let Some((key, pod)) = before.as_ref().zip(old).filter(|(key, _)| after.as_ref() != Some(*key)) {
            self.remove(key, text(&pod.metadata.uid));
        }
        let key = after.or(before)?;
        let set = sets.get(&key.set).filter(|set| text(&set.metadata.uid) == key.uid);
        let standing = set.as_deref().and_then(Standing::of);
        let current = standing.and_then(|standing| standing.current);
        let mut fleets = self.lock();
        if let Some(pod) = new {
            let fleet = fleets.entry(key.clone()).or_default();
            if let Some(replaced) = old.filter(|old| old.metadata.uid != pod.metadata.uid) {
                fleet.remove(text(&replaced.metadata.uid));
            }
            fleet.put(pod, current);
        }
        let (fleet, standing) = (fleets.get(&key)?, standing?);
        let is_active = set.is_some_and(|set| restarts(&set));
        (is_active && next(&fleet.tally(current), &standing) != Ok(Move::Stay)).then_some(key.set)
    }

    /// What is known of the Pods of a JobSet.
    pub(super) fn tally(&self, set: &JobSet, current: Option<i32>) -> Tally {
        let key = FleetKey { set: ObjectKey::of(set), uid: text(&set.metadata.uid).to_owned() };
        self.lock().get(&key).map(|fleet| fleet.tally(current)).unwrap_or_default()
    }

    fn remove(&self, key: &FleetKey, uid: &str) {
        let mut fleets = self.lock();
        let Some(fleet) = fleets.get_mut(key) else { return };
        fleet.remove(uid);
        if fleet.is_empty() {
            fleets.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FleetKey, Fleet>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The JobSet that the Pod belongs to, by its labels.
fn key_of(pod: &Pod) -> Option<FleetKey> {
    let labels = pod.metadata.labels.as_ref()?;
    let set = ObjectKey::new(text(&pod.metadata.namespace), labels.get(JOBSET_NAME)?);
    Some(FleetKey { set, uid: labels.get(JOBSET_UID)?.clone() })
}

/// Whether Pods of this JobSet are to restart at all.
fn restarts(set: &JobSet) -> bool {
    let is_suspended = set.spec.as_ref().is_some_and(|spec| is_true(spec.suspend));
    let has_ended = set.status.as_ref().is_some_and(|status| finished(status).is_some());
    is_managed(set) && !is_suspended && !has_ended
}
