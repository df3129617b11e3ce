//! What an API makes of Pods: defaults, binding, status, deletion.

use serde_json::{Value, json};

use crate::client::{Client, Server};

const PODS: &str = "/api/v1/namespaces/default/pods";
const MERGE: &str = "merge-patch+json";

fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "a", "image": "i"}]},
        "status": {"phase": "Running"},
    })
}

async fn bind(client: &mut Client, name: &str, node: &str) -> (u16, String) {
    let body = json!({"metadata": {"name": name}, "target": {"kind": "Node", "name": node}});
    let answer = client.post(&format!("{PODS}/{name}/binding"), &body).await;
    (answer.code, answer.message().to_owned())
}

#[tokio::test]
async fn a_new_pod_is_pending_with_all_defaults() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let made = client.post(PODS, &pod("p")).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!((made.text("/status/phase"), made.text("/status/qosClass")), ("Pending", "BestEffort"));
    assert_eq!((made.text("/spec/restartPolicy"), made.text("/spec/dnsPolicy")), ("Always", "ClusterFirst"));
    assert_eq!(made.body["spec"]["priority"], 0);
    assert_eq!(made.body["spec"]["terminationGracePeriodSeconds"], 30);
    assert_eq!(made.body["spec"]["tolerations"].as_array().unwrap().len(), 2);
    assert_eq!(made.body["metadata"]["generation"], 1);
    let wrong = client.post(PODS, &json!({"metadata": {"name": "q"}, "spec": {"containers": []}})).await;
    assert_eq!((wrong.code, wrong.message()), (422, "Pod \"q\" is invalid: spec.containers: Required value"));
    assert_eq!(wrong.text("/details/causes/0/field"), "spec.containers");
}

#[tokio::test]
async fn nobody_owns_what_admission_has_added_to_a_new_pod() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let made = client.post(PODS, &pod("p")).await;
    let mount = "/var/run/secrets/kubernetes.io/serviceaccount";
    assert_eq!(made.text("/spec/containers/0/volumeMounts/0/mountPath"), mount, "{made:?}");
    let container = json!({
        ".": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {}, "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {},
    });
    let owned = json!({"f:spec": {
        "f:containers": {".": {}, "k:{\"name\":\"a\"}": container}, "f:dnsPolicy": {}, "f:enableServiceLinks": {}, "f:restartPolicy": {},
        "f:schedulerName": {}, "f:securityContext": {}, "f:terminationGracePeriodSeconds": {},
    }});
    assert_eq!(made.body["metadata"]["managedFields"][0]["fieldsV1"], owned);
}

#[tokio::test]
async fn a_pod_is_bound_once() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    client.post(PODS, &pod("p")).await;
    assert_eq!(bind(&mut client, "p", "n").await.0, 201);
    let bound = client.get(&format!("{PODS}/p")).await;
    assert_eq!((bound.text("/spec/nodeName"), bound.text("/status/conditions/0/type")), ("n", "PodScheduled"));
    assert_eq!(bound.body["metadata"]["generation"], 1);
    let (code, message) = bind(&mut client, "p", "m").await;
    let expected = "Operation cannot be fulfilled on pods/binding \"p\": pod p is already assigned to node \"n\"";
    assert_eq!((code, message.as_str()), (409, expected));
    let selected = client.get("/api/v1/pods?fieldSelector=spec.nodeName%3Dn,status.phase%3DPending").await;
    assert_eq!(selected.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn status_and_the_rest_are_written_apart() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    client.post(PODS, &pod("p")).await;
    let path = format!("{PODS}/p");
    let both = json!({"metadata": {"labels": {"a": "b"}}, "status": {"phase": "Failed"}});
    let main = client.patch(&path, MERGE, &both).await;
    assert_eq!((main.text("/status/phase"), main.text("/metadata/labels/a")), ("Pending", "b"));
    let both = json!({"spec": {"hostname": "h"}, "status": {"phase": "Running", "podIP": "10.0.0.1"}});
    let status = client.patch(&format!("{path}/status"), MERGE, &both).await;
    assert_eq!((status.code, status.text("/status/phase"), status.text("/spec/hostname")), (200, "Running", ""));
    assert_eq!((status.text("/status/qosClass"), &status.body["metadata"]["generation"]), ("BestEffort", &json!(1)));
    let refused = client.patch(&path, MERGE, &json!({"spec": {"hostname": "h"}})).await;
    assert_eq!((refused.code, refused.text("/reason")), (422, "Invalid"));
    let start = "Pod \"p\" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`";
    assert!(refused.message().starts_with(start), "{}", refused.message());
    let image = json!({"spec": {"activeDeadlineSeconds": 60}});
    assert_eq!(client.patch(&path, MERGE, &image).await.body["metadata"]["generation"], 2);
}

