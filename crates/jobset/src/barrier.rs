//! What the restart agent of a Pod decides.
//!
//! The state of a fleet is three numbers: the attempt that each Pod has reached, and of the JobSet's status the current attempt,
//! at which barriers lift, and the previous one, which is outdated with all before it. This module reads nothing else of a JobSet,
//! and knows none of its types, so that the agent stays small.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::names::{DISABLE_IN_PLACE_RESTART, IN_PLACE_RESTART};

/// What a JobSet says to the agents in its Pods. It is read from the JobSet's JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "SeenJobSet")]
pub struct Signal {
    /// `spec.failurePolicy.restartStrategy`; empty if there is none.
    pub restart_strategy: String,
    /// Whether the JobSet is annotated `jobset.sigs.k8s.io/disable-in-place-restart`, with whatever value.
    pub is_disabled: bool,
    /// `status.currentInPlaceRestartAttempt`.
    pub current: Option<i32>,
    /// `status.previousInPlaceRestartAttempt`.
    pub previous: Option<i32>,
}

/// What the agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It waits: not all Pods have come.
    Wait,
    /// It lets the worker run.
    Lift,
    /// It has its Pod restart in place.
    Restart,
    /// It lets the worker run and never restarts it: the JobSet does not restart in place.
    Bypass,
}

/// The attempt of a Pod whose agent has just started: one that is not lifted yet.
#[must_use]
pub fn first_attempt(current: Option<i32>) -> i32 {
    current.map_or(0, |current| current.saturating_add(1))
}

/// What the agent of a Pod that has reached the attempt `own` does now. An agent that has let its worker run has no more use for
/// [`Decision::Lift`] and [`Decision::Bypass`].
#[must_use]
pub fn decide(own: i32, signal: &Signal) -> Decision {
    if signal.is_bypass() {
        Decision::Bypass
    } else if signal.previous.is_some_and(|previous| own <= previous) {
        Decision::Restart
    } else if signal.current == Some(own) {
        Decision::Lift
    } else {
        Decision::Wait
    }
}

impl Signal {
    /// Whether there are no barriers and no restarts in place. The agent then does not write its Pod's attempt either.
    #[must_use]
    pub fn is_bypass(&self) -> bool {
        self.is_disabled || self.restart_strategy != IN_PLACE_RESTART
    }
}

/// The few fields of a JobSet that are read. All others are passed over.
#[derive(Deserialize, Default)]
#[serde(default)]
struct SeenJobSet {
    metadata: SeenMetadata,
    spec: SeenSpec,
    status: SeenStatus,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SeenMetadata {
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SeenSpec {
    failure_policy: SeenFailurePolicy,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SeenFailurePolicy {
    restart_strategy: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SeenStatus {
    current_in_place_restart_attempt: Option<i32>,
    previous_in_place_restart_attempt: Option<i32>,
}

impl From<SeenJobSet> for Signal {
    fn from(seen: SeenJobSet) -> Self {
        Self {
            restart_strategy: seen.spec.failure_policy.restart_strategy,
            is_disabled: seen.metadata.annotations.contains_key(DISABLE_IN_PLACE_RESTART),
            current: seen.status.current_in_place_restart_attempt,
            previous: seen.status.previous_in_place_restart_attempt,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn signal(current: Option<i32>, previous: Option<i32>) -> Signal {
        Signal { restart_strategy: IN_PLACE_RESTART.to_owned(), is_disabled: false, current, previous }
    }

    #[test]
    fn a_new_agent_begins_behind_the_barrier_of_the_next_attempt() {
        assert_eq!(first_attempt(None), 0);
        assert_eq!(first_attempt(Some(0)), 1);
        assert_eq!(first_attempt(Some(i32::MAX)), i32::MAX);
        for current in [None, Some(0), Some(7)] {
            assert_eq!(decide(first_attempt(current), &signal(current, None)), Decision::Wait);
        }
    }

    #[test]
    fn the_barrier_lifts_at_the_current_attempt_alone() {
        assert_eq!(decide(2, &signal(Some(2), Some(1))), Decision::Lift);
        assert_eq!(decide(3, &signal(Some(2), Some(1))), Decision::Wait);
        assert_eq!(decide(2, &signal(Some(3), Some(1))), Decision::Wait);
        assert_eq!(decide(0, &signal(None, None)), Decision::Wait);
    }

    #[test]
    fn an_outdated_pod_restarts_whatever_the_current_attempt_is() {
        assert_eq!(decide(1, &signal(Some(1), Some(1))), Decision::Restart);
        assert_eq!(decide(0, &signal(None, Some(4))), Decision::Restart);
    }

    #[test]
    fn without_the_strategy_or_with_the_annotation_there_is_no_barrier() {
        let disabled = Signal { is_disabled: true, ..signal(Some(1), Some(5)) };
        let other = Signal { restart_strategy: "Recreate".to_owned(), ..signal(Some(1), Some(5)) };
        for signal in [disabled, other, Signal::default()] {
            assert_eq!(decide(1, &signal), Decision::Bypass);
        }
    }

    #[test]
    fn it_is_read_from_the_json_of_a_job_set() -> Result<(), serde_json::Error> {
        let whole: Signal = serde_json::from_value(json!({
            "kind": "JobSet",
            "metadata": {"name": "s", "annotations": {"a": "b"}, "managedFields": [{}]},
            "spec": {"failurePolicy": {"maxRestarts": 3, "restartStrategy": "InPlaceRestart"}, "replicatedJobs": [{"name": "w"}]},
            "status": {"restarts": 0, "currentInPlaceRestartAttempt": 4, "previousInPlaceRestartAttempt": 3},
        }))?;
        assert_eq!(whole, signal(Some(4), Some(3)));
        let annotated = json!({"metadata": {"annotations": {DISABLE_IN_PLACE_RESTART: ""}}});
        let annotated: Signal = serde_json::from_value(annotated)?;
        assert!(annotated.is_disabled && annotated.is_bypass());
        let bare: Signal = serde_json::from_value(json!({"metadata": {"name": "s"}}))?;
        assert_eq!(bare, Signal::default());
        Ok(())
    }
}
