//! `successPolicy`: which indexes are enough.

use k8s_openapi::api::batch::v1::SuccessPolicy;

use super::index_set::IndexSet;

/// The message for the first rule that is met.
pub(super) fn met(policy: Option<&SuccessPolicy>, completions: i32, succeeded: &IndexSet) -> Option<String> {
    let rules = policy.map(|policy| policy.rules.as_slice()).unwrap_or_default();
    let number = rules.iter().position(|rule| {
        let meant = rule.succeeded_indexes.as_ref().map(|indexes| IndexSet::parse(indexes, completions));
        let own = match &meant {
            Some(meant) => meant.iter().filter(|index| succeeded.contains(*index)).count(),
            None => succeeded.iter().count(),
        };
        match (rule.succeeded_count, meant) {
            (Some(count), _) => own >= usize::try_from(count).unwrap_or(0),
            (None, Some(meant)) => own == meant.iter().count(),
            (None, None) => false,
        }
    })?;
    Some(format!("Matched rules at index {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn number(rules: Value, succeeded: &str) -> Option<String> {
        let policy: SuccessPolicy = serde_json::from_value(json!({ "rules": rules })).unwrap();
        met(Some(&policy), 10, &IndexSet::parse(succeeded, 10))
    }

    #[test]
    fn all_named_indexes_or_so_many_of_them_are_enough() {
        let leader = json!([{"succeededIndexes": "0"}, {"succeededIndexes": "1-9", "succeededCount": 3}]);
        assert_eq!(number(leader.clone(), "0"), Some("Matched rules at index 0".to_owned()));
        assert_eq!(number(leader.clone(), "2,3"), None);
        assert_eq!(number(leader, "2-4"), Some("Matched rules at index 1".to_owned()));
        assert_eq!(number(json!([{"succeededCount": 2}]), "8,9"), Some("Matched rules at index 0".to_owned()));
    }
}
