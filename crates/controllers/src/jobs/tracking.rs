//! Counting each Pod once: the way from the finalizer over the uncounted to the counters.

use k8s_openapi::api::batch::v1::{JobCondition, JobStatus};

use super::facts::{Facts, JobPod};
use super::failure_policy::{Meaning, meaning};
use super::per_index::Indexes;

/// So many are noted at once, so that the status does not grow too large.
const MOST: usize = 500;

/// Counts those among the uncounted whose finalizer is gone.
pub(super) fn count_released(facts: &Facts<'_>, status: &mut JobStatus) {
    let is_tracked = |uid: &String| facts.pods.iter().any(|pod| pod.is_tracked && pod.uid == *uid);
    let uncounted = status.uncounted_terminated_pods.get_or_insert_default();
    let released = |uids: &mut Option<Vec<String>>| {
        let uids = uids.get_or_insert_default();
        let before = uids.len();
        uids.retain(is_tracked);
        i32::try_from(before - uids.len()).unwrap_or(i32::MAX)
    };
    let (succeeded, failed) = (released(&mut uncounted.succeeded), released(&mut uncounted.failed));
    if !facts.is_indexed() {
        status.succeeded = Some(status.succeeded.unwrap_or(0) + succeeded);
    }
    status.failed = Some(status.failed.unwrap_or(0) + failed);
}

/// Notes the Pods that have ended, and gives those whose finalizer can be removed when that is written.
pub(super) fn note_ended<'a>(
    facts: &Facts<'a>,
    indexes: &Indexes<'a>,
    verdict: Option<&JobCondition>,
    status: &mut JobStatus,
) -> Vec<JobPod<'a>> {
    let mut release = Vec::new();
    let uncounted = status.uncounted_terminated_pods.get_or_insert_default();
    let is_noted = |pod: &&JobPod<'_>| facts.is_uncounted_success(pod.uid) || facts.is_uncounted_failure(pod.uid);
    let (noted, others): (Vec<_>, Vec<_>) = facts.pods.iter().filter(|pod| pod.is_tracked).partition(is_noted);
    for pod in noted.into_iter().chain(others) {
        if release.len() >= MOST {
            break;
        }
        if !can_be_released(facts, indexes, verdict, pod) {
            continue;
        }
        release.push(*pod);
        if is_noted(&pod) {
            continue;
        }
        if pod.has_succeeded() {
            // An index that has succeeded is counted by itself.
            if !facts.is_indexed() {
                uncounted.succeeded.get_or_insert_default().push(pod.uid.to_owned());
            }
        } else if counts_as_failed(facts, verdict, pod) {
            uncounted.failed.get_or_insert_default().push(pod.uid.to_owned());
        }
    }
    release
}

/// Whether nothing more is to be learnt from the Pod.
fn can_be_released(facts: &Facts<'_>, indexes: &Indexes<'_>, verdict: Option<&JobCondition>, pod: &JobPod<'_>) -> bool {
    if pod.is_active() {
        // Where the Job ends, it is deleted first.
        return false;
    }
    if facts.is_deleted() || verdict.is_some() || pod.has_succeeded() {
        return true;
    }
    let waits = pod.index.and_then(|index| indexes.to_be_replaced.get(&index)).is_some_and(|own| own.uid == pod.uid);
    facts.has_failed(pod) && !waits
}

fn counts_as_failed(facts: &Facts<'_>, verdict: Option<&JobCondition>, pod: &JobPod<'_>) -> bool {
    let has_failed = match verdict.map(|verdict| verdict.type_.as_str()) {
        // Whoever is stopped because others were enough has not failed.
        Some("SuccessCriteriaMet") => pod.phase == "Failed",
        Some(_) => true,
        None => facts.has_failed(pod),
    };
    let has_limit = facts.spec.backoff_limit_per_index.is_some();
    has_failed
        && facts.has_valid_index(pod)
        && meaning(facts.spec.pod_failure_policy.as_ref(), pod.pod, has_limit) != Meaning::Ignore
}
