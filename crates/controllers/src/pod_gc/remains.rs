//! Which Pods are remains.

use std::collections::HashSet;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};
use reprise_core::unset::{list, text};

const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// A Pod to be removed.
#[derive(Debug)]
pub(super) struct Remains {
    pub(super) pod: Arc<Pod>,
    /// Why it has failed, if it has not ended on its own.
    pub(super) why_failed: Option<&'static str>,
}

/// All of them; `gone` are the nodes that are known not to exist.
pub(super) fn find(pods: &[Arc<Pod>], nodes: &[Arc<Node>], gone: &HashSet<String>, most_ended: usize) -> Vec<Remains> {
    let given_up = given_up(nodes);
    let mut found = Vec::new();
    let mut ended: Vec<&Arc<Pod>> = Vec::new();
    for pod in pods {
        let node = pod.spec.as_ref().map(|spec| text(&spec.node_name)).unwrap_or_default();
        let (is_deleted, has_ended) = (pod.metadata.deletion_timestamp.is_some(), has_ended(pod));
        let why = if gone.contains(node) {
            Some("PodGC: node no longer exists")
        } else if is_deleted && given_up.contains(node) {
            Some("PodGC: node is out of service")
        } else if is_deleted && node.is_empty() {
            Some("PodGC: node not assigned")
        } else {
            None
        };
        match why {
            Some(why) => found.push(Remains { pod: pod.clone(), why_failed: Some(why).filter(|_| !has_ended) }),
            None if has_ended && !is_deleted => ended.push(pod),
            None => {}
        }
    }
    let surplus = ended.len().saturating_sub(most_ended);
    ended.sort_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0));
    found.extend(ended.into_iter().take(surplus).map(|pod| Remains { pod: pod.clone(), why_failed: None }));
    found
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().map(|status| text(&status.phase)).unwrap_or_default();
    ["Succeeded", "Failed"].contains(&phase)
}

/// Nodes of which somebody has said that they do not run any more.
fn given_up(nodes: &[Arc<Node>]) -> HashSet<&str> {
    let is_ready = |node: &Node| {
        let conditions = node.status.as_ref().map(|status| list(&status.conditions)).unwrap_or_default();
        conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    };
    let is_given_up = |node: &&Arc<Node>| {
        let taints = node.spec.as_ref().map(|spec| list(&spec.taints)).unwrap_or_default();
        !is_ready(node) && taints.iter().any(|taint| taint.key == OUT_OF_SERVICE)
    };
    nodes.iter().filter(is_given_up).map(|node| text(&node.metadata.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(name: &str, more: Value) -> Arc<Pod> {
        let mut pod = json!({"metadata": {"name": name, "creationTimestamp": format!("2026-01-01T00:00:{name}Z")},
            "spec": {"nodeName": "a", "containers": []}, "status": {"phase": "Running"}});
        for (key, value) in more.as_object().unwrap() {
            pod[key].as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        }
        Arc::new(serde_json::from_value(pod).unwrap())
    }

    fn found(pods: &[Arc<Pod>], gone: &[&str], most: usize) -> Vec<(String, Option<&'static str>)> {
        let gone = gone.iter().map(|name| (*name).to_owned()).collect();
        let found = find(pods, &[], &gone, most);
        found.into_iter().map(|own| (own.pod.metadata.name.clone().unwrap(), own.why_failed)).collect()
    }

    #[test]
    fn pods_of_a_node_that_is_gone_have_failed_unless_they_ended_before() {
        let pods = [pod("01", json!({})), pod("02", json!({"status": {"phase": "Succeeded"}}))];
        assert_eq!(found(&pods, &[], 10), []);
        let why = Some("PodGC: node no longer exists");
        assert_eq!(found(&pods, &["a"], 10), [("01".to_owned(), why), ("02".to_owned(), None)]);
    }

    #[test]
    fn a_pod_that_was_deleted_before_it_had_a_node_goes() {
        let deleted = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"nodeName": ""}});
        assert_eq!(found(&[pod("01", deleted)], &[], 10), [("01".to_owned(), Some("PodGC: node not assigned"))]);
    }

    #[test]
    fn the_oldest_of_too_many_that_have_ended_go() {
        let ended = |name: &str| pod(name, json!({"status": {"phase": "Failed"}}));
        let pods = [ended("03"), ended("01"), pod("00", json!({})), ended("02")];
        assert_eq!(found(&pods, &[], 2), [("01".to_owned(), None)]);
    }
}
