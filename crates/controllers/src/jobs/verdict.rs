//! Whether the Job comes to its end now, and why.

use jiff::SignedDuration;
use k8s_openapi::api::batch::v1::JobCondition;
use k8s_openapi::api::core::v1::ContainerStatus;
use reprise_core::unset::{list, text};

use super::conditions;
use super::facts::{Facts, count};
use super::failure_policy::{Meaning, meaning};
use super::per_index::Indexes;
use super::success_policy;

/// What the Job's Pods have come to, those not counted yet among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) succeeded: i32,
    pub(super) failed: i32,
}

impl Tally {
    pub(super) fn of(facts: &Facts<'_>, indexes: &Indexes<'_>) -> Self {
        let uncounted = facts.status.uncounted_terminated_pods.as_ref();
        let noted = |uids: Option<&Vec<String>>| count(uids.into_iter().flatten());
        let new_successes = count(facts.new_pods().filter(|pod| pod.has_succeeded()));
        let new_failures = count(facts.new_pods().filter(|pod| {
            let has_limit = facts.spec.backoff_limit_per_index.is_some();
            facts.has_failed(pod)
                && meaning(facts.spec.pod_failure_policy.as_ref(), pod.pod, has_limit) != Meaning::Ignore
        }));
        let succeeded = facts.status.succeeded.unwrap_or(0)
            + new_successes
            + noted(uncounted.and_then(|uncounted| uncounted.succeeded.as_ref()));
        let failed = facts.status.failed.unwrap_or(0)
            + new_failures
            + noted(uncounted.and_then(|uncounted| uncounted.failed.as_ref()));
        Self { succeeded: if facts.is_indexed() { indexes.succeeded.count() } else { succeeded }, failed }
    }
}

/// The condition that says how the Job will end: `FailureTarget` or `SuccessCriteriaMet`. One that is there stays.
pub(super) fn verdict(facts: &Facts<'_>, tally: Tally, indexes: &Indexes<'_>) -> Option<JobCondition> {
    let known = ["SuccessCriteriaMet", "FailureTarget"];
    if let Some(known) = known.iter().find_map(|kind| conditions::is_true(facts.status, kind)) {
        return Some(known.clone());
    }
    let failure = |(reason, message): (&str, String)| conditions::new("FailureTarget", reason, &message, facts.now);
    failure_of_pods(facts, tally).or_else(|| failure_of_indexes(facts, indexes)).map(failure).or_else(|| {
        let message = success_policy::met(
            facts.spec.success_policy.as_ref().filter(|_| facts.is_indexed()),
            facts.completions().unwrap_or(0),
            &indexes.succeeded,
        )?;
        Some(conditions::new("SuccessCriteriaMet", "SuccessPolicy", &message, facts.now))
    })
}

/// The verdict that all that was asked for is done.
pub(super) fn completion(facts: &Facts<'_>, tally: Tally, active: i32) -> Option<JobCondition> {
    let is_enough = match facts.completions() {
        Some(completions) => tally.succeeded >= completions,
        None => tally.succeeded > 0,
    };
    let message = "Reached expected number of succeeded pods";
    (is_enough && active == 0).then(|| conditions::new("SuccessCriteriaMet", "CompletionsReached", message, facts.now))
}

fn failure_of_pods(facts: &Facts<'_>, tally: Tally) -> Option<(&'static str, String)> {
    let policy = facts.spec.pod_failure_policy.as_ref();
    let fatal = facts.pods.iter().filter(|pod| facts.has_failed(pod)).find_map(|pod| {
        match meaning(policy, pod.pod, facts.spec.backoff_limit_per_index.is_some()) {
            Meaning::FailJob(message) => Some(message),
            Meaning::FailIndex | Meaning::Ignore | Meaning::Count => None,
        }
    });
    if let Some(message) = fatal {
        return Some(("PodFailurePolicy", message));
    }
    if tally.failed > facts.backoff_limit() || restarts_exceed_limit(facts) {
        return Some(("BackoffLimitExceeded", "Job has reached the specified backoff limit".to_owned()));
    }
    let is_over = time_left(facts).is_some_and(|left| left <= SignedDuration::ZERO);
    is_over.then(|| ("DeadlineExceeded", "Job was active longer than specified deadline".to_owned()))
}

fn failure_of_indexes(facts: &Facts<'_>, indexes: &Indexes<'_>) -> Option<(&'static str, String)> {
    let failed = indexes.failed.as_ref().map(super::index_set::IndexSet::count)?;
    if facts.spec.max_failed_indexes.is_some_and(|most| failed > most) {
        let message = "Job has exceeded the specified maximal number of failed indexes";
        return Some(("MaxFailedIndexesExceeded", message.to_owned()));
    }
    let all = failed > 0 && failed + indexes.succeeded.count() >= facts.completions().unwrap_or(0);
    all.then(|| ("FailedIndexes", "Job has failed indexes".to_owned()))
}

/// Containers that are restarted in their Pods count too, where Pods are of that kind.
fn restarts_exceed_limit(facts: &Facts<'_>) -> bool {
    let policy = facts.spec.template.spec.as_ref().map(|spec| text(&spec.restart_policy)).unwrap_or_default();
    if policy != "OnFailure" {
        return false;
    }
    let restarts = |statuses: &[ContainerStatus]| statuses.iter().map(|status| status.restart_count).sum::<i32>();
    let running = facts.pods.iter().filter(|pod| ["Running", "Pending"].contains(&pod.phase));
    let total: i32 = running
        .filter_map(|pod| pod.pod.status.as_ref())
        .map(|status| restarts(list(&status.container_statuses)) + restarts(list(&status.init_container_statuses)))
        .sum();
    let limit = facts.backoff_limit();
    if limit == 0 { total > 0 } else { total >= limit }
}

/// What is left of `activeDeadlineSeconds`. A suspended Job's time does not run, and begins anew when the Job goes on.
pub(super) fn time_left(facts: &Facts<'_>) -> Option<SignedDuration> {
    let is_suspended = facts.is_suspended() || conditions::is_true(facts.status, "Suspended").is_some();
    let seconds = facts.spec.active_deadline_seconds.filter(|_| !is_suspended)?;
    let started = facts.status.start_time.as_ref()?.0;
    Some(SignedDuration::from_secs(seconds) - facts.now.duration_since(started))
}
