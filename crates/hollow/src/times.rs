//! How long things take. The middle of each is what `cargo xtask bench cri` measured of the embedded runtime (the medians of
//! docs/benchmarks.md); each call draws its own time around that.

use std::time::Duration;

/// The typical time of each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// RunPodSandbox.
    pub run_sandbox: Duration,
    /// StopPodSandbox.
    pub stop_sandbox: Duration,
    /// RemovePodSandbox.
    pub remove_sandbox: Duration,
    /// CreateContainer.
    pub create: Duration,
    /// StartContainer, until the program runs.
    pub start: Duration,
    /// From a signal until a container has ended.
    pub end: Duration,
    /// RemoveContainer.
    pub remove: Duration,
}

/// The shortest and longest time that is drawn, in hundredths of the typical one: about what lies between the fastest calls and the
/// slowest tenth where it was measured.
const SPREAD: std::ops::RangeInclusive<u32> = 80..=140;

impl Times {
    /// As measured.
    #[must_use]
    pub const fn measured() -> Self {
        Self {
            run_sandbox: Duration::from_micros(21_800),
            stop_sandbox: Duration::from_micros(16_900),
            remove_sandbox: Duration::from_micros(2_700),
            create: Duration::from_micros(2_800),
            start: Duration::from_micros(18_700),
            end: Duration::from_micros(1_400),
            remove: Duration::from_micros(1_100),
        }
    }
}

impl Default for Times {
    fn default() -> Self {
        Self::measured()
    }
}

/// Lets a time around `typical` pass.
pub(crate) async fn pass(typical: Duration) {
    tokio::time::sleep(around(typical, fastrand::u32(SPREAD))).await;
}

fn around(typical: Duration, hundredths: u32) -> Duration {
    typical * hundredths / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_drawn_lies_around_what_was_measured() {
        let begun = tokio::time::Instant::now();
        for _ in 0..100 {
            pass(Duration::from_millis(10)).await;
        }
        let mean = begun.elapsed() / 100;
        assert!(mean > Duration::from_millis(9) && mean < Duration::from_millis(15), "{mean:?}");
        assert_eq!(around(Duration::from_millis(10), *SPREAD.end()), Duration::from_millis(14));
    }
}
