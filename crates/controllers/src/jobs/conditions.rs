//! The conditions of a Job.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use reprise_core::unset::{list, text};

/// The condition of this type that is true.
pub(super) fn is_true<'a>(status: &'a JobStatus, kind: &str) -> Option<&'a JobCondition> {
    list(&status.conditions).iter().find(|condition| condition.type_ == kind && condition.status == "True")
}

/// How the Job has ended, if it has.
pub(super) fn finished(job: &Job) -> Option<&JobCondition> {
    let status = job.status.as_ref()?;
    is_true(status, "Complete").or_else(|| is_true(status, "Failed"))
}

/// A condition that has just become true.
pub(super) fn new(kind: &str, reason: &str, message: &str, now: Timestamp) -> JobCondition {
    JobCondition {
        type_: kind.to_owned(),
        status: "True".to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_probe_time: Some(Time(now)),
        last_transition_time: Some(Time(now)),
    }
}

/// Puts it among the status' conditions; one that is false only if there is one to be replaced. Whether something changed.
pub(super) fn put(status: &mut JobStatus, condition: JobCondition) -> bool {
    let old = status.conditions.iter_mut().flatten().find(|old| old.type_ == condition.type_);
    match old {
        Some(old) => {
            let is_same = old.status == condition.status
                && text(&old.reason) == text(&condition.reason)
                && text(&old.message) == text(&condition.message);
            if !is_same {
                *old = condition;
            }
            !is_same
        }
        None if condition.status == "True" => {
            status.conditions.get_or_insert_default().push(condition);
            true
        }
        None => false,
    }
}
