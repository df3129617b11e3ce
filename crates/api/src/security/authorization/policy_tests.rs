use serde_json::json;

use super::*;
use crate::access::ResourceRequest;

fn user(name: &str, groups: &[&str]) -> User {
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    User { name: name.to_owned(), uid: String::new(), groups, extra: Vec::new() }
}

fn get(resource: &str, namespace: &str) -> Request {
    Request::Resource(ResourceRequest {
        verb: "get".to_owned(),
        resource: resource.to_owned(),
        namespace: namespace.to_owned(),
        name: "x".to_owned(),
        ..ResourceRequest::default()
    })
}

fn reader(name: &str, resource: &str, labels: Value) -> Value {
    let rules = [json!({"apiGroups": [""], "resources": [resource], "verbs": ["get"]})];
    json!({"metadata": {"name": name, "labels": labels}, "rules": rules})
}

fn made_of(name: &str, label: &str, labels: Value) -> Value {
    let selectors = [json!({"matchLabels": {label: "true"}})];
    let aggregation = json!({"clusterRoleSelectors": selectors});
    let rules = [json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]})];
    json!({"metadata": {"name": name, "labels": labels}, "aggregationRule": aggregation, "rules": rules})
}

fn binding(name: &str, namespace: &str, role: (&str, &str), subjects: Value) -> Value {
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1});
    json!({"metadata": {"name": name, "namespace": namespace}, "roleRef": role, "subjects": subjects})
}

#[test]
fn a_role_counts_in_its_namespace_and_a_cluster_role_where_it_is_bound() {
    let cluster_roles = [reader("pods", "pods", json!({}))];
    let mut role = reader("secrets", "secrets", json!({}));
    role["metadata"]["namespace"] = json!("a");
    let ann = json!([{"kind": "User", "name": "ann"}]);
    let ops = json!([{"kind": "Group", "name": "ops"}]);
    let cluster_bindings = [binding("ops", "", ("ClusterRole", "pods"), ops)];
    let bindings = [
        binding("ann", "a", ("Role", "secrets"), ann.clone()),
        binding("ann", "b", ("ClusterRole", "pods"), ann.clone()),
        binding("none", "b", ("Role", "secrets"), ann),
    ];
    let policy = Policy::of(&cluster_roles, &[role], &cluster_bindings, &bindings);
    let allowed = |user: &User, request: &Request| policy.decide(user, request).allowed;
    let (ann, ops) = (user("ann", &[]), user("bob", &["ops"]));
    assert!(allowed(&ann, &get("secrets", "a")) && !allowed(&ann, &get("secrets", "b")));
    assert!(allowed(&ann, &get("pods", "b")) && !allowed(&ann, &get("pods", "a")) && !allowed(&ann, &get("pods", "")));
    assert!(allowed(&ops, &get("pods", "a")) && allowed(&ops, &get("pods", "")));
    assert_eq!(
        policy.decide(&ops, &get("pods", "a")).reason,
        "RBAC: allowed by ClusterRoleBinding \"ops\" of ClusterRole \"pods\" to Group \"ops\""
    );
    let refused = policy.decide(&ann, &get("secrets", "b"));
    assert_eq!(refused.reason, "RBAC: role.rbac.authorization.k8s.io \"secrets\" not found");
}

#[test]
fn a_service_account_is_bound_by_name_in_the_binding_s_namespace_or_another() {
    let roles = [reader("pods", "pods", json!({}))];
    let here = json!([{"kind": "ServiceAccount", "name": "robot"}]);
    let there = json!([{"kind": "ServiceAccount", "name": "robot", "namespace": "b"}]);
    let bindings = [binding("r", "a", ("ClusterRole", "pods"), here)];
    let policy = Policy::of(&roles, &[], &[binding("c", "", ("ClusterRole", "pods"), there)], &bindings);
    let allowed = |name: &str, namespace: &str| policy.decide(&user(name, &[]), &get("pods", namespace)).allowed;
    assert!(allowed("system:serviceaccount:a:robot", "a") && !allowed("system:serviceaccount:a:robot", "c"));
    assert!(allowed("system:serviceaccount:b:robot", "c"));
}

#[test]
fn a_role_made_of_others_has_their_rules_and_none_of_its_own() {
    let roles = [
        reader("base", "pods", json!({"to-view": "true"})),
        made_of("view", "to-view", json!({"to-edit": "true"})),
        reader("more", "secrets", json!({"to-edit": "true"})),
        made_of("edit", "to-edit", json!({"to-view": "false"})),
        made_of("loop", "loop", json!({"loop": "true"})),
    ];
    let everybody =
        |role: &str, group: &str| binding(role, "", ("ClusterRole", role), json!([{"kind": "Group", "name": group}]));
    let bindings = [everybody("view", "v"), everybody("edit", "e"), everybody("loop", "l")];
    let policy = Policy::of(&roles, &[], &bindings, &[]);
    let allowed = |group: &str, resource: &str| policy.decide(&user("x", &[group]), &get(resource, "n")).allowed;
    assert!(allowed("v", "pods") && !allowed("v", "secrets"));
    assert!(allowed("e", "pods") && allowed("e", "secrets") && !allowed("e", "nodes"));
    assert!(!allowed("l", "pods"));
}