#[tokio::test]
async fn a_pod_on_a_node_gets_its_grace_and_one_that_nobody_runs_goes_at_once() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    client.post(PODS, &pod("p")).await;
    let gone = client.delete(&format!("{PODS}/p"), &Value::Null).await;
    assert_eq!((gone.code, gone.text("/kind"), client.get(&format!("{PODS}/p")).await.code), (200, "Pod", 404));

    client.post(PODS, &pod("q")).await;
    bind(&mut client, "q", "n").await;
    let path = format!("{PODS}/q");
    let seconds = |answer: &crate::client::Answer| answer.body["metadata"]["deletionGracePeriodSeconds"].as_i64();
    let first = client.delete(&path, &Value::Null).await;
    assert_eq!((first.code, seconds(&first), &first.body["metadata"]["generation"]), (200, Some(30), &json!(2)));
    let longer = client.delete(&path, &json!({"gracePeriodSeconds": 60})).await;
    assert_eq!(longer.body, first.body, "a longer grace changes nothing");
    let shorter = client.delete(&path, &json!({"gracePeriodSeconds": 5})).await;
    assert_eq!(seconds(&shorter), Some(5));
    assert!(shorter.text("/metadata/deletionTimestamp") < first.text("/metadata/deletionTimestamp"));
    let uid = first.text("/metadata/uid");
    let wrong = json!({"gracePeriodSeconds": 0, "preconditions": {"uid": "other"}});
    assert_eq!(client.delete(&path, &wrong).await.code, 409);
    let last = json!({"gracePeriodSeconds": 0, "preconditions": {"uid": uid}});
    assert_eq!((client.delete(&path, &last).await.code, client.get(&path).await.code), (200, 404));
}

#[tokio::test]
async fn an_eviction_deletes_the_pod() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    client.post(PODS, &pod("p")).await;
    bind(&mut client, "p", "n").await;
    let evicted =
        client.post(&format!("{PODS}/p/eviction"), &json!({"deleteOptions": {"gracePeriodSeconds": 7}})).await;
    assert_eq!((evicted.code, evicted.text("/status")), (201, "Success"), "{evicted:?}");
    let going = client.get(&format!("{PODS}/p")).await;
    assert_eq!(going.body["metadata"]["deletionGracePeriodSeconds"], 7);
}

#[tokio::test]
async fn ephemeral_containers_are_added_at_their_own_path() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    client.post(PODS, &pod("p")).await;
    let path = format!("{PODS}/p/ephemeralcontainers");
    let patch = json!({"spec": {"ephemeralContainers": [{"name": "d", "image": "i"}]}});
    let added = client.patch(&path, MERGE, &patch).await;
    assert_eq!((added.code, added.text("/spec/ephemeralContainers/0/imagePullPolicy")), (200, "Always"), "{added:?}");
    let removed = client.patch(&path, MERGE, &json!({"spec": {"ephemeralContainers": []}})).await;
    assert_eq!(removed.code, 422);
    let resize = client.get(&format!("{PODS}/p/resize")).await;
    assert_eq!((resize.code, resize.text("/reason")), (403, "Forbidden"));
}

#[tokio::test]
async fn a_pod_gets_the_priority_of_its_class() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
    let class = json!({"metadata": {"name": "gold"}, "value": 7, "preemptionPolicy": "Never"});
    assert_eq!(client.post(classes, &class).await.code, 201);
    let mut of_class = pod("p");
    of_class["spec"]["priorityClassName"] = "gold".into();
    let made = client.post(PODS, &of_class).await;
    assert_eq!((&made.body["spec"]["priority"], made.text("/spec/preemptionPolicy")), (&json!(7), "Never"), "{made:?}");
    of_class["spec"]["priorityClassName"] = "tin".into();
    let refused = client.post(PODS, &of_class).await;
    assert_eq!(refused.message(), "pods \"p\" is forbidden: no PriorityClass with name tin was found");
}
