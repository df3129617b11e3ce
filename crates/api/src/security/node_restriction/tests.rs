use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::security::follow::PODS;
use crate::security::testing::{put, store};

fn node() -> User {
    let groups = vec![NODES.to_owned(), "system:authenticated".to_owned()];
    User { name: "system:node:a".to_owned(), uid: String::new(), groups, extra: Vec::new() }
}

/// Two Pods, `mine` on node `a` and `other` on `b`.
async fn world() -> (Store, TempDir) {
    let (store, folder) = store();
    for (name, node) in [("mine", "a"), ("other", "b")] {
        put(&store, PODS, pod(name, node)).await;
    }
    put(&store, "nodes", json!({"metadata": {"name": "a", "uid": "node-uid"}})).await;
    (store, folder)
}

fn pod(name: &str, node: &str) -> Value {
    let source = json!({"serviceAccountToken": {"path": "token"}});
    let volumes = json!([{"name": "t", "projected": {"sources": [source]}}]);
    json!({
        "metadata": {"namespace": "n", "name": name, "uid": format!("{name}-uid"), "labels": {"app": "x"}},
        "spec": {"nodeName": node, "serviceAccountName": "robot", "containers": [], "volumes": volumes},
    })
}

/// What is answered to a write of `resource[/sub]`: nothing if it is let through.
fn answer(
    store: &Store,
    user: &User,
    operation: Operation,
    resource: &str,
    old: Option<&Value>,
    new: Option<&Value>,
) -> String {
    let (group, resource) = resource.split_once(' ').unwrap_or(("", resource));
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let object = old.or(new).unwrap();
    let named = if subresource == "token" { "robot" } else { text(object, "/metadata/name") };
    let namespace = text(object, "/metadata/namespace");
    let write = Write { user, operation, group, resource, subresource, namespace, name: named, old, new };
    match node_restriction(store, &write) {
        Ok(()) => String::new(),
        Err(error) => error.status().message.clone().unwrap(),
    }
}

