//! The Pods of a JobSet, counted as they change: what is asked of ten thousand of them is known without a walk over them.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use reprise_core::unset::{list, text};

use crate::names::IN_PLACE_RESTART_ATTEMPT;

/// The condition of a Pod that restarts in place.
const RESTARTING: &str = "AllContainersRestarting";

/// All Pods of one JobSet.
#[derive(Debug, Default)]
pub struct Fleet {
    members: HashMap<String, Member>,
    /// Pods that count, by attempt.
    counted: Counts<i32>,
    /// Those of them that do not restart.
    intact: Counts<i32>,
    /// Pods that are lost or restart, by the attempt in which they ran.
    lost: Counts<i32>,
    /// Pods by the highest restart count of their containers.
    restarts: Counts<i32>,
    /// Pods whose attempt is no number, by UID.
    bad: BTreeMap<String, BadAttempt>,
}

/// An annotation that is not a number from 0 on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Pod {pod}: the annotation {IN_PLACE_RESTART_ATTEMPT} must be a non-negative integer, not {value:?}")]
pub struct BadAttempt {
    /// The Pod's name.
    pub pod: String,
    /// What the annotation says.
    pub value: String,
}

/// What a decision needs to know of a fleet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Pods that have reached some attempt and have neither failed nor are they going.
    pub counted: usize,
    /// The lowest attempt of these.
    pub lowest: Option<i32>,
    /// The highest.
    pub highest: Option<i32>,
    /// Pods at the current attempt that do not restart.
    pub intact: usize,
    /// Whether a Pod that ran in the current attempt has failed, is going or restarts.
    pub has_losses: bool,
    /// The highest restart count of a container.
    pub most_restarts: i32,
    /// A Pod whose attempt is no number.
    pub bad: Option<BadAttempt>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    attempt: Option<i32>,
    fate: Fate,
    /// It was seen to begin a restart while it ran in this attempt.
    restarts_from: Option<i32>,
    shows_restart: bool,
    most_restarts: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Alive,
    /// It has failed.
    Failed,
    /// It is being deleted and has not succeeded.
    Leaving,
}

impl Fleet {
    /// Takes in a Pod that is new or has changed. `current` is the JobSet's current attempt.
    pub fn put(&mut self, pod: &Pod, current: Option<i32>) {
        let uid = text(&pod.metadata.uid);
        let known = self.take(uid);
        let attempt = attempt(pod);
        let bad = attempt.as_ref().err().cloned();
        let mut member = Member {
            attempt: attempt.unwrap_or_default(),
            fate: fate(pod),
            restarts_from: None,
            shows_restart: shows_restart(pod),
            most_restarts: most_restarts(pod),
        };
        member.restarts_from = restarts_from(&member, known.as_ref(), current);
        if let Some(bad) = bad {
            self.bad.insert(uid.to_owned(), bad);
        }
        self.count(&member, Counts::add);
        self.members.insert(uid.to_owned(), member);
    }

    /// Forgets a Pod that is gone.
    pub fn remove(&mut self, uid: &str) {
        self.take(uid);
    }

    /// Whether there is no Pod.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// What is known now.
    #[must_use]
    pub fn tally(&self, current: Option<i32>) -> Tally {
        Tally {
            counted: self.counted.all,
            lowest: self.counted.lowest(),
            highest: self.counted.highest(),
            intact: current.map_or(0, |current| self.intact.of(current)),
            has_losses: current.is_some_and(|current| self.lost.of(current) > 0),
            most_restarts: self.restarts.highest().unwrap_or(0),
            bad: self.bad.values().next().cloned(),
        }
    }

    fn take(&mut self, uid: &str) -> Option<Member> {
        let member = self.members.remove(uid)?;
        self.bad.remove(uid);
        self.count(&member, Counts::subtract);
        Some(member)
    }

    fn count(&mut self, member: &Member, change: fn(&mut Counts<i32>, i32)) {
        change(&mut self.restarts, member.most_restarts);
        let Some(attempt) = member.attempt else { return };
        let is_alive = member.fate == Fate::Alive;
        if is_alive {
            change(&mut self.counted, attempt);
        }
        if is_alive && member.restarts_from.is_none() {
            change(&mut self.intact, attempt);
        } else {
            change(&mut self.lost, member.restarts_from.unwrap_or(attempt));
        }
    }
}

/// A restart is one of the attempt in which the worker ran, if it is seen to begin then. The condition may still show when the
/// agent of the next attempt has written its own, so what was not seen to begin says nothing.
fn restarts_from(member: &Member, known: Option<&Member>, current: Option<i32>) -> Option<i32> {
    let known = known?;
    let attempt = member.attempt.filter(|attempt| known.attempt == Some(*attempt))?;
    if !member.shows_restart {
        return None;
    }
    let is_lifted = current.is_some_and(|current| attempt <= current);
    let begins = !known.shows_restart && is_lifted;
    known.restarts_from.or(begins.then_some(attempt))
}

fn attempt(pod: &Pod) -> Result<Option<i32>, BadAttempt> {
    let annotations = pod.metadata.annotations.as_ref();
    let Some(value) = annotations.and_then(|annotations| annotations.get(IN_PLACE_RESTART_ATTEMPT)) else {
        return Ok(None);
    };
    let number = value.parse().ok().filter(|attempt: &i32| *attempt >= 0);
    number.map(Some).ok_or_else(|| BadAttempt { pod: text(&pod.metadata.name).to_owned(), value: value.clone() })
}

fn fate(pod: &Pod) -> Fate {
    let phase = pod.status.as_ref().map(|status| text(&status.phase)).unwrap_or_default();
    match phase {
        "Failed" => Fate::Failed,
        "Succeeded" => Fate::Alive,
        _ if pod.metadata.deletion_timestamp.is_some() => Fate::Leaving,
        _ => Fate::Alive,
    }
}

fn shows_restart(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().map(|status| list(&status.conditions)).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == RESTARTING && condition.status == "True")
}

fn most_restarts(pod: &Pod) -> i32 {
    let Some(status) = &pod.status else { return 0 };
    let containers = list(&status.container_statuses).iter().chain(list(&status.init_container_statuses));
    containers.map(|container: &ContainerStatus| container.restart_count).max().unwrap_or(0)
}

/// How many there are of each.
#[derive(Debug)]
struct Counts<K> {
    by_key: BTreeMap<K, usize>,
    all: usize,
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self { by_key: BTreeMap::new(), all: 0 }
    }
}

impl<K: Ord + Copy> Counts<K> {
    fn add(&mut self, key: K) {
        *self.by_key.entry(key).or_default() += 1;
        self.all += 1;
    }

    fn subtract(&mut self, key: K) {
        let Some(count) = self.by_key.get_mut(&key) else { return };
        *count -= 1;
        if *count == 0 {
            self.by_key.remove(&key);
        }
        self.all -= 1;
    }

    fn of(&self, key: K) -> usize {
        self.by_key.get(&key).copied().unwrap_or(0)
    }

    fn lowest(&self) -> Option<K> {
        self.by_key.first_key_value().map(|(key, _)| *key)
    }

    fn highest(&self) -> Option<K> {
        self.by_key.last_key_value().map(|(key, _)| *key)
    }
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
