//! The labels and annotations on sandboxes and containers: all that ties them to a Pod and an epoch once the agent
//! that made them is gone. The `io.kubernetes` ones are the kubelet's, so that tools like crictl show Pods as usual.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Pod;

use crate::pod_key::{PodKey, uid_of};

/// Label: the Pod's name.
pub(crate) const POD_NAME: &str = "io.kubernetes.pod.name";
/// Label: the Pod's namespace.
pub(crate) const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
/// Label: the Pod's UID.
pub(crate) const POD_UID: &str = "io.kubernetes.pod.uid";
/// Label: the container's name in the Pod.
pub(crate) const CONTAINER_NAME: &str = "io.kubernetes.container.name";
/// Label: the epoch that the container was created for; ephemeral containers have none.
pub(crate) const EPOCH: &str = "reprise.dev/epoch";
/// Label: which node made it. A runtime may serve more than one.
pub(crate) const NODE: &str = "reprise.dev/node";
/// Annotation of a sandbox: the runtime may prepare the next epoch's containers ahead of time.
pub(crate) const PARK: &str = "reprise.dev/park";

/// Says which node made it.
pub(crate) fn sign(labels: &mut HashMap<String, String>, node: &str) {
    labels.insert(NODE.to_owned(), node.to_owned());
}

/// Labels of the Pod's sandbox.
pub(crate) fn of_sandbox(pod: &Pod) -> HashMap<String, String> {
    let mut labels: HashMap<_, _> = pod.metadata.labels.clone().unwrap_or_default().into_iter().collect();
    labels.extend(of_pod(pod));
    labels
}

/// Labels of one of the Pod's containers.
pub(crate) fn of_container(pod: &Pod, name: &str, epoch: Option<u64>) -> HashMap<String, String> {
    let mut labels = of_pod(pod);
    labels.insert(CONTAINER_NAME.to_owned(), name.to_owned());
    if let Some(epoch) = epoch {
        labels.insert(EPOCH.to_owned(), epoch.to_string());
    }
    labels
}

/// Selects what belongs to one Pod.
pub(crate) fn selector(uid: &str) -> HashMap<String, String> {
    HashMap::from([(POD_UID.to_owned(), uid.to_owned())])
}

fn of_pod(pod: &Pod) -> HashMap<String, String> {
    let PodKey { namespace, name } = PodKey::of(pod);
    HashMap::from([
        (POD_NAME.to_owned(), name),
        (POD_NAMESPACE.to_owned(), namespace),
        (POD_UID.to_owned(), uid_of(pod).to_owned()),
    ])
}
