//! Which node needs which objects: kept up to date Pod by Pod, as asking all Pods for each request would be slow.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Pod;
use reprise_core::objects::{ObjectKind, references};
use reprise_core::unset::{list, text};

/// Annotation of a Pod that only mirrors one that its node has from elsewhere.
pub(in crate::security) const MIRROR: &str = "kubernetes.io/config.mirror";

/// What Pods need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DependencyKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
    /// A PersistentVolumeClaim.
    Claim,
    /// A service account.
    ServiceAccount,
}

/// One object that Pods need.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Dependency {
    /// Its kind.
    pub kind: DependencyKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Which Pods nodes have, and what these need.
#[derive(Debug, Default)]
pub struct PodGraph {
    pods: HashMap<(String, String), Bound>,
    /// For each object the nodes that need it, with the number of Pods.
    needed_by: HashMap<Dependency, HashMap<String, usize>>,
}

#[derive(Debug)]
struct Bound {
    node: String,
    needs: Vec<Dependency>,
}

impl PodGraph {
    /// Takes a Pod as it is now.
    pub fn put(&mut self, pod: &Pod) {
        let key = (text(&pod.metadata.namespace).to_owned(), text(&pod.metadata.name).to_owned());
        self.remove(&key.0, &key.1);
        let node = pod.spec.as_ref().map(|spec| text(&spec.node_name)).unwrap_or_default();
        if node.is_empty() {
            return;
        }
        let needs = needs(pod);
        for need in &needs {
            *self.needed_by.entry(need.clone()).or_default().entry(node.to_owned()).or_default() += 1;
        }
        self.pods.insert(key, Bound { node: node.to_owned(), needs });
    }

    /// Forgets a Pod.
    pub fn remove(&mut self, namespace: &str, name: &str) {
        let Some(bound) = self.pods.remove(&(namespace.to_owned(), name.to_owned())) else { return };
        for need in bound.needs {
            let Some(nodes) = self.needed_by.get_mut(&need) else { continue };
            match nodes.get_mut(&bound.node) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(nodes.remove(&bound.node)),
            }
            if nodes.is_empty() {
                self.needed_by.remove(&need);
            }
        }
    }

    /// Whether a Pod of this node that has not ended needs the object.
    #[must_use]
    pub fn needs(&self, node: &str, dependency: &Dependency) -> bool {
        self.needed_by.get(dependency).is_some_and(|nodes| nodes.contains_key(node))
    }

    /// Whether the Pod is bound to this node.
    #[must_use]
    pub fn has_pod(&self, node: &str, namespace: &str, name: &str) -> bool {
        self.pods.get(&(namespace.to_owned(), name.to_owned())).is_some_and(|bound| bound.node == node)
    }
}

/// What a Pod needs. One that has ended needs nothing any more; a mirror, which a node can make itself, may give it nothing.
fn needs(pod: &Pod) -> Vec<Dependency> {
    let has_ended = pod.status.as_ref().is_some_and(|status| matches!(text(&status.phase), "Succeeded" | "Failed"));
    let is_mirror = pod.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(MIRROR));
    let Some(spec) = pod.spec.as_ref().filter(|_| !has_ended && !is_mirror) else { return Vec::new() };
    let namespace = text(&pod.metadata.namespace);
    let of = |kind, name: &str| Dependency { kind, namespace: namespace.to_owned(), name: name.to_owned() };
    let mut all: Vec<Dependency> = references(pod)
        .iter()
        .filter_map(|key| {
            let kind = match key.kind {
                ObjectKind::ConfigMap => DependencyKind::ConfigMap,
                ObjectKind::Secret => DependencyKind::Secret,
                ObjectKind::PersistentVolumeClaim => DependencyKind::Claim,
                ObjectKind::PersistentVolume => return None,
            };
            Some(of(kind, &key.name))
        })
        .collect();
    all.extend(list(&spec.image_pull_secrets).iter().map(|secret| of(DependencyKind::Secret, &secret.name)));
    let ephemeral = list(&spec.volumes).iter().filter(|volume| volume.ephemeral.is_some());
    let pod_name = text(&pod.metadata.name);
    all.extend(ephemeral.map(|volume| of(DependencyKind::Claim, &format!("{pod_name}-{}", volume.name))));
    all.push(of(DependencyKind::ServiceAccount, text(&spec.service_account_name)));
    all.retain(|need| !need.name.is_empty());
    all.sort_by(|a, b| (a.kind as u8, &a.name).cmp(&(b.kind as u8, &b.name)));
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pod(name: &str, node: &str, secret: &str, phase: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"namespace": "n", "name": name, "uid": format!("{name}-uid")},
            "spec": {
                "nodeName": node,
                "serviceAccountName": "robot",
                "imagePullSecrets": [{"name": "pull"}],
                "volumes": [{"name": "v", "secret": {"secretName": secret}}],
                "containers": [{"name": "c", "envFrom": [{"configMapRef": {"name": "m"}}]}],
            },
            "status": {"phase": phase},
        }))
        .unwrap()
    }

    fn secret(name: &str) -> Dependency {
        Dependency { kind: DependencyKind::Secret, namespace: "n".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn a_node_needs_what_its_pods_name_and_no_longer_when_they_have_ended() {
        let mut graph = PodGraph::default();
        graph.put(&pod("p", "a", "s", "Running"));
        for kind in [DependencyKind::ServiceAccount, DependencyKind::ConfigMap] {
            let name = if kind == DependencyKind::ConfigMap { "m" } else { "robot" };
            assert!(graph.needs("a", &Dependency { kind, namespace: "n".to_owned(), name: name.to_owned() }));
        }
        assert!(graph.needs("a", &secret("s")) && graph.needs("a", &secret("pull")));
        assert!(!graph.needs("b", &secret("s")) && !graph.needs("a", &secret("t")));
        assert!(graph.has_pod("a", "n", "p") && !graph.has_pod("b", "n", "p"));
        graph.put(&pod("p", "a", "s", "Succeeded"));
        assert!(!graph.needs("a", &secret("s")) && graph.has_pod("a", "n", "p"));
    }

    #[test]
    fn a_mirror_gives_its_node_nothing() {
        let mut graph = PodGraph::default();
        let mut mirror = pod("p", "a", "s", "Running");
        mirror.metadata.annotations = Some([(MIRROR.to_owned(), "x".to_owned())].into());
        graph.put(&mirror);
        assert!(!graph.needs("a", &secret("s")) && graph.has_pod("a", "n", "p"));
    }

    proptest! {
        #[test]
        fn the_graph_is_what_the_pods_that_are_there_say(changes in proptest::collection::vec((0_u8..4, 0_u8..3, 0_u8..3), 1..40)) {
            let mut graph = PodGraph::default();
            let mut there: HashMap<u8, (u8, u8)> = HashMap::new();
            for (name, node, secret_name) in changes {
                if node == 2 {
                    there.remove(&name);
                    graph.remove("n", &format!("p{name}"));
                } else {
                    there.insert(name, (node, secret_name));
                    graph.put(&pod(&format!("p{name}"), &format!("n{node}"), &format!("s{secret_name}"), "Running"));
                }
                for node in 0..2 {
                    for secret_name in 0..3 {
                        let wanted = there.values().any(|&has| has == (node, secret_name));
                        prop_assert_eq!(graph.needs(&format!("n{node}"), &secret(&format!("s{secret_name}"))), wanted);
                    }
                }
            }
            for name in 0..4 {
                graph.remove("n", &format!("p{name}"));
            }
            prop_assert!(graph.needed_by.is_empty() && graph.pods.is_empty());
        }
    }
}
