//! What follows from Jobs that have failed: the failure policy.

use jiff::Timestamp;
use regex::Regex;
use reprise_core::unset::text;

use super::children::{Child, Progress};
use super::ending::{REACHED_MAX_RESTARTS, REACHED_MAX_RESTARTS_MESSAGE, fail};
use crate::budget;
use crate::conditions::{Change, Note, RESTARTING, put};
use crate::types::{FailurePolicy, FailurePolicyRule, JobSetSpec, JobSetStatus, ReplicatedJobStatus};

/// What is done where no rule fits.
const DEFAULT_ACTION: &str = "RestartJobSet";

/// Applies the failure policy to the status, if a Job has failed. Whether one has.
pub(super) fn apply(
    spec: &JobSetSpec,
    children: &[Child<'_>],
    status: &mut JobSetStatus,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> bool {
    let mut failed: Vec<&Child<'_>> = children.iter().filter(|child| child.is(Progress::Failed)).collect();
    // The first failure is the cause, others may be what follows from it.
    failed
        .sort_by_key(|child| (child.failure().and_then(|failure| failure.last_transition_time.as_ref()), child.name()));
    let Some(first) = failed.first() else { return false };
    let Some(policy) = &spec.failure_policy else {
        let message = about("jobset failed due to one or more job failures", first);
        fail(status, "FailedJobs", &message, now, notes);
        return true;
    };
    let matched = policy.rules.iter().find_map(|rule| {
        let child = failed.iter().find(|child| fits(rule, child, spec))?;
        Some((rule, *child))
    });
    let (rule, job) = matched.map_or((None, *first), |(rule, child)| (Some(rule), child));
    Action { spec, policy, rule, job, now }.apply(status, notes);
    true
}

struct Action<'a> {
    spec: &'a JobSetSpec,
    policy: &'a FailurePolicy,
    rule: Option<&'a FailurePolicyRule>,
    job: &'a Child<'a>,
    now: Timestamp,
}

impl Action<'_> {
    fn apply(&self, status: &mut JobSetStatus, notes: &mut Vec<Note>) {
        let action = self.rule.map_or(DEFAULT_ACTION, |rule| &rule.action);
        let message = about(&format!("applying {action} failure policy action"), self.job);
        let reason = format!("{action}FailurePolicyAction");
        if action == "FailJobSet" {
            fail(status, &reason, &message, self.now, notes);
            return;
        }
        let counts = !action.ends_with("AndIgnoreMaxRestarts");
        if counts && budget::spent(status) >= i64::from(self.policy.max_restarts.unwrap_or(0)) {
            let message = about(REACHED_MAX_RESTARTS_MESSAGE, self.job);
            fail(status, REACHED_MAX_RESTARTS, &message, self.now, notes);
            return;
        }
        if action.starts_with("RestartJobSet") {
            self.restart_all(status, counts, &message, notes);
        } else {
            self.restart_job(status, counts);
        }
        notes.push(Note { is_warning: true, reason, message });
    }

    fn restart_all(&self, status: &mut JobSetStatus, counts: bool, message: &str, notes: &mut Vec<Note>) {
        status.restarts = status.restarts.saturating_add(1);
        if counts {
            let counted = status.restarts_count_towards_max.get_or_insert(0);
            *counted = counted.saturating_add(1);
        }
        let reason =
            self.rule.map_or_else(|| "DefaultFailurePolicy".to_owned(), |rule| format!("FailurePolicy_{}", rule.name));
        let change = Change { kind: RESTARTING, holds: true, is_warning: true, reason: &reason, message };
        put(status, &change, self.now, notes);
    }

    fn restart_job(&self, status: &mut JobSetStatus, counts: bool) {
        let Some(entry) = self.job.entry.map(|entry| &self.spec.replicated_jobs[entry]) else { return };
        let replicas = usize::try_from(entry.replicas.unwrap_or(1)).unwrap_or(0);
        let all = &mut status.replicated_jobs_status;
        let at = all.iter().position(|known| known.name == entry.name).unwrap_or_else(|| {
            all.push(ReplicatedJobStatus { name: entry.name.clone(), ..ReplicatedJobStatus::default() });
            all.len() - 1
        });
        let known = &mut all[at];
        let mut numbers = vec![&mut known.job_restarts];
        numbers.extend(counts.then_some(&mut known.job_restarts_count_towards_max));
        for numbers in numbers {
            numbers.resize(replicas.max(numbers.len()), 0);
            if let Some(number) = numbers.get_mut(self.job.index) {
                *number = number.saturating_add(1);
            }
        }
    }
}

fn fits(rule: &FailurePolicyRule, child: &Child<'_>, spec: &JobSetSpec) -> bool {
    let Some((failure, entry)) = child.failure().zip(child.entry) else { return false };
    let one_of = |all: &[String], own: &str| all.is_empty() || all.iter().any(|one| one == own);
    one_of(&rule.on_job_failure_reasons, text(&failure.reason))
        && one_of(&rule.target_replicated_jobs, &spec.replicated_jobs[entry].name)
        && says(&rule.on_job_failure_message_patterns, text(&failure.message))
}

/// Patterns that are none fit nothing; the JobSet was told when it was made.
fn says(patterns: &[String], message: &str) -> bool {
    let fits = |pattern: &String| Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(message));
    patterns.is_empty() || patterns.iter().any(fits)
}

fn about(message: &str, first: &Child<'_>) -> String {
    format!("{message} (first failed job: {})", first.name())
}
