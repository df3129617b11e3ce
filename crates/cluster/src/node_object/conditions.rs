//! The node's conditions, with the kubelet's reasons and words.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{NodeCondition, NodeStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use reprise_node::Report;

const READY: &str = "Ready";
/// How long it counts that something runs short after it was last seen to (`evictionPressureTransitionPeriod`).
const PRESSURE_LASTS: SignedDuration = SignedDuration::from_mins(5);

/// A pressure's type, with reason and message without and with it.
struct Words {
    kind: &'static str,
    without: (&'static str, &'static str),
    with: (&'static str, &'static str),
}

const MEMORY: Words = Words {
    kind: "MemoryPressure",
    without: ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    with: ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
};
const DISK: Words = Words {
    kind: "DiskPressure",
    without: ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    with: ("KubeletHasDiskPressure", "kubelet has disk pressure"),
};
const PIDS: Words = Words {
    kind: "PIDPressure",
    without: ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    with: ("KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
};

/// What is remembered from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// Status and time of the last transition, by type.
    since: BTreeMap<&'static str, (bool, Timestamp)>,
    /// When each pressure was last seen.
    seen: BTreeMap<&'static str, Timestamp>,
}

impl Conditions {
    /// All of them, as things are.
    pub(super) fn now(&mut self, report: &Report, now: Timestamp) -> Vec<NodeCondition> {
        let pressure = report.pressure;
        let mut list: Vec<NodeCondition> = [(MEMORY, pressure.memory), (DISK, pressure.disk), (PIDS, pressure.pids)]
            .into_iter()
            .map(|(words, is_short)| self.pressure(&words, is_short, now))
            .collect();
        let failing = match &report.runtime {
            Ok(runtime) => runtime.not_ready.clone(),
            Err(why) => Some(format!("container runtime is down: {why}")),
        };
        let (reason, message) = match &failing {
            None => ("KubeletReady", "kubelet is posting ready status"),
            Some(why) => ("KubeletNotReady", why.as_str()),
        };
        list.push(self.condition(READY, failing.is_none(), reason, message, now));
        list
    }

    fn pressure(&mut self, words: &Words, is_short: bool, now: Timestamp) -> NodeCondition {
        if is_short {
            self.seen.insert(words.kind, now);
        }
        let lasts = self.seen.get(words.kind).is_some_and(|seen| now.duration_since(*seen) < PRESSURE_LASTS);
        let (reason, message) = if lasts { words.with } else { words.without };
        self.condition(words.kind, lasts, reason, message, now)
    }

    fn condition(
        &mut self,
        kind: &'static str,
        status: bool,
        reason: &str,
        message: &str,
        now: Timestamp,
    ) -> NodeCondition {
        let known = self.since.get(kind).filter(|(known, _)| *known == status).map(|(_, since)| *since);
        let since = known.unwrap_or(now);
        self.since.insert(kind, (status, since));
        NodeCondition {
            type_: kind.to_owned(),
            status: if status { "True" } else { "False" }.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            last_heartbeat_time: Some(seconds(now)),
            last_transition_time: Some(seconds(since)),
        }
    }
}

/// Whether a status says that the node is ready.
pub(super) fn is_ready(status: &NodeStatus) -> bool {
    status.conditions.iter().flatten().any(|c| c.type_ == READY && c.status == "True")
}

/// Reason and words of the events about what has changed since the status of before.
pub(super) fn changes(before: Option<&NodeStatus>, now: &NodeStatus) -> Vec<(String, String)> {
    let was = |kind: &str| {
        let conditions = before.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.filter(|c| c.type_ == kind).map(|c| c.status.clone()).next()
    };
    let changed = now.conditions.iter().flatten().filter(|c| was(&c.type_).as_ref() != Some(&c.status));
    changed
        .map(|c| {
            let reason = match (c.type_.as_str(), c.status.as_str()) {
                (READY, "True") => "NodeReady".to_owned(),
                (READY, _) => "NodeNotReady".to_owned(),
                _ => c.reason.clone().unwrap_or_default().replacen("Kubelet", "Node", 1),
            };
            (reason.clone(), reason)
        })
        .collect()
}

/// The API's times have no fractions.
fn seconds(at: Timestamp) -> Time {
    Time(Timestamp::from_second(at.as_second()).unwrap_or(at))
}

#[cfg(test)]
mod tests {
    use reprise_node::{Pressure, RuntimeReport};

    use super::*;

    fn report(disk: bool, not_ready: Option<&str>) -> Report {
        let runtime = RuntimeReport { not_ready: not_ready.map(str::to_owned), ..RuntimeReport::default() };
        Report {
            capacity: BTreeMap::new(),
            allocatable: BTreeMap::new(),
            runtime: Ok(runtime),
            images: Vec::new(),
            pressure: Pressure { disk, ..Pressure::default() },
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn shown(list: &[NodeCondition]) -> Vec<(&str, &str, i64)> {
        let transition = |c: &NodeCondition| c.last_transition_time.as_ref().unwrap().0.as_second();
        list.iter().map(|c| (c.type_.as_str(), c.status.as_str(), transition(c))).collect()
    }

    #[test]
    fn conditions_keep_the_time_of_their_last_change_and_pressure_lasts_a_while() {
        let mut conditions = Conditions::default();
        let first = conditions.now(&report(true, None), at(100));
        let expected = [
            ("MemoryPressure", "False", 100),
            ("DiskPressure", "True", 100),
            ("PIDPressure", "False", 100),
            (READY, "True", 100),
        ];
        assert_eq!(shown(&first), expected);
        assert_eq!(first[1].reason.as_deref(), Some("KubeletHasDiskPressure"));
        assert_eq!(shown(&conditions.now(&report(false, None), at(200)))[1], ("DiskPressure", "True", 100));
        assert_eq!(shown(&conditions.now(&report(false, None), at(401)))[1], ("DiskPressure", "False", 401));
        let broken = conditions.now(&report(false, Some("why")), at(500));
        assert_eq!((shown(&broken)[3], broken[3].message.as_deref()), ((READY, "False", 500), Some("why")));
    }

    #[test]
    fn changes_are_told_in_the_kubelet_s_words() {
        let mut conditions = Conditions::default();
        let mut status = |disk, second| NodeStatus {
            conditions: Some(conditions.now(&report(disk, None), at(second))),
            ..NodeStatus::default()
        };
        let (first, second) = (status(false, 0), status(true, 1));
        let reasons = |before, now| changes(before, now).into_iter().map(|(reason, _)| reason).collect::<Vec<_>>();
        let all = ["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID", "NodeReady"];
        assert_eq!(reasons(None, &first), all);
        assert_eq!(reasons(Some(&first), &second), ["NodeHasDiskPressure"]);
        assert!(is_ready(&second));
    }
}
