//! How long certificates are good, and when they are made anew.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

const DAY: Duration = Duration::from_secs(86_400);
/// Clocks of machines differ, and one may be set a little back.
const BEFORE: Duration = Duration::from_secs(3_600);

/// How long a kind of certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    /// From when it is made.
    good_for: Duration,
    /// With less than this left, it is made anew at start.
    renewed_with: Duration,
}

impl Validity {
    /// The authority's.
    pub(super) const AUTHORITY: Self =
        Self { good_for: DAY.saturating_mul(3650), renewed_with: DAY.saturating_mul(800) };
    /// What it signs: agents run for months.
    pub(super) const SIGNED: Self = Self { good_for: DAY.saturating_mul(730), renewed_with: DAY.saturating_mul(365) };

    /// From when to when one made now is good.
    pub(super) fn from(self, now: Timestamp) -> (SystemTime, SystemTime) {
        let now = SystemTime::from(now);
        (now - BEFORE, now + self.good_for)
    }

    /// Whether one that ends then (seconds since 1970) is to be made anew.
    pub(super) fn is_near_end(self, ends: i64, now: Timestamp) -> bool {
        let left = ends.saturating_sub(now.as_second());
        left < i64::try_from(self.renewed_with.as_secs()).unwrap_or(i64::MAX)
    }
}
