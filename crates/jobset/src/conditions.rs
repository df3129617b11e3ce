//! The conditions of a JobSet, and what is told when one changes.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::types::JobSetStatus;

/// It has succeeded.
pub const COMPLETED: &str = "Completed";
/// It has failed.
pub const FAILED: &str = "Failed";
/// Its Jobs are suspended.
pub const SUSPENDED: &str = "Suspended";
/// All of it, or a Job of it, is made anew.
pub const RESTARTING: &str = "RestartingJobSet";
/// With `InOrder`: not all Jobs have started.
pub const STARTUP_IN_PROGRESS: &str = "StartupPolicyInProgress";
/// With `InOrder`: all Jobs have started.
pub const STARTUP_COMPLETED: &str = "StartupPolicyCompleted";

/// Something to be told of a JobSet, as an Event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whether somebody may want to do something about it.
    pub is_warning: bool,
    /// One word.
    pub reason: String,
    /// A sentence.
    pub message: String,
}

/// The condition of this type that is true.
#[must_use]
pub fn find_true<'a>(status: &'a JobSetStatus, kind: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == kind && condition.status == "True")
}

/// The condition by which a JobSet has ended.
#[must_use]
pub fn finished(status: &JobSetStatus) -> Option<&Condition> {
    find_true(status, COMPLETED).or_else(|| find_true(status, FAILED))
}

/// What becomes of a condition.
#[derive(Debug, Clone)]
pub(crate) struct Change<'a> {
    pub kind: &'static str,
    pub holds: bool,
    pub is_warning: bool,
    pub reason: &'a str,
    pub message: &'a str,
}

/// Changes the condition; what changed is noted. One that never held is not there.
pub(crate) fn put(status: &mut JobSetStatus, change: &Change<'_>, now: Timestamp, notes: &mut Vec<Note>) {
    let value = if change.holds { "True" } else { "False" };
    let known = status.conditions.iter_mut().find(|condition| condition.type_ == change.kind);
    let mut condition = Condition {
        type_: change.kind.to_owned(),
        status: value.to_owned(),
        reason: change.reason.to_owned(),
        message: change.message.to_owned(),
        last_transition_time: Time(now),
        observed_generation: None,
    };
    match known {
        None if !change.holds => return,
        None => status.conditions.push(condition),
        Some(known) => {
            let is_same = known.status == value;
            if is_same && known.reason == change.reason && known.message == change.message {
                return;
            }
            if is_same {
                condition.last_transition_time = known.last_transition_time.clone();
            }
            *known = condition;
        }
    }
    if change.holds {
        end_opposite(status, change.kind, now);
    }
    let (reason, message) = (change.reason.to_owned(), change.message.to_owned());
    notes.push(Note { is_warning: change.is_warning, reason, message });
}

/// The startup is in progress or completed, not both.
fn end_opposite(status: &mut JobSetStatus, kind: &str, now: Timestamp) {
    let opposite = match kind {
        STARTUP_IN_PROGRESS => STARTUP_COMPLETED,
        STARTUP_COMPLETED => STARTUP_IN_PROGRESS,
        _ => return,
    };
    let opposite = status.conditions.iter_mut().find(|own| own.type_ == opposite && own.status == "True");
    if let Some(opposite) = opposite {
        "False".clone_into(&mut opposite.status);
        opposite.last_transition_time = Time(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_at(status: &mut JobSetStatus, second: i64, kind: &'static str, holds: bool, reason: &str) -> usize {
        let mut notes = Vec::new();
        let now = Timestamp::from_second(second).unwrap_or_default();
        put(status, &Change { kind, holds, is_warning: false, reason, message: "m" }, now, &mut notes);
        notes.len()
    }

    #[test]
    fn a_condition_appears_when_it_first_holds_and_changes_its_time_with_its_status() {
        let mut status = JobSetStatus::default();
        assert_eq!(put_at(&mut status, 1, SUSPENDED, false, "ResumeJobs"), 0);
        assert!(status.conditions.is_empty());
        assert_eq!(put_at(&mut status, 2, SUSPENDED, true, "SuspendedJobs"), 1);
        assert_eq!(put_at(&mut status, 3, SUSPENDED, true, "SuspendedJobs"), 0);
        assert_eq!(put_at(&mut status, 4, SUSPENDED, true, "Other"), 1);
        assert_eq!(status.conditions[0].last_transition_time.0.as_second(), 2);
        assert_eq!(put_at(&mut status, 5, SUSPENDED, false, "ResumeJobs"), 1);
        assert_eq!(status.conditions[0].last_transition_time.0.as_second(), 5);
    }

    #[test]
    fn a_startup_is_in_progress_or_completed() {
        let mut status = JobSetStatus::default();
        put_at(&mut status, 1, STARTUP_IN_PROGRESS, true, "a");
        put_at(&mut status, 2, STARTUP_COMPLETED, true, "b");
        assert!(find_true(&status, STARTUP_IN_PROGRESS).is_none());
        put_at(&mut status, 3, STARTUP_IN_PROGRESS, true, "a");
        assert!(find_true(&status, STARTUP_COMPLETED).is_none() && find_true(&status, STARTUP_IN_PROGRESS).is_some());
    }
}
