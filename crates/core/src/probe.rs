//! Probes: which there are, when each one runs, and what its results come to.
//!
//! Counting is a decision like any other, so it is done here, by value; the node only runs the probe and waits. A verdict
//! belongs to one run of a container, named by its id in the runtime: a probe of an older epoch can't act on the new one.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Container, Probe};

/// What a probe decides about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeKind {
    /// Whether the container has come up. Until it has, the other two don't run.
    Startup,
    /// Whether it is to go on running.
    Liveness,
    /// Whether it is ready for requests.
    Readiness,
}

impl ProbeKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Startup, Self::Liveness, Self::Readiness];

    /// As Events and messages name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
        }
    }

    /// The container's probe of this kind.
    #[must_use]
    pub fn of(self, container: &Container) -> Option<&Probe> {
        match self {
            Self::Startup => container.startup_probe.as_ref(),
            Self::Liveness => container.liveness_probe.as_ref(),
            Self::Readiness => container.readiness_probe.as_ref(),
        }
    }
}

/// A probe that is to run now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProbeTask {
    /// The container's name.
    pub container: String,
    /// The run's id in the runtime.
    pub id: String,
    /// Which probe.
    pub kind: ProbeKind,
    /// When the container's program started: the initial delay counts from here.
    pub started_at: Timestamp,
}

/// What a probe's results have come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeVerdict {
    /// Whether it passes.
    pub passes: bool,
    /// What the last failure said; empty if it passes.
    pub message: String,
}

/// A probe's timing, with the API's defaults where nothing is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From the start of the program to the first try.
    pub initial_delay: SignedDuration,
    /// From one try to the next.
    pub period: SignedDuration,
    /// How long a try may take.
    pub timeout: SignedDuration,
    /// Successes in a row that make it pass.
    pub success_threshold: u32,
    /// Failures in a row that make it fail.
    pub failure_threshold: u32,
}

impl Timing {
    /// The timing that `probe` asks for.
    #[must_use]
    pub fn of(probe: &Probe) -> Self {
        let seconds = |value: Option<i32>, default: i32| SignedDuration::from_secs(i64::from(value.unwrap_or(default)));
        let count =
            |value: Option<i32>, default: u32| value.and_then(|n| u32::try_from(n).ok()).unwrap_or(default).max(1);
        Self {
            initial_delay: seconds(probe.initial_delay_seconds, 0).max(SignedDuration::ZERO),
            period: seconds(probe.period_seconds, 10).max(SignedDuration::from_secs(1)),
            timeout: seconds(probe.timeout_seconds, 1).max(SignedDuration::from_secs(1)),
            success_threshold: count(probe.success_threshold, 1),
            failure_threshold: count(probe.failure_threshold, 3),
        }
    }
}

/// Counts results in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    passed_last: Option<bool>,
    in_a_row: u32,
}

impl Tally {
    /// Takes in one result. Some when it comes to a verdict: as often in a row as the threshold asks for.
    pub fn count(&mut self, passed: bool, timing: &Timing) -> Option<bool> {
        self.in_a_row = if self.passed_last == Some(passed) { self.in_a_row.saturating_add(1) } else { 1 };
        self.passed_last = Some(passed);
        let threshold = if passed { timing.success_threshold } else { timing.failure_threshold };
        (self.in_a_row >= threshold).then_some(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(success_threshold: u32, failure_threshold: u32) -> Timing {
        Timing { success_threshold, failure_threshold, ..Timing::of(&Probe::default()) }
    }

    #[test]
    fn a_verdict_takes_as_many_results_in_a_row_as_its_threshold() {
        let (mut tally, timing) = (Tally::default(), timing(2, 3));
        let verdicts: Vec<_> = [false, false, true, false, false, false, true, true, true]
            .into_iter()
            .map(|passed| tally.count(passed, &timing))
            .collect();
        let (no, yes) = (Some(false), Some(true));
        assert_eq!(verdicts, [None, None, None, None, None, no, None, yes, yes]);
    }

    #[test]
    fn timing_has_the_defaults_of_the_api() {
        let timing = Timing::of(&Probe::default());
        assert_eq!((timing.initial_delay.as_secs(), timing.period.as_secs(), timing.timeout.as_secs()), (0, 10, 1));
        assert_eq!((timing.success_threshold, timing.failure_threshold), (1, 3));
    }
}
