//! Which Jobs may be there now: dependencies, and the order in which entries start.

use super::counts::{has_completed, has_started};
use crate::types::{DependsOn, JobSetSpec, ReplicatedJobStatus};

/// How far the startup is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Startup {
    /// For each entry, whether its Jobs may be made and run.
    pub may_run: Vec<bool>,
    /// With `InOrder`, whether all have started.
    pub is_completed: Option<bool>,
}

/// What may run, from how far each entry is. The Jobs of a suspended JobSet are made in any order, as none of them runs.
pub(super) fn startup(spec: &JobSetSpec, counts: &[ReplicatedJobStatus], is_suspended: bool) -> Startup {
    let in_order = spec.startup_policy.as_ref().is_some_and(|policy| policy.startup_policy_order == "InOrder");
    let mut may_run: Vec<bool> = spec
        .replicated_jobs
        .iter()
        .map(|entry| entry.depends_on.iter().all(|depends| is_met(depends, spec, counts)))
        .collect();
    if !in_order || is_suspended {
        return Startup { may_run, is_completed: None };
    }
    let entries = spec.replicated_jobs.iter().zip(counts).enumerate();
    // This one is waited for.
    let next = entries.filter(|(at, _)| may_run[*at]).find(|(_, (entry, count))| !has_started(entry, count));
    if let Some((next, _)) = next {
        may_run[next + 1..].fill(false);
    }
    Startup { may_run, is_completed: Some(next.is_none()) }
}

fn is_met(depends: &DependsOn, spec: &JobSetSpec, counts: &[ReplicatedJobStatus]) -> bool {
    let mut entries = spec.replicated_jobs.iter().zip(counts);
    let Some((entry, count)) = entries.find(|(entry, _)| entry.name == depends.name) else { return false };
    match depends.status.as_str() {
        "Complete" => has_completed(entry, count),
        _ => has_started(entry, count),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn may_run(spec: Value, ready: &[i32], succeeded: &[i32], is_suspended: bool) -> Startup {
        let spec: JobSetSpec = serde_json::from_value(spec).unwrap_or_default();
        let counts = ready.iter().zip(succeeded);
        let count = |(ready, succeeded): (&i32, &i32)| ReplicatedJobStatus {
            ready: *ready,
            succeeded: *succeeded,
            ..ReplicatedJobStatus::default()
        };
        startup(&spec, &counts.map(count).collect::<Vec<_>>(), is_suspended)
    }

    fn in_order() -> Value {
        let entries = ["a", "b", "c"].map(|name| json!({"name": name, "replicas": 2}));
        json!({"startupPolicy": {"startupPolicyOrder": "InOrder"}, "replicatedJobs": entries})
    }

    #[test]
    fn in_order_each_entry_waits_for_the_one_before() {
        let begun = may_run(in_order(), &[1, 0, 0], &[0, 0, 0], false);
        assert_eq!(begun, Startup { may_run: vec![true, false, false], is_completed: Some(false) });
        let second = may_run(in_order(), &[1, 0, 0], &[1, 0, 0], false);
        assert_eq!(second.may_run, [true, true, false]);
        let done = may_run(in_order(), &[2, 2, 2], &[0, 0, 0], false);
        assert_eq!(done, Startup { may_run: vec![true; 3], is_completed: Some(true) });
        let suspended = may_run(in_order(), &[0, 0, 0], &[0, 0, 0], true);
        assert_eq!(suspended, Startup { may_run: vec![true; 3], is_completed: None });
    }

    #[test]
    fn what_depends_on_others_waits_until_they_are_ready_or_complete() {
        let on = |status: &str| {
            json!({"replicatedJobs": [
                {"name": "a", "replicas": 2},
                {"name": "b", "replicas": 1, "dependsOn": [{"name": "a", "status": status}]},
            ]})
        };
        assert_eq!(may_run(on("Ready"), &[1, 0], &[0, 0], false).may_run, [true, false]);
        assert_eq!(may_run(on("Ready"), &[1, 0], &[1, 0], false).may_run, [true, true]);
        assert_eq!(may_run(on("Complete"), &[1, 0], &[1, 0], false).may_run, [true, false]);
        assert_eq!(may_run(on("Complete"), &[0, 0], &[2, 0], false).may_run, [true, true]);
    }
}
