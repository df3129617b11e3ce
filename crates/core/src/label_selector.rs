//! Which labels a label selector means.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use crate::unset::{entries, list};

/// Whether all that the selector requires holds. One that requires nothing means everything.
#[must_use]
pub fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    entries(&selector.match_labels).all(|(key, value)| labels.get(key) == Some(value))
        && list(&selector.match_expressions).iter().all(|expression| is_met(expression, labels))
}

fn is_met(expression: &LabelSelectorRequirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(&expression.key);
    let listed = value.is_some_and(|value| list(&expression.values).contains(value));
    match expression.operator.as_str() {
        "In" => listed,
        "NotIn" => !listed,
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_requirements_must_hold() {
        let labels = BTreeMap::from([("app".to_owned(), "a".to_owned())]);
        let is = |selector: serde_json::Value| matches(&serde_json::from_value(selector).unwrap(), &labels);
        assert!(is(json!({})));
        assert!(is(json!({"matchLabels": {"app": "a"}})) && !is(json!({"matchLabels": {"app": "b"}})));
        let app = |operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": "app", "operator": operator, "values": values}]});
        assert!(is(app("In", &["a", "b"])) && !is(app("NotIn", &["a"])) && is(app("Exists", &[])));
        assert!(!is(app("DoesNotExist", &[])) && is(app("NotIn", &["b"])));
        let both = json!({"matchLabels": {"app": "a"}, "matchExpressions": [{"key": "x", "operator": "Exists"}]});
        assert!(!is(both));
    }
}
