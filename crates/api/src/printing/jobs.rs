//! Columns of Jobs.

use jiff::Timestamp;
use serde_json::Value;

use super::age::duration;
use super::field::{has_condition, is_there, items, joined, number, time};
use super::labels::selector;
use super::{Column, Columns};

/// Conditions that name a Job's state, the first that holds wins; the middle is its deletion.
const ENDED: [&str; 2] = ["Complete", "Failed"];
const UNDER_WAY: [&str; 3] = ["Suspended", "FailureTarget", "SuccessCriteriaMet"];

/// Columns of Jobs.
pub static JOBS: Columns = Columns(&[
    Column::NAME,
    Column::text("Status", "The Job's state.", |job, _| status(job).into()),
    Column::text("Completions", "How many Pods have succeeded, of how many.", completions),
    Column::text("Duration", "For how long the Job has run, or ran.", run_time),
    Column::AGE,
    Column::text("Containers", "The containers' names.", |job, _| of_containers(job, "/name")).wide(),
    Column::text("Images", "The containers' images.", |job, _| of_containers(job, "/image")).wide(),
    Column::text("Selector", "What the Job's Pods are found by.", |job, _| selector(job, "/spec/selector")).wide(),
]);

fn status(job: &Value) -> &'static str {
    let holds = |name: &&&'static str| has_condition(job, name, "True");
    let deleted = is_there(job, "/metadata/deletionTimestamp").then_some("Terminating");
    let ended = ENDED.iter().find(holds).copied();
    ended.or(deleted).or_else(|| UNDER_WAY.iter().find(holds).copied()).unwrap_or("Running")
}

fn completions(job: &Value, _: Timestamp) -> Value {
    let succeeded = number(job, "/status/succeeded");
    let parallelism = number(job, "/spec/parallelism");
    if is_there(job, "/spec/completions") {
        format!("{succeeded}/{}", number(job, "/spec/completions"))
    } else if parallelism > 1 {
        format!("{succeeded}/1 of {parallelism}")
    } else {
        format!("{succeeded}/1")
    }
    .into()
}

fn run_time(job: &Value, now: Timestamp) -> Value {
    let Some(start) = time(job, "/status/startTime") else { return "".into() };
    let end = time(job, "/status/completionTime").unwrap_or(now);
    duration(end.duration_since(start).as_millis()).into()
}

fn of_containers(job: &Value, field: &str) -> Value {
    joined(items(job, "/spec/template/spec/containers"), field, ",").into()
}
