//! Where the cgroup of a Pod is.

use k8s_openapi::api::core::v1::Pod;
use reprise_core::qos::qos_class;

use crate::pod_key::uid_of;

/// The classes of Pods.
pub(super) const CLASSES: [&str; 3] = ["Guaranteed", "Burstable", "BestEffort"];

/// The cgroup of all Pods of the node whose cgroups are below `root`.
pub(super) fn of_all(root: &str) -> String {
    format!("{}/kubepods", root.trim_end_matches('/'))
}

/// The cgroup of all Pods of a class; Guaranteed ones have none of their own.
pub(super) fn of_class(root: &str, class: &str) -> String {
    match class {
        "Guaranteed" => of_all(root),
        class => format!("{}/{}", of_all(root), class.to_lowercase()),
    }
}

/// The Pod's own cgroup, in which its containers' are.
pub(crate) fn of_pod(root: &str, pod: &Pod) -> String {
    of_uid(root, qos_class(pod), uid_of(pod))
}

/// The cgroup of the Pod with this UID, if it is of this class.
pub(super) fn of_uid(root: &str, class: &str, uid: &str) -> String {
    format!("{}/pod{uid}", of_class(root, class))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_is_below_its_class() {
        let of = |resources| {
            let containers = json!([{"name": "c", "resources": resources}]);
            let pod = json!({"metadata": {"uid": "u"}, "spec": {"containers": containers}});
            of_pod("/r/", &serde_json::from_value(pod).unwrap())
        };
        assert_eq!(of(json!({})), "/r/kubepods/besteffort/podu");
        assert_eq!(of(json!({"requests": {"cpu": "1"}})), "/r/kubepods/burstable/podu");
        assert_eq!(of(json!({"limits": {"cpu": "1", "memory": "1Gi"}})), "/r/kubepods/podu");
    }
}
