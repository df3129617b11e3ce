//! Whether somebody already may do all that a role allows: nobody may give away more than they have.

use k8s_openapi::api::rbac::v1::PolicyRule;
use reprise_core::unset::list;

use super::rule::{ALL, covers_resource, covers_url};

/// A rule that is no single rule's part is taken apart into single permissions, up to so many.
const MAX_PARTS: usize = 50_000;

/// The rules that none of `held` allow.
pub(in crate::security) fn uncovered(held: &[&PolicyRule], wanted: &[PolicyRule]) -> Vec<PolicyRule> {
    let is_covered = |rule: &PolicyRule| held.iter().any(|held| covers(held, rule));
    let mut missing = Vec::new();
    for rule in wanted.iter().filter(|rule| !is_covered(rule)) {
        match parts(rule) {
            None => missing.push(rule.clone()),
            Some(parts) => missing.extend(parts.into_iter().filter(|part| !is_covered(part))),
        }
    }
    missing
}

/// Whether one rule allows all that another does.
fn covers(held: &PolicyRule, wanted: &PolicyRule) -> bool {
    let all = |held: &[String], wanted: &[String]| {
        held.iter().any(|one| one == ALL) || wanted.iter().all(|one| held.contains(one))
    };
    let any_resource = |wanted: &String| {
        let (resource, subresource) = wanted.split_once('/').unwrap_or((wanted, ""));
        list(&held.resources).iter().any(|held| held == wanted || covers_resource(held, resource, subresource))
    };
    let any_url = |wanted: &String| list(&held.non_resource_urls).iter().any(|held| covers_url(held, wanted));
    let names = list(&held.resource_names);
    let has_names = names.is_empty()
        || (!list(&wanted.resource_names).is_empty()
            && list(&wanted.resource_names).iter().all(|name| names.contains(name)));
    all(&held.verbs, &wanted.verbs)
        && all(list(&held.api_groups), list(&wanted.api_groups))
        && list(&wanted.resources).iter().all(any_resource)
        && list(&wanted.non_resource_urls).iter().all(any_url)
        && (list(&wanted.resources).is_empty() || has_names)
}

/// One permission each; nothing if they are too many.
fn parts(rule: &PolicyRule) -> Option<Vec<PolicyRule>> {
    let names = list(&rule.resource_names);
    let (groups, resources, urls) = (list(&rule.api_groups), list(&rule.resources), list(&rule.non_resource_urls));
    let per_verb =
        groups.len().checked_mul(resources.len())?.checked_mul(names.len().max(1))?.checked_add(urls.len())?;
    if per_verb.checked_mul(rule.verbs.len())? > MAX_PARTS {
        return None;
    }
    let mut parts = Vec::new();
    for verb in &rule.verbs {
        let of_verb = PolicyRule { verbs: vec![verb.clone()], ..PolicyRule::default() };
        parts.extend(
            urls.iter().map(|url| PolicyRule { non_resource_urls: Some(vec![url.clone()]), ..of_verb.clone() }),
        );
        for (group, resource) in groups.iter().flat_map(|group| resources.iter().map(move |resource| (group, resource)))
        {
            let part = PolicyRule {
                api_groups: Some(vec![group.clone()]),
                resources: Some(vec![resource.clone()]),
                ..of_verb.clone()
            };
            if names.is_empty() {
                parts.push(part);
            } else {
                let named = |name: &String| PolicyRule { resource_names: Some(vec![name.clone()]), ..part.clone() };
                parts.extend(names.iter().map(named));
            }
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::rule::{allows, shown};
    use super::*;
    use crate::access::{Request, ResourceRequest};

    fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
        proptest::sample::subsequence(of, 0..=of.len()).prop_map(|all| all.iter().map(|&one| one.to_owned()).collect())
    }

    fn rules() -> impl Strategy<Value = Vec<PolicyRule>> {
        let names = prop_oneof![3 => Just(Vec::new()), 1 => some(&["a", "b"])];
        let rule =
            (some(&["get", "list", "*"]), some(&["", "batch", "*"]), some(&["pods", "pods/log", "*/log", "*"]), names);
        let rule = rule.prop_map(|(verbs, groups, resources, names)| PolicyRule {
            verbs,
            api_groups: Some(groups),
            resources: Some(resources),
            resource_names: Some(names),
            non_resource_urls: None,
        });
        proptest::collection::vec(rule, 0..4)
    }

    fn requests() -> impl Iterator<Item = Request> {
        let verbs = ["get", "list", "delete"];
        let groups = ["", "batch", "apps"];
        let resources = [("pods", ""), ("pods", "log"), ("jobs", "log"), ("jobs", "")];
        let names = ["", "a", "b", "c"];
        let all = verbs.into_iter().flat_map(move |verb| groups.into_iter().map(move |group| (verb, group)));
        let all = all.flat_map(move |one| resources.into_iter().map(move |resource| (one, resource)));
        all.flat_map(move |one| names.into_iter().map(move |name| (one, name))).map(
            |(((verb, group), (resource, subresource)), name)| {
                Request::Resource(ResourceRequest {
                    verb: verb.to_owned(),
                    group: group.to_owned(),
                    resource: resource.to_owned(),
                    subresource: subresource.to_owned(),
                    name: name.to_owned(),
                    ..ResourceRequest::default()
                })
            },
        )
    }

    proptest! {
        #[test]
        fn whoever_gets_a_covered_role_may_do_nothing_that_its_giver_may_not(held in rules(), wanted in rules()) {
            let missing = uncovered(&held.iter().collect::<Vec<_>>(), &wanted);
            for request in requests() {
                let may = |rules: &[PolicyRule]| rules.iter().any(|rule| allows(rule, &request));
                prop_assert!(!may(&wanted) || may(&held) || may(&missing), "{request:?} {:?}", missing.iter().map(shown).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn what_several_rules_allow_together_is_covered() {
        let rule = |verbs: &[&str], resources: &[&str]| -> PolicyRule {
            let value = serde_json::json!({"apiGroups": [""], "resources": resources, "verbs": verbs});
            serde_json::from_value(value).unwrap()
        };
        let (get, list) = (rule(&["get"], &["pods", "secrets"]), rule(&["list"], &["pods"]));
        let missing = uncovered(&[&get, &list], &[rule(&["get", "list"], &["pods", "secrets"])]);
        assert_eq!(
            missing.iter().map(shown).collect::<Vec<_>>(),
            [r#"{APIGroups:[""], Resources:["secrets"], Verbs:["list"]}"#]
        );
    }
}
