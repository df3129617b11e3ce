//! What is kept between two readings: the last use of the processor, and the last size of the writable layer.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::usage::layer::{self, Layer};

/// Readings closer together say nothing about the rate: the last one is told again.
const SHORTEST: i64 = 200_000_000;
/// A walk through a writable layer is good for so long, and for so many times its own length.
const LAYER_IS_FRESH: Duration = Duration::from_secs(10);
const LAYER_COST: u32 = 100;

/// See above.
#[derive(Debug, Default)]
pub struct Meter {
    cpu: Mutex<Option<Reading>>,
    layer: Mutex<Option<Walk>>,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    at: i64,
    total: u64,
    rate: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Walk {
    until: Instant,
    layer: Layer,
    /// Whether the container had ended: then it can't have changed.
    last: bool,
}

impl Meter {
    /// The use of processors since the last reading, or at first since `start`, in nanoseconds per second.
    pub fn rate(&self, at: i64, total: u64, start: Option<i64>) -> Option<u64> {
        let mut last = lock(&self.cpu);
        let before = last.or(start.map(|at| Reading { at, total: 0, rate: None }));
        let rate = match before {
            // A count that went back is that of another cgroup.
            Some(before) if total < before.total => None,
            Some(before) if at - before.at < SHORTEST && last.is_some() => return before.rate,
            Some(before) => per_second(total - before.total, at - before.at),
            None => None,
        };
        *last = Some(Reading { at, total, rate });
        rate
    }

    /// The size of the writable layer in `folder`, measured now or a moment ago.
    pub fn layer(&self, folder: &Path, changing: bool) -> Layer {
        let mut last = lock(&self.layer);
        if let Some(walk) = *last
            && (walk.last || Instant::now() < walk.until)
        {
            return walk.layer;
        }
        let begin = Instant::now();
        let layer = layer::measure(folder);
        let end = Instant::now();
        let until = end + LAYER_IS_FRESH.max((end - begin) * LAYER_COST);
        *last = Some(Walk { until, layer, last: !changing });
        layer
    }
}

fn per_second(nanos: u64, over: i64) -> Option<u64> {
    let over = u128::try_from(over).ok().filter(|over| *over > 0)?;
    u64::try_from(u128::from(nanos) * 1_000_000_000 / over).ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn the_rate_is_that_of_the_last_interval_and_at_first_since_the_start() {
        let meter = Meter::default();
        assert_eq!(meter.rate(2 * SECOND, 1_000_000_000, Some(0)), Some(500_000_000));
        assert_eq!(meter.rate(3 * SECOND, 1_250_000_000, Some(0)), Some(250_000_000));
        assert_eq!(meter.rate(3 * SECOND + 1, 1_250_000_001, Some(0)), Some(250_000_000), "too soon to tell");
        assert_eq!(meter.rate(4 * SECOND, 0, Some(0)), None, "counted anew");
        assert_eq!(Meter::default().rate(SECOND, 5, None), None);
    }
}
