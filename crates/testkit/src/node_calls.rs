//! Which calls a node may make: a table, and the check of an API's audit log against it.
//!
//! The table is what Kubernetes' Node authorizer and NodeRestriction admission let through (1.36). A node that keeps to it can join
//! any cluster.

use serde_json::Value;

/// What a call may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// Anything.
    Anything,
    /// The node's own object; a new one's name is in the body.
    Itself,
    /// The same, in the namespace of leases.
    OwnLease,
    /// One object, by its name.
    One,
    /// Pods of this node, by a field selector.
    OwnPods,
}

use About::{Anything, Itself, One, OwnLease, OwnPods};

/// Verbs, the group and the resource with its subresource, and what it may be about.
const ALLOWED: &[(&[&str], &str, &str, About)] = &[
    (&["create", "get", "list", "watch", "update", "patch"], "", "nodes", Itself),
    (&["patch", "update"], "", "nodes/status", Itself),
    (&["list", "watch"], "", "pods", OwnPods),
    (&["get", "delete"], "", "pods", One),
    // Mirrors of static Pods.
    (&["create"], "", "pods", Anything),
    (&["patch", "update"], "", "pods/status", One),
    (&["create"], "", "pods/eviction", One),
    (&["get", "list", "watch"], "", "configmaps", One),
    (&["get", "list", "watch"], "", "secrets", One),
    (&["get"], "", "persistentvolumeclaims", One),
    (&["get"], "", "persistentvolumes", One),
    (&["create"], "", "serviceaccounts/token", One),
    (&["create", "patch", "update"], "", "events", Anything),
    (&["get", "list", "watch"], "", "services", Anything),
    (&["create", "get", "update", "patch", "delete"], "coordination.k8s.io", "leases", OwnLease),
    (&["create", "get", "update", "patch", "delete"], "storage.k8s.io", "csinodes", Itself),
    (&["get", "list", "watch"], "storage.k8s.io", "csidrivers", Anything),
    (&["get", "list", "watch"], "node.k8s.io", "runtimeclasses", Anything),
    (&["create"], "authentication.k8s.io", "tokenreviews", Anything),
    (&["create"], "authorization.k8s.io", "subjectaccessreviews", Anything),
    (&["create"], "authorization.k8s.io", "selfsubjectaccessreviews", Anything),
];
/// What anybody may read who is known.
const PATHS: [&str; 7] = ["/api", "/apis", "/healthz", "/livez", "/openapi", "/readyz", "/version"];

/// What nodes have asked for that they may not: lines of an audit log (`reprise up --audit-log`) that are not in the table, or that the
/// API has refused for want of a permission. How many calls of nodes were looked at comes with it: none would prove nothing.
#[must_use]
pub fn forbidden(log: &str) -> (usize, Vec<String>) {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let calls = lines.filter_map(|line| Some((line["user"].as_str()?.strip_prefix("system:node:")?.to_owned(), line)));
    let calls: Vec<(String, Value)> = calls.collect();
    let wrong = calls.iter().filter(|(node, call)| !is_allowed(node, call));
    (calls.len(), wrong.map(|(_, call)| call.to_string()).collect())
}

fn is_allowed(node: &str, call: &Value) -> bool {
    let text = |field: &str| call[field].as_str().unwrap_or_default();
    if matches!(call["code"].as_u64(), Some(401 | 403)) {
        return false;
    }
    if !text("path").is_empty() {
        let is_below = |known: &&str| {
            text("path").strip_prefix(*known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        return text("verb") == "get" && PATHS.iter().any(is_below);
    }
    let resource = match text("subresource") {
        "" => text("resource").to_owned(),
        subresource => format!("{}/{subresource}", text("resource")),
    };
    let is_about = |about: About| match about {
        Anything => true,
        One => !text("name").is_empty(),
        Itself => text("name") == node || text("verb") == "create",
        OwnLease => text("namespace") == "kube-node-lease" && (text("name") == node || text("verb") == "create"),
        OwnPods => text("field_selector").split(',').any(|term| term == format!("spec.nodeName={node}")),
    };
    ALLOWED.iter().any(|(verbs, group, of, about)| {
        verbs.contains(&text("verb")) && *group == text("group") && *of == resource && is_about(*about)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_nodes_are_held_to_the_table_and_those_of_others_are_not() {
        let allowed = [
            r#"{"user":"system:node:a","verb":"watch","resource":"pods","field_selector":"spec.nodeName=a","code":200}"#,
            r#"{"user":"system:node:a","verb":"patch","resource":"pods","subresource":"status","name":"p","code":409}"#,
            r#"{"user":"system:node:a","verb":"create","group":"coordination.k8s.io","resource":"leases","namespace":"kube-node-lease","code":201}"#,
            r#"{"user":"system:node:a","verb":"get","path":"/apis/batch","code":200}"#,
            r#"{"user":"ann","verb":"delete","resource":"nodes","name":"a","code":200}"#,
        ];
        assert_eq!(forbidden(&allowed.join("\n")), (4, Vec::new()));
        let refused = [
            r#"{"user":"system:node:a","verb":"watch","resource":"pods","field_selector":"spec.nodeName=b","code":200}"#,
            r#"{"user":"system:node:a","verb":"get","resource":"nodes","name":"b","code":200}"#,
            r#"{"user":"system:node:a","verb":"list","resource":"secrets","namespace":"n","code":200}"#,
            r#"{"user":"system:node:a","verb":"get","resource":"secrets","name":"s","namespace":"n","code":403}"#,
            r#"{"user":"system:node:a","verb":"get","path":"/metrics","code":200}"#,
        ];
        let (looked_at, wrong) = forbidden(&refused.join("\n"));
        assert_eq!((looked_at, wrong.len()), (5, 5));
    }
}
