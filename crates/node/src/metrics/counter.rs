//! Numbers that only grow, one for each set of label values.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::text::{Label, Text};

/// A counter with labels.
#[derive(Debug)]
pub(crate) struct Counter {
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    values: Mutex<BTreeMap<Vec<String>, u64>>,
}

impl Counter {
    /// A counter that has counted nothing. Without labels it is shown as 0 from the start.
    pub(crate) fn new(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        let first = labels.is_empty().then(|| (Vec::new(), 0));
        Self { name, help, labels, values: Mutex::new(first.into_iter().collect()) }
    }

    /// Counts one with these values of its labels, in their order.
    pub(crate) fn add(&self, values: &[&str]) {
        let key = values.iter().map(|value| (*value).to_owned()).collect();
        *self.values.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
    }

    /// Shows all that was counted.
    pub(crate) fn write(&self, text: &mut Text) {
        text.head(self.name, "counter", self.help);
        for (values, count) in &*self.values.lock().unwrap_or_else(PoisonError::into_inner) {
            text.sample(self.name, &named(self.labels, values), *count as f64);
        }
    }
}

/// Labels with their values.
pub(super) fn named<'a>(labels: &[&'a str], values: &'a [String]) -> Vec<Label<'a>> {
    labels.iter().copied().zip(values.iter().map(String::as_str)).collect()
}
