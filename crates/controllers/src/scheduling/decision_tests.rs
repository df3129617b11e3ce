use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, NodeSelector, Pod};
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::decision::choose;

fn node(name: &str, more: Value) -> Node {
    let mut node = json!({
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {},
        "status": {
            "allocatable": {"cpu": "2", "memory": "1Gi", "pods": "10"},
            "conditions": [{"type": "Ready", "status": "True"}]
        }
    });
    merge(&mut node, more);
    serde_json::from_value(node).unwrap()
}

fn pod(name: &str, spec: Value) -> Pod {
    let mut pod = json!({
        "metadata": {"name": name, "namespace": "n", "uid": name, "labels": {"app": "a"}},
        "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]}
    });
    merge(&mut pod, json!({ "spec": spec }));
    serde_json::from_value(pod).unwrap()
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

fn cluster(nodes: &[Node]) -> Cluster {
    let mut cluster = Cluster::default();
    cluster.put_namespace("n", [("team".to_owned(), "x".to_owned())].into());
    for node in nodes {
        cluster.put_node(node);
    }
    cluster
}

fn answer(pod: &Pod, cluster: &Cluster) -> String {
    match choose(pod, cluster, &Ok(Vec::new()), 0) {
        Ok((node, _)) => node,
        Err(unfit) => unfit.to_string(),
    }
}

#[test]
fn a_pod_goes_where_most_is_left() {
    let mut cluster = cluster(&[node("a", json!({})), node("b", json!({}))]);
    for (name, expected) in [("p", "a"), ("q", "b"), ("r", "a"), ("s", "b")] {
        let pod = pod(name, json!({}));
        let node = answer(&pod, &cluster);
        assert_eq!(node, expected, "{name}");
        cluster.put_pod(Arc::new(pod), &node);
    }
    assert_eq!(answer(&pod("t", json!({})), &cluster), "0/2 nodes are available: 2 Insufficient cpu.");
    cluster.remove_pod("q");
    assert_eq!(answer(&pod("t", json!({})), &cluster), "b");
}

#[test]
fn each_node_s_reason_is_counted_in_kubernetes_words() {
    let nodes = [
        node("a", json!({"spec": {"taints": [{"key": "x", "effect": "NoSchedule"}]}})),
        node("b", json!({"spec": {"unschedulable": true}})),
        node("c", json!({"status": {"allocatable": {"cpu": "500m", "pods": "0"}}})),
        node("d", json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}})),
    ];
    assert_eq!(
        answer(&pod("p", json!({})), &cluster(&nodes)),
        "0/4 nodes are available: 1 Insufficient cpu, 1 Too many pods, 1 node(s) were unschedulable, \
         2 node(s) had untolerated taint(s)."
    );
    assert_eq!(answer(&pod("p", json!({})), &cluster(&[])), "no nodes available to schedule pods");
    let tolerates = json!({"tolerations": [{"key": "x", "operator": "Exists"}]});
    assert_eq!(answer(&pod("p", tolerates), &cluster(&nodes)), "a");
}

#[test]
fn selectors_and_affinity_choose_nodes() {
    let cluster = cluster(&[node("a", json!({})), node("b", json!({"metadata": {"labels": {"gpu": "yes"}}}))]);
    assert_eq!(answer(&pod("p", json!({"nodeSelector": {"gpu": "yes"}})), &cluster), "b");
    let requires = |key: &str| {
        let terms = json!([{"matchExpressions": [{"key": key, "operator": "Exists"}]}]);
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}})
    };
    assert_eq!(answer(&pod("p", requires("gpu")), &cluster), "b");
    let nowhere = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.";
    assert_eq!(answer(&pod("p", requires("tpu")), &cluster), nowhere);
    let preference = json!({"matchExpressions": [{"key": "gpu", "operator": "Exists"}]});
    let prefers = json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution":
        [{"weight": 1, "preference": preference}]}}});
    assert_eq!(answer(&pod("p", prefers), &cluster), "b");
}

