//! Whether one rule of a role allows a request.

use k8s_openapi::api::rbac::v1::PolicyRule;
use reprise_core::unset::list;

use crate::access::{Request, ResourceRequest};

/// What stands for all.
pub(super) const ALL: &str = "*";

/// Whether the rule allows the request.
pub(super) fn allows(rule: &PolicyRule, request: &Request) -> bool {
    match request {
        Request::Resource(of) => allows_resource(rule, of),
        Request::Path { verb, path } => {
            has(&rule.verbs, verb) && list(&rule.non_resource_urls).iter().any(|url| covers_url(url, path))
        }
    }
}

fn allows_resource(rule: &PolicyRule, of: &ResourceRequest) -> bool {
    has(&rule.verbs, &of.verb)
        && has(list(&rule.api_groups), &of.group)
        && list(&rule.resources).iter().any(|resource| covers_resource(resource, &of.resource, &of.subresource))
        && (list(&rule.resource_names).is_empty() || list(&rule.resource_names).contains(&of.name))
}

fn has(all: &[String], wanted: &str) -> bool {
    all.iter().any(|one| one == ALL || one == wanted)
}

/// Whether a rule's resource (`*`, `pods`, `pods/log`, `*/scale`) is this one.
pub(super) fn covers_resource(of_rule: &str, resource: &str, subresource: &str) -> bool {
    match (of_rule, of_rule.split_once('/')) {
        (ALL, _) => true,
        (_, None) => subresource.is_empty() && of_rule == resource,
        (_, Some((of_any, of_sub))) => {
            !subresource.is_empty() && of_sub == subresource && (of_any == ALL || of_any == resource)
        }
    }
}

/// Whether a rule's URL (`*`, `/version`, `/healthz/*`) is this path, or all that this one stands for.
pub(super) fn covers_url(of_rule: &str, path: &str) -> bool {
    match of_rule.strip_suffix(ALL) {
        Some(start) => path.starts_with(start),
        None => of_rule == path,
    }
}

/// A rule, as refusals show it.
pub(in crate::security) fn shown(rule: &PolicyRule) -> String {
    let part =
        |name: &str, all: &[String]| (!all.is_empty()).then(|| format!("{name}:{all:?}").replace("\", \"", "\" \""));
    let parts = [
        part("APIGroups", list(&rule.api_groups)),
        part("Resources", list(&rule.resources)),
        part("ResourceNames", list(&rule.resource_names)),
        part("NonResourceURLs", list(&rule.non_resource_urls)),
        part("Verbs", &rule.verbs),
    ];
    format!("{{{}}}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rule(value: Value) -> PolicyRule {
        serde_json::from_value(value).unwrap()
    }

    /// `verb group resource[/sub] [name]`, or `verb /path`.
    fn request(text: &str) -> Request {
        let words: Vec<&str> = text.split(' ').collect();
        if words[1].starts_with('/') {
            return Request::Path { verb: words[0].to_owned(), path: words[1].to_owned() };
        }
        let (resource, subresource) = words[2].split_once('/').unwrap_or((words[2], ""));
        Request::Resource(ResourceRequest {
            verb: words[0].to_owned(),
            group: if words[1] == "core" { String::new() } else { words[1].to_owned() },
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            name: words.get(3).unwrap_or(&"").to_string(),
            ..ResourceRequest::default()
        })
    }

    #[test]
    fn a_rule_allows_what_it_names_and_nothing_else() {
        let core = |resources: &[&str], names: &[&str]| {
            rule(json!({"apiGroups": [""], "resources": resources, "verbs": ["get"], "resourceNames": names}))
        };
        let all = || rule(json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}));
        let urls = |urls: &[&str]| rule(json!({"nonResourceURLs": urls, "verbs": ["get"]}));
        let cases = [
            (core(&["pods"], &[]), "get core pods p", true),
            (core(&["pods"], &[]), "get core pods/log p", false),
            (core(&["pods"], &[]), "list core pods", false),
            (core(&["pods"], &[]), "get batch pods", false),
            (core(&["pods/log"], &[]), "get core pods/log p", true),
            (core(&["pods/log"], &[]), "get core pods p", false),
            (core(&["*/log"], &[]), "get core pods/log p", true),
            (core(&["*/log"], &[]), "get core pods/exec p", false),
            (core(&["*"], &[]), "get core pods/exec p", true),
            (core(&["secrets"], &["a"]), "get core secrets a", true),
            (core(&["secrets"], &["a"]), "get core secrets b", false),
            (core(&["secrets"], &["a"]), "get core secrets", false),
            (all(), "delete batch jobs/status j", true),
            (all(), "get /metrics", false),
            (urls(&["/metrics"]), "get /metrics", true),
            (urls(&["/metrics"]), "get /metrics/x", false),
            (urls(&["/healthz/*"]), "get /healthz/etcd", true),
            (urls(&["/healthz/*"]), "get /healthz", false),
            (urls(&["*"]), "get /anything", true),
            (urls(&["*"]), "post /anything", false),
            (urls(&["*"]), "get core pods p", false),
        ];
        for (rule, text, wanted) in cases {
            assert_eq!(allows(&rule, &request(text)), wanted, "{} {text}", shown(&rule));
        }
    }
}
