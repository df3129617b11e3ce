//! The Pod annotations that are ours, and how their values are read.
//!
//! They carry what the Kubernetes API has no field for (semantics sections 5 and 7): a Pod's own restart
//! back-off, a restart on demand, and a grace period for in-place restarts.

mod go_duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use thiserror::Error;

pub use go_duration::{DurationError, parse as parse_go_duration};

/// `none` or `<initial>..<max>`: the back-off between in-place restarts of this Pod.
pub const RESTART_BACKOFF: &str = "reprise.dev/restart-backoff";
/// An RFC 3339 time; one that is newer than the last one handled restarts the Pod in place.
pub const RESTART_AT: &str = "reprise.dev/restart-at";
/// A Go duration: containers get SIGTERM and this long before they are killed for an in-place restart.
pub const RESTART_GRACE_PERIOD: &str = "reprise.dev/restart-grace-period";

/// What a Pod's annotation makes of the node's back-off limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartBackoffOverride {
    /// Restart at once, always.
    None,
    /// These limits in place of the node's.
    Limits {
        /// The first delay.
        initial: SignedDuration,
        /// The longest delay.
        max: SignedDuration,
    },
}

/// Why the value of one of our annotations cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("annotation {annotation} has the value {value:?}: {problem}")]
pub struct AnnotationError {
    /// The annotation's name.
    pub annotation: &'static str,
    /// Its value as written.
    pub value: String,
    /// What is wrong, and what is right.
    pub problem: AnnotationProblem,
}

/// What is wrong with an annotation's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AnnotationProblem {
    /// Neither `none` nor two durations.
    #[error("must be `none` or `<initial>..<max>` with two durations (e.g. `10s..5m`)")]
    BackoffForm,
    /// A first delay of nothing never grows.
    #[error("the initial delay must be greater than zero; use `none` to switch the delay off")]
    InitialNotPositive,
    /// The longest delay is shorter than the first.
    #[error("the maximum delay must not be less than the initial delay")]
    MaxBelowInitial,
    /// Not an RFC 3339 time.
    #[error("must be an RFC 3339 time (e.g. `2026-01-31T12:00:00Z`)")]
    Time,
    /// Not a duration.
    #[error("must be a duration (e.g. `5s` or `1m30s`): {0}")]
    Duration(DurationError),
    /// A duration below zero.
    #[error("must not be negative")]
    Negative,
}

/// The Pod's own back-off for in-place restarts.
///
/// # Errors
/// If the annotation is there and cannot be read.
pub fn restart_backoff(pod: &Pod) -> Result<Option<RestartBackoffOverride>, AnnotationError> {
    read(pod, RESTART_BACKOFF, parse_backoff)
}

/// When the Pod was last asked to restart in place.
///
/// # Errors
/// If the annotation is there and cannot be read.
pub fn restart_at(pod: &Pod) -> Result<Option<Timestamp>, AnnotationError> {
    read(pod, RESTART_AT, |value| parse_rfc3339(value).ok_or(AnnotationProblem::Time))
}

/// How long containers may take to end after SIGTERM when the Pod restarts in place.
///
/// # Errors
/// If the annotation is there and cannot be read.
pub fn restart_grace_period(pod: &Pod) -> Result<Option<SignedDuration>, AnnotationError> {
    read(pod, RESTART_GRACE_PERIOD, parse_not_negative)
}

fn read<T>(
    pod: &Pod,
    annotation: &'static str,
    parse: impl FnOnce(&str) -> Result<T, AnnotationProblem>,
) -> Result<Option<T>, AnnotationError> {
    let Some(value) = pod.metadata.annotations.as_ref().and_then(|all| all.get(annotation)) else {
        return Ok(None);
    };
    match parse(value) {
        Ok(parsed) => Ok(Some(parsed)),
        Err(problem) => Err(AnnotationError { annotation, value: value.clone(), problem }),
    }
}

