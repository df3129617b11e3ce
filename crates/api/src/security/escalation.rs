//! Nobody gives away more than they have: a role may allow, and a binding may bind, only what its author may do themselves,
//! unless they may `escalate` or `bind`.

use k8s_openapi::api::rbac::v1::PolicyRule;
use serde_json::Value;

use super::authorization::{Authorizer, Granting, granted, is_master, shown, uncovered};
use super::node_restriction::Write;
use crate::access::{Request, ResourceRequest, User};
use crate::status::ApiError;

const RBAC: &str = "rbac.authorization.k8s.io";
/// So many missing permissions are named; who wants to know them all sees where to begin.
const MOST_SHOWN: usize = 20;

/// Whether the author of a role or binding may give what it gives.
///
/// # Errors
/// 403 with what they don't have.
pub(super) fn check(authorizer: &Authorizer, write: &Write<'_>) -> Result<(), ApiError> {
    let Some(new) = write.new.filter(|_| write.subresource.is_empty() && !is_master(write.user)) else { return Ok(()) };
    let policy = authorizer.policy();
    let Some(granting) = granted(&policy, write.group, write.resource, write.old, new) else { return Ok(()) };
    if may_anyhow(authorizer, write, &granting) {
        return Ok(());
    }
    let Some(rules) = &granting.rules else {
        // Whoever makes that role later would give its permissions to subjects that others have chosen.
        return Err(ApiError::not_found(RBAC, granting.resource, &granting.role));
    };
    let held: Vec<&PolicyRule> = policy.rules(write.user, write.namespace).collect();
    match uncovered(&held, rules).as_slice() {
        [] => Ok(()),
        missing => {
            Err(ApiError::forbidden(RBAC, write.resource, name(write, new), &grants_too_much(write.user, missing)))
        }
    }
}

fn name<'a>(write: &Write<'a>, new: &'a Value) -> &'a str {
    if write.name.is_empty() { new["metadata"]["name"].as_str().unwrap_or_default() } else { write.name }
}

fn may_anyhow(authorizer: &Authorizer, write: &Write<'_>, granting: &Granting) -> bool {
    let request = ResourceRequest {
        verb: granting.verb.to_owned(),
        group: RBAC.to_owned(),
        version: "v1".to_owned(),
        resource: granting.resource.to_owned(),
        // A binding of a namespace may bind with a permission of that namespace.
        namespace: write.namespace.to_owned(),
        name: granting.role.clone(),
        ..ResourceRequest::default()
    };
    authorizer.decide(write.user, &Request::Resource(request)).allowed
}

fn grants_too_much(user: &User, missing: &[PolicyRule]) -> String {
    let lines: Vec<String> = missing.iter().take(MOST_SHOWN).map(shown).collect();
    let more = missing.len().saturating_sub(MOST_SHOWN);
    let more = if more == 0 { String::new() } else { format!("\n... and {more} more") };
    format!(
        "user {:?} (groups={:?}) is attempting to grant RBAC permissions not currently held:\n{}{more}",
        user.name,
        user.groups,
        lines.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::security::follow::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS};
    use crate::security::node_restriction::Operation;
    use crate::security::testing::{put, store};

    fn rule(resource: &str, verb: &str) -> Value {
        json!({"apiGroups": ["", "rbac.authorization.k8s.io"], "resources": [resource], "verbs": [verb]})
    }

    fn binding(role: &str, user: &str) -> Value {
        json!({
            "metadata": {"name": "b", "namespace": "n"},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "User", "name": user}],
        })
    }

    async fn authorizer() -> (Authorizer, tempfile::TempDir) {
        let (store, folder) = store();
        for (name, rules) in [("pods", rule("pods", "get")), ("secrets", rule("secrets", "get"))] {
            put(&store, CLUSTER_ROLES, json!({"metadata": {"name": name}, "rules": [rules]})).await;
        }
        let bind = json!([{"apiGroups": [RBAC], "resources": ["clusterroles"], "verbs": ["bind"], "resourceNames": ["secrets"]}]);
        put(&store, CLUSTER_ROLES, json!({"metadata": {"name": "binder"}, "rules": bind})).await;
        put(&store, ROLE_BINDINGS, binding("pods", "ann")).await;
        put(&store, CLUSTER_ROLE_BINDINGS, {
            let mut all = binding("binder", "bob");
            all["metadata"] = json!({"name": "all"});
            all
        })
        .await;
        (Authorizer::new(store), folder)
    }

    fn answer(authorizer: &Authorizer, user: &str, resource: &str, old: Option<&Value>, new: &Value) -> String {
        let groups = if user == "root" { vec!["system:masters".to_owned()] } else { Vec::new() };
        let user = User { name: user.to_owned(), uid: String::new(), groups, extra: Vec::new() };
        let write = Write {
            user: &user,
            operation: Operation::Create,
            group: RBAC,
            resource,
            subresource: "",
            namespace: "n",
            name: "x",
            old,
            new: Some(new),
        };
        check(authorizer, &write).map_or_else(|error| error.status().message.clone().unwrap(), |()| String::new())
    }

    #[tokio::test]
    async fn roles_give_what_their_author_has() {
        let (authorizer, _folder) = authorizer().await;
        let role = |rule: Value| json!({"metadata": {"name": "x", "namespace": "n"}, "rules": [rule]});
        let mine = role(json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}));
        let more = role(json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "delete"]}));
        assert_eq!(answer(&authorizer, "ann", "roles", None, &mine), "");
        assert_eq!(
            answer(&authorizer, "ann", "roles", None, &more),
            "roles.rbac.authorization.k8s.io \"x\" is forbidden: user \"ann\" (groups=[]) is attempting to grant RBAC permissions \
             not currently held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"delete\"]}"
        );
        assert_eq!(answer(&authorizer, "root", "roles", None, &more), "");
        assert_eq!(answer(&authorizer, "ann", "roles", Some(&more), &more), "", "it gives no more than before");
        let mut made_of = mine;
        made_of["aggregationRule"] = json!({"clusterRoleSelectors": []});
        assert!(answer(&authorizer, "ann", "clusterroles", None, &made_of).contains("Verbs:[\"*\"]"));
    }

    #[tokio::test]
    async fn bindings_bind_what_their_author_has_or_may_bind() {
        let (authorizer, _folder) = authorizer().await;
        assert_eq!(answer(&authorizer, "ann", "rolebindings", None, &binding("pods", "cat")), "");
        assert!(answer(&authorizer, "ann", "rolebindings", None, &binding("secrets", "ann")).contains("secrets"));
        assert_eq!(answer(&authorizer, "bob", "rolebindings", None, &binding("secrets", "bob")), "");
        assert!(answer(&authorizer, "bob", "rolebindings", None, &binding("pods", "bob")).contains("pods"));
        assert!(answer(&authorizer, "ann", "rolebindings", None, &binding("none", "ann")).contains("not found"));
    }
}
