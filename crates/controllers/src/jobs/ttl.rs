//! `ttlSecondsAfterFinished`: a Job that has ended goes some time later.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;

use super::conditions;

/// How long the Job has to stay, if it goes by itself. Nothing is left when it is to be deleted.
pub(super) fn time_left(job: &Job, now: Timestamp) -> Option<SignedDuration> {
    let seconds = job.spec.as_ref()?.ttl_seconds_after_finished?;
    let finished = conditions::finished(job)?.last_transition_time.as_ref()?.0;
    if job.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let left = SignedDuration::from_secs(seconds.into()) - now.duration_since(finished);
    Some(left.max(SignedDuration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_job_that_has_ended_goes_and_only_when_its_time_is_up() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let mut job = json!({"spec": {"ttlSecondsAfterFinished": 90, "template": {}}, "status": {"conditions": []}});
        let left = |job: &serde_json::Value| time_left(&serde_json::from_value(job.clone()).unwrap(), now);
        assert_eq!(left(&job), None);
        job["status"]["conditions"] =
            json!([{"type": "Failed", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
        assert_eq!(left(&job), Some(SignedDuration::from_secs(30)));
        job["spec"]["ttlSecondsAfterFinished"] = json!(0);
        assert_eq!(left(&job), Some(SignedDuration::ZERO));
        job["spec"].as_object_mut().unwrap().remove("ttlSecondsAfterFinished");
        assert_eq!(left(&job), None);
    }
}
