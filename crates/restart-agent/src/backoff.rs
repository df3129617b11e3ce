//! Pauses between tries. Thousands of agents lose the API at the same moment, so no two wait equally long.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// The pause before the next try, which grows until one succeeds.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// How long to wait now: between half of what is due and all of it.
    pub fn pause(&mut self) -> Duration {
        let due = self.next;
        self.next = (due * 2).min(LONGEST);
        due.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// A try has succeeded.
    pub fn reset(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew_after_success() {
        let mut backoff = Backoff::default();
        let mut due = FIRST;
        for _ in 0..20 {
            let pause = backoff.pause();
            assert!(pause >= due / 2 && pause <= due, "{pause:?} of {due:?}");
            due = (due * 2).min(LONGEST);
        }
        assert_eq!(due, LONGEST);
        backoff.reset();
        assert!(backoff.pause() <= FIRST);
    }
}
