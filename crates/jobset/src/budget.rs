//! How many restarts a JobSet has had, and how many of them count towards `maxRestarts`.

use crate::types::JobSetStatus;

/// Restarts of the whole JobSet and of single Jobs that count.
pub(crate) fn spent(status: &JobSetStatus) -> i64 {
    let alone = status.replicated_jobs_status.iter().flat_map(|count| &count.job_restarts_count_towards_max);
    i64::from(status.restarts_count_towards_max.unwrap_or(0)) + alone.map(|count| i64::from(*count)).sum::<i64>()
}

/// Restarts of single Jobs that do not count.
pub(crate) fn ignored_of_jobs(status: &JobSetStatus) -> i64 {
    let counts = status.replicated_jobs_status.iter();
    let ignored = counts.map(|count| sum(&count.job_restarts) - sum(&count.job_restarts_count_towards_max));
    ignored.sum::<i64>().max(0)
}

/// Restarts of the whole JobSet that do not count.
pub(crate) fn ignored_of_set(status: &JobSetStatus) -> i64 {
    i64::from(status.restarts) - i64::from(status.restarts_count_towards_max.unwrap_or(0))
}

/// How often the Job with this index was restarted alone.
pub(crate) fn restarts_of(status: &JobSetStatus, entry: &str, index: usize) -> i32 {
    let known = status.replicated_jobs_status.iter().find(|known| known.name == entry);
    known.and_then(|known| known.job_restarts.get(index)).copied().unwrap_or(0)
}

fn sum(numbers: &[i32]) -> i64 {
    numbers.iter().map(|number| i64::from(*number)).sum()
}