#[test]
fn a_port_of_the_host_is_given_once() {
    let wants = |port: u16| json!({"containers": [{"name": "c", "ports": [{"containerPort": 80, "hostPort": port}]}]});
    let mut cluster = cluster(&[node("a", json!({}))]);
    cluster.put_pod(Arc::new(pod("p", wants(80))), "a");
    let taken = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.";
    assert_eq!(answer(&pod("q", wants(80)), &cluster), taken);
    assert_eq!(answer(&pod("q", wants(81)), &cluster), "a");
}

fn beside(kind: &str, key: &str) -> Value {
    let term = json!({"topologyKey": key, "labelSelector": {"matchLabels": {"app": "a"}}});
    json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

#[test]
fn pods_that_do_not_want_each_other_are_on_different_nodes() {
    let mut cluster = cluster(&[node("a", json!({})), node("b", json!({}))]);
    let shy = beside("podAntiAffinity", "kubernetes.io/hostname");
    cluster.put_pod(Arc::new(pod("p", shy.clone())), "a");
    assert_eq!(answer(&pod("q", shy.clone()), &cluster), "b");
    assert_eq!(answer(&pod("q", json!({})), &cluster), "b", "the one that is there does not want it");
    cluster.put_pod(Arc::new(pod("r", json!({}))), "b");
    let own = "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.";
    assert_eq!(answer(&pod("q", shy), &cluster), own);
    cluster.remove_pod("r");
    cluster.remove_node("b");
    let others = "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules.";
    assert_eq!(answer(&pod("q", json!({})), &cluster), others);
}

#[test]
fn a_pod_that_wants_company_follows_it_and_the_first_goes_anywhere() {
    let mut cluster = cluster(&[node("a", json!({})), node("b", json!({}))]);
    let social = beside("podAffinity", "kubernetes.io/hostname");
    assert_eq!(answer(&pod("p", social.clone()), &cluster), "a", "nobody is there, and it means itself");
    cluster.put_pod(Arc::new(pod("p", social.clone())), "b");
    assert_eq!(answer(&pod("q", social.clone()), &cluster), "b");
    let mut stranger = pod("q", social);
    stranger.metadata.namespace = Some("other".to_owned());
    stranger.metadata.labels = None;
    let alone = "0/2 nodes are available: 2 node(s) didn't match pod affinity rules.";
    assert_eq!(answer(&stranger, &cluster), alone);
}

#[test]
fn pods_are_spread_as_evenly_as_a_hard_constraint_says() {
    let zone = |name: &str, zone: &str| node(name, json!({"metadata": {"labels": {"zone": zone}}}));
    let mut cluster = cluster(&[zone("a", "x"), zone("b", "y"), node("c", json!({}))]);
    let constraint = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "a"}}});
    let spread = json!({"topologySpreadConstraints": [constraint]});
    cluster.put_pod(Arc::new(pod("p", spread.clone())), "a");
    assert_eq!(answer(&pod("q", spread.clone()), &cluster), "b");
    cluster.put_node(&node("b", json!({"metadata": {"labels": {"zone": "y"}}, "spec": {"unschedulable": true}})));
    assert_eq!(
        answer(&pod("q", spread), &cluster),
        "0/3 nodes are available: 1 node(s) didn't match pod topology spread constraints, \
         1 node(s) didn't match pod topology spread constraints (missing required label), 1 node(s) were unschedulable."
    );
}

#[test]
fn volumes_say_where_a_pod_can_be() {
    let cluster = cluster(&[node("a", json!({})), node("b", json!({}))]);
    let on_b: NodeSelector = serde_json::from_value(json!({"nodeSelectorTerms":
        [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["b"]}]}]}))
    .unwrap();
    let own = pod("p", json!({}));
    assert_eq!(choose(&own, &cluster, &Ok(vec![on_b]), 0).unwrap().0, "b");
    let why = Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
    let unfit = choose(&own, &cluster, &why, 0).unwrap_err().to_string();
    assert_eq!(unfit, "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.");
}
