use serde_json::json;

use super::*;
use crate::security::follow::{SECRETS, SERVICE_ACCOUNTS};
use crate::security::testing::{delete, put, store};

fn user(name: &str, groups: &[&str]) -> User {
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    User { name: name.to_owned(), uid: String::new(), groups, extra: Vec::new() }
}

fn request(verb: &str, resource: &str, namespace: &str, name: &str) -> Request {
    Request::Resource(ResourceRequest {
        verb: verb.to_owned(),
        version: "v1".to_owned(),
        resource: resource.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..ResourceRequest::default()
    })
}

#[tokio::test]
async fn a_role_counts_from_the_moment_that_it_is_stored() {
    let (store, _folder) = store();
    let authorizer = Authorizer::new(store.clone());
    let (ann, list) = (user("ann", &["system:authenticated"]), request("list", SECRETS, "n", ""));
    let refused = authorizer.authorize(&ann, &list).unwrap_err();
    assert_eq!(
        refused.status().message.as_deref(),
        Some(
            "secrets is forbidden: User \"ann\" cannot list resource \"secrets\" in API group \"\" in the namespace \"n\""
        )
    );
    let rules = json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}]);
    put(&store, ROLES, json!({"metadata": {"namespace": "n", "name": "r"}, "rules": rules})).await;
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"});
    let subjects = json!([{"kind": "User", "name": "ann"}]);
    let binding = json!({"metadata": {"namespace": "n", "name": "b"}, "roleRef": role, "subjects": subjects});
    put(&store, ROLE_BINDINGS, binding).await;
    assert_eq!(authorizer.authorize(&ann, &list), Ok(()));
    delete(&store, ROLE_BINDINGS, "n", "b").await;
    assert!(authorizer.authorize(&ann, &list).is_err());
}

#[tokio::test]
async fn a_node_reads_what_its_pods_need_while_they_need_it() {
    let (store, _folder) = store();
    let authorizer = Authorizer::new(store.clone());
    let node = user("system:node:a", &["system:nodes", "system:authenticated"]);
    let may = |verb: &str, resource: &str, namespace: &str, name: &str| {
        authorizer.decide(&node, &request(verb, resource, namespace, name)).allowed
    };
    assert!(!may("get", SECRETS, "n", "s"));
    let claim = json!({"name": "c", "persistentVolumeClaim": {"claimName": "data"}});
    let secret = json!({"name": "v", "secret": {"secretName": "s"}});
    let pod = json!({
        "metadata": {"namespace": "n", "name": "p", "uid": "u"},
        "spec": {"nodeName": "a", "containers": [], "volumes": [secret, claim], "serviceAccountName": "robot"},
    });
    put(&store, PODS, pod).await;
    let volume = json!({"metadata": {"name": "disk"}, "spec": {"claimRef": {"namespace": "n", "name": "data"}}});
    put(&store, VOLUMES, volume).await;
    assert!(may("get", SECRETS, "n", "s") && may("watch", SECRETS, "n", "s") && !may("list", SECRETS, "n", ""));
    assert!(!may("get", SECRETS, "m", "s") && !may("delete", SECRETS, "n", "s"));
    assert!(may("get", VOLUMES, "", "disk") && !may("get", VOLUMES, "", "other"));
    assert!(may("get", PODS, "n", "p") && !may("get", PODS, "n", "q"));
    let Request::Resource(account) = request("create", SERVICE_ACCOUNTS, "n", "robot") else { return };
    let token = ResourceRequest { subresource: "token".to_owned(), ..account };
    assert!(authorizer.decide(&node, &Request::Resource(token)).allowed);
    delete(&store, PODS, "n", "p").await;
    let refused = authorizer.decide(&node, &request("get", SECRETS, "n", "s"));
    assert_eq!(refused.reason, "no relationship found between node 'a' and this object");
}

#[tokio::test]
async fn a_watch_of_one_object_by_its_name_is_a_request_for_that_object() {
    let (store, _folder) = store();
    let authorizer = Authorizer::new(store);
    let node = user("system:node:a", &["system:nodes"]);
    let Request::Resource(watch) = request("watch", "nodes", "", "") else { return };
    let own = ResourceRequest { field_selector: "metadata.name=a".to_owned(), ..watch.clone() };
    let other = ResourceRequest { field_selector: "metadata.name=b".to_owned(), ..watch };
    assert!(authorizer.decide(&node, &Request::Resource(own)).allowed);
    assert!(!authorizer.decide(&node, &Request::Resource(other)).allowed);
}

#[tokio::test]
async fn no_role_lets_in_who_has_no_credential() {
    let (store, _folder) = store();
    let rules =
        json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, {"nonResourceURLs": ["*"], "verbs": ["*"]}]);
    put(&store, CLUSTER_ROLES, json!({"metadata": {"name": "all"}, "rules": rules})).await;
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "all"});
    let subjects = json!([{"kind": "Group", "name": "system:unauthenticated"}]);
    put(&store, CLUSTER_ROLE_BINDINGS, json!({"metadata": {"name": "b"}, "roleRef": role, "subjects": subjects})).await;
    let authorizer = Authorizer::new(store);
    let anonymous = crate::security::authentication::anonymous();
    let path = |path: &str| Request::Path { verb: "get".to_owned(), path: path.to_owned() };
    assert!(!authorizer.decide(&anonymous, &request("list", PODS, "n", "")).allowed);
    for (open, wanted) in
        [("/livez", true), ("/readyz/store", true), ("/version", true), ("/api", false), ("/livezx", false)]
    {
        assert_eq!(authorizer.decide(&anonymous, &path(open)).allowed, wanted, "{open}");
    }
}
