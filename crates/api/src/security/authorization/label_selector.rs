//! Which labels a selector takes.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use reprise_core::unset::{entries, list};

/// Whether the selector takes these labels. One that is not right takes none.
pub(super) fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let is_right = |key: &str, operator: &str, values: &[String]| {
        let value = labels.get(key);
        match operator {
            "In" => value.is_some_and(|value| values.contains(value)),
            "NotIn" => !value.is_some_and(|value| values.contains(value)),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    };
    entries(&selector.match_labels).all(|(key, value)| labels.get(key) == Some(value))
        && list(&selector.match_expressions).iter().all(|each| is_right(&each.key, &each.operator, list(&each.values)))
}
