//! Server-side apply with `kube`, by two managers.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use reprise_testkit::Node;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::up::Up;
use crate::scene::LIMIT;

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
