//! Lists of Pods.

use hyper::Response;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::answer::{Body, Refusal, json as answer};
use crate::node::Node;
use crate::pod_key::{PodKey, uid_of};
use crate::view::PodView;

/// All Pods of the node with their statuses.
pub(super) fn all(node: &Node) -> Result<Response<Body>, Refusal> {
    let with_status = |view: PodView| Pod { status: Some(view.status), ..view.pod };
    let items: Vec<Pod> = node.pods().into_iter().map(with_status).collect();
    answer(&list(json!(items)))
}

/// What of them is in the runtime and runs, in short.
pub(super) fn running(node: &Node) -> Result<Response<Body>, Refusal> {
    let items: Vec<Value> = node.pods().iter().filter_map(in_short).collect();
    answer(&list(json!(items)))
}

fn list(items: Value) -> Value {
    json!({ "kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items })
}

fn in_short(view: &PodView) -> Option<Value> {
    view.ledger.sandbox.as_ref()?;
    let runs = view.ledger.containers.iter().filter_map(|(name, record)| Some((name, record.run.as_ref()?)));
    let running = runs.filter(|(_, run)| run.is_running());
    let containers: Vec<Value> =
        running.map(|(name, run)| json!({ "name": name, "image": run.image, "resources": {} })).collect();
    let PodKey { namespace, name } = PodKey::of(&view.pod);
    let metadata = json!({ "name": name, "namespace": namespace, "uid": uid_of(&view.pod) });
    Some(json!({ "metadata": metadata, "spec": { "containers": containers }, "status": {} }))
}
