//! How JobSets have ended, in Prometheus' text format with the published names.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cache::ObjectKey;

const FAILED: (&str, &str) = ("jobset_failed_total", "The total number of failed JobSets");
const COMPLETED: (&str, &str) = ("jobset_completed_total", "The total number of completed JobSets");

/// Counts since the process began. Clones count the same.
#[derive(Debug, Clone, Default)]
pub struct JobSetMetrics(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    failed: BTreeMap<ObjectKey, u64>,
    completed: BTreeMap<ObjectKey, u64>,
}

impl JobSetMetrics {
    /// Counts a JobSet that has ended.
    pub(super) fn ended(&self, key: &ObjectKey, has_failed: bool) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = if has_failed { &mut counts.failed } else { &mut counts.completed };
        *counts.entry(key.clone()).or_default() += 1;
    }

    /// All counts.
    #[must_use]
    pub fn text(&self) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for ((name, help), counts) in [(FAILED, &counts.failed), (COMPLETED, &counts.completed)] {
            // Writing to a string can't fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
            for (key, count) in counts {
                let ObjectKey { namespace, name: set } = key;
                let _ = writeln!(text, "{name}{{jobset_name=\"{set}\",namespace=\"{namespace}\"}} {count}");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_is_counted_under_the_published_name() {
        let metrics = JobSetMetrics::default();
        metrics.ended(&ObjectKey::new("default", "train"), true);
        metrics.ended(&ObjectKey::new("default", "train"), true);
        metrics.ended(&ObjectKey::new("default", "serve"), false);
        let text = metrics.text();
        assert!(text.contains("\njobset_failed_total{jobset_name=\"train\",namespace=\"default\"} 2\n"), "{text}");
        assert!(text.contains("\njobset_completed_total{jobset_name=\"serve\",namespace=\"default\"} 1\n"), "{text}");
    }
}
