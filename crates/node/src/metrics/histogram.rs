//! How long things took, sorted into buckets, one histogram for each set of label values.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::counter::named;
use super::text::Text;

/// A histogram of durations with labels.
#[derive(Debug)]
pub(crate) struct Histogram {
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    bounds: Vec<f64>,
    values: Mutex<BTreeMap<Vec<String>, Buckets>>,
}

/// What was seen with one set of label values.
#[derive(Debug, Clone, Default)]
struct Buckets {
    /// How many were in each bucket and in none before it; the last is above all bounds.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// A histogram with these upper bounds in seconds, ascending.
    pub(crate) fn new(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
        bounds: impl Into<Vec<f64>>,
    ) -> Self {
        Self { name, help, labels, bounds: bounds.into(), values: Mutex::default() }
    }

    /// Takes note of one duration.
    pub(crate) fn observe(&self, values: &[&str], took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = self.bounds.partition_point(|bound| *bound < seconds);
        let key = values.iter().map(|value| (*value).to_owned()).collect();
        let mut all = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let buckets = all.entry(key).or_default();
        buckets.counts.resize(self.bounds.len() + 1, 0);
        buckets.counts[bucket] += 1;
        buckets.sum += seconds;
    }

    /// Shows all that was seen.
    pub(crate) fn write(&self, text: &mut Text) {
        text.head(self.name, "histogram", self.help);
        for (values, buckets) in &*self.values.lock().unwrap_or_else(PoisonError::into_inner) {
            let labels = named(self.labels, values);
            let bounds = self.bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
            let mut so_far = 0;
            for (bound, count) in bounds.zip(&buckets.counts) {
                so_far += count;
                let mut with_bound = labels.clone();
                with_bound.push(("le", &bound));
                text.sample(&format!("{}_bucket", self.name), &with_bound, so_far as f64);
            }
            text.sample(&format!("{}_sum", self.name), &labels, buckets.sum);
            text.sample(&format!("{}_count", self.name), &labels, so_far as f64);
        }
    }
}

/// `count` bounds, each `factor` times the one before.
pub(crate) fn exponential(first: f64, factor: f64, count: usize) -> Vec<f64> {
    std::iter::successors(Some(first), |bound| Some(bound * factor)).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_all_that_is_not_above_them() {
        let histogram = Histogram::new("h", "Help.", &["phase"], [0.1, 1.0]);
        for millis in [50, 100, 500, 5000] {
            histogram.observe(&["ready"], Duration::from_millis(millis));
        }
        let mut text = Text::default();
        histogram.write(&mut text);
        let text = text.into_string();
        let samples: Vec<&str> = text.lines().skip(2).collect();
        let expected = [
            "h_bucket{phase=\"ready\",le=\"0.1\"} 2",
            "h_bucket{phase=\"ready\",le=\"1\"} 3",
            "h_bucket{phase=\"ready\",le=\"+Inf\"} 4",
            "h_sum{phase=\"ready\"} 5.65",
            "h_count{phase=\"ready\"} 4",
        ];
        assert_eq!(samples, expected);
    }

    #[test]
    fn exponential_bounds_grow_by_their_factor() {
        assert_eq!(exponential(0.5, 2.0, 4), [0.5, 1.0, 2.0, 4.0]);
    }
}
