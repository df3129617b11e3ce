//! Whether a node is one that a node selector means.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};

use crate::unset::list;

/// What selectors can ask of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFacts {
    /// `metadata.name`
    pub name: String,
    /// `metadata.labels`
    pub labels: BTreeMap<String, String>,
}

impl NodeFacts {
    /// A node with the labels that every kubelet sets; `arch` in Go's words.
    #[must_use]
    pub fn new(name: &str, arch: &str) -> Self {
        let labels = [("kubernetes.io/hostname", name), ("kubernetes.io/os", "linux"), ("kubernetes.io/arch", arch)];
        let labels = labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Self { name: name.to_owned(), labels }
    }
}

/// Whether one of the selector's terms holds.
#[must_use]
pub fn selects(selector: &NodeSelector, node: &NodeFacts) -> bool {
    selector.node_selector_terms.iter().any(|term| holds(term, node))
}

/// A term without any requirement selects nothing.
fn holds(term: &NodeSelectorTerm, node: &NodeFacts) -> bool {
    let (expressions, fields) = (list(&term.match_expressions), list(&term.match_fields));
    let label = |key: &str| node.labels.get(key).map(String::as_str);
    let field = |key: &str| (key == "metadata.name").then_some(node.name.as_str());
    !(expressions.is_empty() && fields.is_empty())
        && expressions.iter().all(|requirement| is_met(requirement, label(&requirement.key)))
        && fields.iter().all(|requirement| is_met(requirement, field(&requirement.key)))
}

fn is_met(requirement: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = list(&requirement.values);
    let listed = value.is_some_and(|value| values.iter().any(|v| v == value));
    let numbers = || Some((value?.parse::<i64>().ok()?, values.first()?.parse::<i64>().ok()?));
    match requirement.operator.as_str() {
        "In" => listed,
        "NotIn" => !listed,
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => numbers().is_some_and(|(value, bound)| value > bound),
        "Lt" => numbers().is_some_and(|(value, bound)| value < bound),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_term_must_hold_with_all_its_requirements() {
        let node = NodeFacts::new("lab", "amd64");
        let is = |terms: serde_json::Value| {
            selects(&serde_json::from_value(json!({ "nodeSelectorTerms": terms })).unwrap(), &node)
        };
        let host = |operator: &str, values: serde_json::Value| json!({"key": "kubernetes.io/hostname", "operator": operator, "values": values});
        assert!(is(json!([{"matchExpressions": [host("In", json!(["lab"]))]}])));
        assert!(!is(json!([{"matchExpressions": [host("In", json!(["lab"])), host("DoesNotExist", json!(null))]}])));
        assert!(is(
            json!([{"matchExpressions": [host("In", json!(["x"]))]}, {"matchExpressions": [host("Exists", json!(null))]}])
        ));
        assert!(is(json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["lab"]}]}])));
        assert!(!is(json!([{"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["lab"]}]}])));
        assert!(!is(json!([{}])) && !is(json!([])));
    }
}
