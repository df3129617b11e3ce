//! The `kube` crate.

use std::fmt::Debug;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, ServiceAccount};
use kube::api::{
    AttachParams, DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::runtime::wait::await_condition;
use kube::runtime::wait::conditions::{is_deleted, is_pod_running};
use kube::{Api, Client, ResourceExt};
use reprise_testkit::Node;
use reprise_testkit::image::{BUSYBOX_IMAGE, TestImage};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::up::Up;
use crate::scene::LIMIT;

/// Within the limit of a test.
async fn soon<T, E: Debug>(what: impl Future<Output = Result<T, E>>) -> T {
    timeout(LIMIT, what).await.expect("it takes too long").unwrap()
}

fn pod() -> Value {
    let script = "mkdir /tmp/w; echo page > /tmp/w/index.html; echo up; exec httpd -f -p 8080 -h /tmp/w";
    json!({
        "metadata": {"name": "p", "labels": {"app": "p"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [
            {"name": "main", "image": BUSYBOX_IMAGE, "command": ["sh", "-c", script]},
        ]},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_is_created_watched_patched_entered_forwarded_to_and_deleted() {
    let node = Node::new();
    node.import(&TestImage::busybox().unwrap());
    let up = Up::start(&node, &[]);
    let client = up.client(None).await;
    let accounts: Api<ServiceAccount> = Api::default_namespaced(client.clone());
    soon(await_condition(accounts, "default", |account: Option<&ServiceAccount>| account.is_some())).await;
    let pods: Api<Pod> = Api::default_namespaced(client);

    let version = soon(pods.list(&ListParams::default())).await.metadata.resource_version.unwrap();
    let created = soon(pods.create(&PostParams::default(), &serde_json::from_value(pod()).unwrap())).await;
    let uid = created.uid().unwrap();
    soon(await_condition(pods.clone(), "p", is_pod_running())).await;
    watched(&pods, &version, &uid).await;
    patched(&pods).await;
    entered(&pods).await;
    forwarded_to(&pods).await;
    assert_eq!(soon(pods.logs("p", &LogParams::default())).await, "up\n");

    soon(pods.delete("p", &DeleteParams::default())).await;
    soon(await_condition(pods.clone(), "p", is_deleted(&uid))).await;
    assert!(soon(pods.get_opt("p")).await.is_none());
}

/// A watch from before it was created tells of it.
async fn watched(pods: &Api<Pod>, version: &str, uid: &str) {
    let events = soon(pods.watch(&WatchParams::default().labels("app=p"), version)).await;
    let mut events = events.boxed();
    match soon(events.try_next()).await {
        Some(WatchEvent::Added(pod)) => assert_eq!(pod.uid().unwrap(), uid),
        other => panic!("{other:?}"),
    }
}

async fn patched(pods: &Api<Pod>) {
    let labelled = |patch: Patch<Value>, parameters: PatchParams| async move {
        soon(pods.patch("p", &parameters, &patch)).await.labels().clone()
    };
    let metadata = |labels: Value| json!({ "metadata": { "labels": labels } });
    let strategic = labelled(Patch::Strategic(metadata(json!({"s": "1"}))), PatchParams::default()).await;
    assert_eq!(strategic.get("s").map(String::as_str), Some("1"));
    let merged = labelled(Patch::Merge(metadata(json!({"s": null, "m": "2"}))), PatchParams::default()).await;
    assert_eq!((merged.get("s"), merged.get("m").map(String::as_str)), (None, Some("2")));
    let mut applied = metadata(json!({"a": "3"}));
    applied["apiVersion"] = json!("v1");
    applied["kind"] = json!("Pod");
    let applied = labelled(Patch::Apply(applied), PatchParams::apply("one")).await;
    assert_eq!((applied.get("a").map(String::as_str), applied.len()), (Some("3"), 3));
}

async fn entered(pods: &Api<Pod>) {
    let mut process = soon(pods.exec("p", ["sh", "-c", "cat; exit 7"], &AttachParams::default().stdin(true))).await;
    let status = process.take_status().unwrap();
    let mut stdin = process.stdin().unwrap();
    soon(stdin.write_all(b"hello")).await;
    soon(stdin.shutdown()).await;
    drop(stdin);
    let mut said = String::new();
    soon(process.stdout().unwrap().read_to_string(&mut said)).await;
    assert_eq!(said, "hello");
    let status = timeout(LIMIT, status).await.unwrap().unwrap();
    assert_eq!((status.status.as_deref(), status.reason.as_deref()), (Some("Failure"), Some("NonZeroExitCode")));
    soon(process.join()).await;
}

async fn forwarded_to(pods: &Api<Pod>) {
    let mut forwarder = soon(pods.portforward("p", &[8080])).await;
    let mut stream = forwarder.take_stream(8080).unwrap();
    soon(stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n")).await;
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await;
    assert!(answer.ends_with("page\n"), "{answer}");
    drop(stream);
    // The Pod has ended it. kube takes that up, and may then complain of its own goodbye, which comes too late.
    let joined = timeout(LIMIT, forwarder.join()).await.expect("it takes too long");
    let complaint = joined.err().map(|error| format!("{error:?}"));
    let too_late = |complaint: &String| complaint.contains("SendAfterClosing");
    assert!(complaint.as_ref().is_none_or(too_late), "{complaint:?}");

    // This one the client ends.
    let mut forwarder = soon(pods.portforward("p", &[8080])).await;
    drop(forwarder.take_stream(8080).unwrap());
    soon(forwarder.join()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_applies_another_changes_by_force_alone() {
    let node = Node::new();
    let up = Up::start(&node, &["--no-node"]);
    let client: Client = up.client(None).await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let object =
        |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data});
    let apply = |manager: &'static str, data: Value, force: bool| {
        let (maps, object) = (maps.clone(), object(data));
        async move {
            let mut parameters = PatchParams::apply(manager);
            parameters.force = force;
            timeout(LIMIT, maps.patch("m", &parameters, &Patch::Apply(&object))).await.unwrap()
        }
    };
    let first = apply("a", json!({"a": "1", "b": "1"}), false).await.unwrap();
    let again = apply("a", json!({"a": "1", "b": "1"}), false).await.unwrap();
    assert_eq!((&again, again.resource_version()), (&first, first.resource_version()));
    match apply("b", json!({"a": "2"}), false).await {
        Err(kube::Error::Api(status)) => {
            assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
            assert_eq!(status.message, "Apply failed with 1 conflict: conflict with \"a\": .data.a");
        }
        other => panic!("{other:?}"),
    }
    let forced = apply("b", json!({"a": "2"}), true).await.unwrap();
    let data = |object: &ConfigMap| json!(object.data);
    assert_eq!(data(&forced), json!({"a": "2", "b": "1"}));
    let left = apply("a", json!({}), false).await.unwrap();
    assert_eq!(data(&left), json!({"a": "2"}));
}
