//! Pauses between tries, and telling of trouble once.

use std::time::Duration;

/// Pauses that double up to a longest one, each with some chance in it, so that many who wait do not come back together.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// For calls to the API.
    pub(crate) fn of_calls() -> Self {
        Self::new(Duration::from_millis(200), Duration::from_secs(10))
    }

    /// The pause after one more failure.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = self.next.saturating_mul(2).min(self.longest);
        pause.mul_f64(0.5 + 0.5 * fastrand::f64())
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// Says what goes wrong when it begins or changes, and when it is over: an API that is away for an hour makes two lines.
#[derive(Debug)]
pub(crate) struct Trouble {
    about: &'static str,
    told: Option<String>,
}

impl Trouble {
    pub(crate) fn new(about: &'static str) -> Self {
        Self { about, told: None }
    }

    pub(crate) fn tell(&mut self, error: &dyn std::error::Error) {
        let text = reprise_node::chain(error);
        if self.told.as_ref() == Some(&text) {
            return tracing::debug!(error = text, "{}", self.about);
        }
        tracing::warn!(error = text, "{}", self.about);
        self.told = Some(text);
    }

    pub(crate) fn over(&mut self) {
        if self.told.take().is_some() {
            tracing::warn!("{}: this is over", self.about);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_begin_again() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(4));
        for (least, most) in [(500, 1000), (1000, 2000), (2000, 4000), (2000, 4000)] {
            let pause = backoff.pause();
            assert!(pause >= Duration::from_millis(least) && pause <= Duration::from_millis(most), "{pause:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_secs(1));
    }
}
