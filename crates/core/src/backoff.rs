//! How long to wait before something that failed is tried again.
//!
//! One doubling delay serves the in-place restart (semantics section 5), the restart of a single
//! container, image pulls and calls that failed. The state is a value in the ledger; limits come in.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A run of this long without failure makes the next failure a first one again.
pub const RESET_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// The bounds of a doubling delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackoffLimits {
    /// The delay after the second failure in a row; the first has none.
    pub initial: SignedDuration,
    /// No delay grows beyond this.
    pub max: SignedDuration,
}

impl Default for BackoffLimits {
    /// 10 s and 300 s, as in Kubernetes.
    fn default() -> Self {
        Self { initial: SignedDuration::from_secs(10), max: SignedDuration::from_secs(300) }
    }
}

impl BackoffLimits {
    /// The delay that `failures` failures in a row earn: none for the first, then `initial`, doubled up to `max`.
    #[must_use]
    pub fn delay_after(&self, failures: u32) -> SignedDuration {
        match failures {
            0 | 1 => SignedDuration::ZERO,
            n => self.doubled(n - 2),
        }
    }

    /// The delay before the next try of something that failed `failures` times in a row and is never retried at once.
    #[must_use]
    pub fn retry_delay(&self, failures: u32) -> SignedDuration {
        self.doubled(failures.saturating_sub(1))
    }

    fn doubled(&self, times: u32) -> SignedDuration {
        let factor = 1_i32.checked_shl(times.min(30)).unwrap_or(i32::MAX);
        self.initial.checked_mul(factor).unwrap_or(self.max).min(self.max)
    }
}

/// How often something failed in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    /// Failures since the last good run.
    pub count: u32,
    /// When the run that follows the last failure began; unset while nothing runs since.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub running_since: Option<Timestamp>,
}

impl Failures {
    /// Notes that a run has begun after a failure.
    pub fn run_began(&mut self, at: Timestamp) {
        self.running_since.get_or_insert(at);
    }

    /// Counts a failure at `at` and says how long to wait from then.
    pub fn failed(&mut self, at: Timestamp, limits: &BackoffLimits) -> SignedDuration {
        if self.running_since.is_some_and(|since| at.duration_since(since) >= RESET_AFTER) {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.running_since = None;
        limits.delay_after(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn the_first_failure_waits_for_nothing_and_further_ones_double_up_to_the_limit() {
        let (mut failures, limits) = (Failures::default(), BackoffLimits::default());
        let waits: Vec<i64> = (0..8).map(|i| failures.failed(at(i), &limits).as_secs()).collect();
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn ten_minutes_of_running_make_the_next_failure_a_first_one() {
        let (mut failures, limits) = (Failures::default(), BackoffLimits::default());
        failures.failed(at(0), &limits);
        failures.run_began(at(1));
        assert_eq!(failures.failed(at(600), &limits).as_secs(), 10);
        failures.run_began(at(1000));
        assert_eq!(failures.failed(at(1600), &limits).as_secs(), 0);
    }

    #[test]
    fn very_many_failures_do_not_overflow() {
        assert_eq!(BackoffLimits::default().delay_after(u32::MAX).as_secs(), 300);
    }
}