fn parse_backoff(value: &str) -> Result<RestartBackoffOverride, AnnotationProblem> {
    if value == "none" {
        return Ok(RestartBackoffOverride::None);
    }
    let (initial, max) = value.split_once("..").ok_or(AnnotationProblem::BackoffForm)?;
    let initial = go_duration::parse(initial).map_err(|_| AnnotationProblem::BackoffForm)?;
    let max = go_duration::parse(max).map_err(|_| AnnotationProblem::BackoffForm)?;
    if initial <= SignedDuration::ZERO {
        return Err(AnnotationProblem::InitialNotPositive);
    }
    if max < initial {
        return Err(AnnotationProblem::MaxBelowInitial);
    }
    Ok(RestartBackoffOverride::Limits { initial, max })
}

fn parse_not_negative(value: &str) -> Result<SignedDuration, AnnotationProblem> {
    let duration = go_duration::parse(value).map_err(AnnotationProblem::Duration)?;
    if duration.is_negative() { Err(AnnotationProblem::Negative) } else { Ok(duration) }
}

/// RFC 3339 and nothing else of what the library reads (week dates, a space for the `T`, bracketed zones).
fn parse_rfc3339(value: &str) -> Option<Timestamp> {
    let bytes = value.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let shaped = bytes.len() >= 20 && separators.iter().all(|&(at, byte)| bytes[at].eq_ignore_ascii_case(&byte));
    if !shaped || value.contains('[') || value.contains(',') {
        return None;
    }
    value.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(annotation: &str, value: &str) -> Pod {
        let mut pod = Pod::default();
        pod.metadata.annotations = Some([(annotation.to_owned(), value.to_owned())].into());
        pod
    }

    fn backoff(value: &str) -> Result<Option<RestartBackoffOverride>, AnnotationProblem> {
        restart_backoff(&pod(RESTART_BACKOFF, value)).map_err(|error| error.problem)
    }

    #[test]
    fn a_pod_without_annotations_asks_for_nothing() {
        assert_eq!(restart_backoff(&Pod::default()), Ok(None));
        assert_eq!(restart_at(&Pod::default()), Ok(None));
        assert_eq!(restart_grace_period(&Pod::default()), Ok(None));
    }

    #[test]
    fn backoff_is_none_or_two_durations_that_grow() {
        assert_eq!(backoff("none"), Ok(Some(RestartBackoffOverride::None)));
        let limits =
            RestartBackoffOverride::Limits { initial: SignedDuration::from_secs(1), max: SignedDuration::from_mins(5) };
        assert_eq!(backoff("1s..5m"), Ok(Some(limits)));
        for bad in ["", "None", "1s", "1s..", "..1s", "1s..2", "1s....2s", "1s-2s"] {
            assert_eq!(backoff(bad), Err(AnnotationProblem::BackoffForm), "{bad:?}");
        }
        assert_eq!(backoff("0..5m"), Err(AnnotationProblem::InitialNotPositive));
        assert_eq!(backoff("2s..1s"), Err(AnnotationProblem::MaxBelowInitial));
    }

    #[test]
    fn restart_at_is_an_rfc_3339_time() {
        let at = |value: &str| restart_at(&pod(RESTART_AT, value)).map_err(|error| error.problem);
        for good in ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+01:00", "2026-01-31t12:00:00z"] {
            assert!(at(good).is_ok_and(|time| time.is_some()), "{good:?}");
        }
        for bad in ["", "now", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-13-31T12:00:00Z"] {
            assert_eq!(at(bad), Err(AnnotationProblem::Time), "{bad:?}");
        }
    }

    #[test]
    fn a_grace_period_is_not_negative() {
        let grace = |value: &str| restart_grace_period(&pod(RESTART_GRACE_PERIOD, value)).map_err(|e| e.problem);
        assert_eq!(grace("1m30s"), Ok(Some(SignedDuration::from_secs(90))));
        assert_eq!(grace("-1s"), Err(AnnotationProblem::Negative));
        assert!(matches!(grace("5"), Err(AnnotationProblem::Duration(DurationError::NoUnit))));
    }

    #[test]
    fn an_error_names_annotation_and_value() {
        let error = restart_at(&pod(RESTART_AT, "soon")).unwrap_err().to_string();
        assert!(error.starts_with("annotation reprise.dev/restart-at has the value \"soon\": must be an RFC 3339"));
    }
}
