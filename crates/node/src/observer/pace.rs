//! How often a runtime without events is asked: soon after something has happened, and seldom when nothing does.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::sleep;

/// The shortest pause between two looks.
const SHORTEST: Duration = Duration::from_millis(20);
/// The longest pause between two looks.
const LONGEST: Duration = Duration::from_secs(1);
/// A pause is this part of the time that has passed since something happened: news of a program that has run for a
/// second may come a quarter of a second late, and a program that ends at once is not waited for.
const PART: u32 = 4;

/// The pace of looking, set by whoever expects something.
#[derive(Debug)]
pub(crate) struct Pace {
    stirred: Mutex<Instant>,
    woken: Notify,
}

impl Pace {
    /// Something has just happened.
    pub(crate) fn new() -> Self {
        Self { stirred: Mutex::new(Instant::now()), woken: Notify::new() }
    }

    /// Something has happened, so more may follow: look now, and often for a while.
    pub(crate) fn stir(&self) {
        *self.stirred.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.woken.notify_one();
    }

    /// Waits until it is time to look again.
    pub(super) async fn rest(&self) {
        let stirred = *self.stirred.lock().unwrap_or_else(PoisonError::into_inner);
        let more = pause(stirred.elapsed()).saturating_sub(SHORTEST);
        // Whoever is woken still leaves the shortest pause. A wake-up that comes in it counts for the next rest.
        drop(tokio::time::timeout(more, self.woken.notified()).await);
        sleep(SHORTEST).await;
    }
}

fn pause(since: Duration) -> Duration {
    (since / PART).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_the_time_in_which_nothing_happened() {
        let millis = Duration::from_millis;
        let cases = [(0, 20), (80, 20), (400, 100), (3_999, 999), (4_000, 1_000), (3_600_000, 1_000)];
        for (since, expected) in cases {
            assert_eq!(pause(millis(since)).as_millis(), expected, "{since}");
        }
    }

    #[tokio::test]
    async fn news_ends_a_long_pause() {
        let pace = Pace::new();
        *pace.stirred.lock().unwrap() -= Duration::from_secs(3600);
        let (began, ((), ())) = (Instant::now(), tokio::join!(pace.rest(), async { pace.stir() }));
        assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
    }
}