#[tokio::test]
async fn only_mirrors_of_its_own_are_made() {
    let (store, _folder) = world().await;
    let mirror = json!({
        "metadata": {"namespace": "n", "name": "m", "annotations": {"kubernetes.io/config.mirror": "x"}, "ownerReferences": [
            {"apiVersion": "v1", "kind": "Node", "name": "a", "uid": "node-uid", "controller": true}]},
        "spec": {"nodeName": "a", "containers": []},
    });
    let answer = |pod: &Value| answer(&store, &node(), Operation::Create, "pods", None, Some(pod));
    assert_eq!(answer(&mirror), "");
    let with = |path: &str, value: Value| {
        let mut pod = mirror.clone();
        let (parent, field) = path.rsplit_once('/').unwrap();
        pod.pointer_mut(parent).unwrap()[field] = value;
        answer(&pod)
    };
    let cases = [
        ("/metadata/annotations", json!({}), "can only create mirror pods"),
        ("/spec/nodeName", json!("b"), "spec.nodeName set to itself"),
        ("/spec/serviceAccountName", json!("robot"), "reference a service account"),
        ("/spec/volumes", json!([{"name": "s", "secret": {"secretName": "s"}}]), "reference secrets"),
        ("/spec/volumes", json!([{"name": "s", "configMap": {"name": "s"}}]), "reference configmaps"),
        ("/spec/imagePullSecrets", json!([{"name": "s"}]), "reference secrets"),
        (
            "/spec/volumes",
            json!([{"name": "s", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]),
            "service account",
        ),
        ("/metadata/ownerReferences/0/uid", json!("old"), "UID mismatch"),
        ("/metadata/ownerReferences/0/name", json!("b"), "owner reference set to itself"),
        ("/metadata/ownerReferences/0/controller", json!(false), "controller owner reference"),
    ];
    for (path, value, words) in cases {
        let said = if path.contains("/0/") {
            let mut pod = mirror.clone();
            *pod.pointer_mut(path).unwrap() = value;
            answer(&pod)
        } else {
            with(path, value)
        };
        assert!(said.starts_with("pods \"m\" is forbidden: ") && said.contains(words), "{path}: {said}");
    }
}

#[tokio::test]
async fn pods_of_other_nodes_are_left_alone() {
    let (store, _folder) = world().await;
    let (mine, other) = (pod("mine", "a"), pod("other", "b"));
    let answer = |operation, resource: &str, old: Option<&Value>, new: Option<&Value>| {
        answer(&store, &node(), operation, resource, old, new)
    };
    assert_eq!(answer(Operation::Delete, "pods", Some(&mine), None), "");
    assert_eq!(
        answer(Operation::Delete, "pods", Some(&other), None),
        "pods \"other\" is forbidden: node \"a\" can only delete pods with spec.nodeName set to itself"
    );
    assert!(
        answer(Operation::Update, "pods", Some(&mine), Some(&mine)).contains("can only create and delete mirror pods")
    );
    assert_eq!(answer(Operation::Update, "pods/status", Some(&mine), Some(&mine)), "");
    assert!(
        answer(Operation::Update, "pods/status", Some(&other), Some(&other)).contains("can only update pod status")
    );
    let mut labelled = mine.clone();
    labelled["metadata"]["labels"]["app"] = json!("y");
    assert!(answer(Operation::Update, "pods/status", Some(&mine), Some(&labelled)).contains("cannot update labels"));
    assert_eq!(answer(Operation::Create, "pods/eviction", None, Some(&mine)), "");
    assert!(answer(Operation::Create, "pods/eviction", None, Some(&other)).contains("can only evict pods"));
    assert!(answer(Operation::Create, "pods/binding", None, Some(&mine)).contains("unexpected pod subresource"));
}

#[tokio::test]
async fn a_node_says_of_itself_what_is_its_to_say() {
    let (store, _folder) = world().await;
    let named = |name: &str, labels: Value| json!({"metadata": {"name": name, "labels": labels}});
    let answer = |operation, resource: &str, old: Option<&Value>, new: &Value| {
        answer(&store, &node(), operation, resource, old, Some(new))
    };
    let own = named("a", json!({"kubernetes.io/hostname": "a", "disk": "fast", "node.kubernetes.io/x": "y"}));
    assert_eq!(answer(Operation::Create, "nodes", None, &own), "");
    assert!(
        answer(Operation::Create, "nodes", None, &named("b", json!({}))).contains("not allowed to modify node \"b\"")
    );
    for label in ["node-restriction.kubernetes.io/team", "node-role.kubernetes.io/control-plane", "x.k8s.io/y"] {
        let labelled = named("a", json!({label: "x"}));
        assert!(answer(Operation::Create, "nodes", None, &labelled).contains(label), "{label}");
        assert!(answer(Operation::Update, "nodes", Some(&own), &labelled).contains(label), "{label}");
    }
    let set = named("a", json!({"node-restriction.kubernetes.io/team": "x", "disk": "slow"}));
    let mut kept = set.clone();
    kept["metadata"]["labels"]["disk"] = json!("fast");
    assert_eq!(answer(Operation::Update, "nodes", Some(&set), &kept), "", "what others have set may stay");
    let mut tainted = own.clone();
    tainted["spec"] = json!({"taints": [{"key": "x", "effect": "NoSchedule"}]});
    assert!(answer(Operation::Update, "nodes", Some(&own), &tainted).contains("not allowed to modify taints"));
    assert_eq!(answer(Operation::Update, "nodes/status", Some(&own), &own), "");
    let lease = |namespace: &str, name: &str| json!({"metadata": {"namespace": namespace, "name": name}});
    let leases = "coordination.k8s.io leases";
    assert_eq!(answer(Operation::Create, leases, None, &lease("kube-node-lease", "a")), "");
    assert!(answer(Operation::Create, leases, None, &lease("kube-node-lease", "b")).contains("same name"));
    assert!(answer(Operation::Update, leases, Some(&lease("n", "a")), &lease("n", "a")).contains("system namespace"));
    assert!(answer(Operation::Create, "storage.k8s.io csinodes", None, &named("b", json!({}))).contains("CSINode"));
}

#[tokio::test]
async fn tokens_are_bound_to_its_own_pods() {
    let (store, _folder) = world().await;
    let ask = |name: &str, uid: &str, audiences: Value| {
        let bound = json!({"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid});
        let spec = json!({"audiences": audiences, "boundObjectRef": bound});
        let request = json!({"metadata": {"namespace": "n"}, "spec": spec});
        answer(&store, &node(), Operation::Create, "serviceaccounts/token", None, Some(&request))
    };
    assert_eq!(ask("mine", "mine-uid", json!([])), "");
    assert!(ask("mine", "", json!([])).contains("without a uid"));
    assert!(ask("mine", "old", json!([])).contains("does not match the UID"));
    assert!(ask("other", "other-uid", json!([])).contains("different node"));
    assert!(ask("none", "u", json!([])).contains("not found"));
    assert!(ask("mine", "mine-uid", json!(["vault"])).contains("audience \"vault\" not found"));
    assert!(ask("mine", "mine-uid", json!(["a", "b"])).contains("0 or 1 audiences"));
    let unbound = json!({"metadata": {"namespace": "n"}, "spec": {"audiences": []}});
    let said = answer(&store, &node(), Operation::Create, "serviceaccounts/token", None, Some(&unbound));
    assert_eq!(said, "serviceaccounts \"robot\" is forbidden: node requested token not bound to a pod");
}

#[tokio::test]
async fn others_are_not_held_to_this_and_a_node_without_a_name_may_write_nothing() {
    let (store, _folder) = world().await;
    let other = pod("other", "b");
    let mut ann = node();
    ann.groups = vec!["system:masters".to_owned()];
    assert_eq!(answer(&store, &ann, Operation::Delete, "pods", Some(&other), None), "");
    let mut nobody = node();
    nobody.name = "ann".to_owned();
    assert!(
        answer(&store, &nobody, Operation::Delete, "pods", Some(&other), None).contains("could not determine node")
    );
}
