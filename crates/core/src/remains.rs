//! What is left of Pods that are gone: which sandboxes, containers and folders are nobody's.
//!
//! A Pod clears away what it had before its record goes. Only a call that was under way when an agent died, or a record
//! that somebody removed, leaves anything. What has no label of this node is never touched: a runtime may serve others too.

use std::collections::BTreeSet;

/// A sandbox or container as its labels show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// The runtime's id.
    pub id: String,
    /// The node that made it; none: it was not made by one of ours.
    pub node: Option<String>,
    /// The UID of its Pod.
    pub pod: Option<String>,
}

/// Those of `node` whose Pod is none of `pods`.
#[must_use]
pub fn of_gone_pods<'a>(all: &'a [Labelled], node: &str, pods: &BTreeSet<String>) -> Vec<&'a Labelled> {
    let is_ours = |one: &&Labelled| one.node.as_deref() == Some(node);
    let is_gone = |one: &&Labelled| one.pod.as_ref().is_some_and(|uid| !pods.contains(uid));
    all.iter().filter(is_ours).filter(is_gone).collect()
}

/// The folders of logs, named `<namespace>_<name>_<uid>`, whose Pod is none of `pods`.
#[must_use]
pub fn log_folders<'a>(names: &'a [String], pods: &BTreeSet<String>) -> Vec<&'a str> {
    let is_gone = |name: &&str| {
        let parts: Vec<&str> = name.split('_').collect();
        matches!(parts[..], [namespace, pod, uid] if !namespace.is_empty() && !pod.is_empty() && !pods.contains(uid))
    };
    names.iter().map(String::as_str).filter(is_gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(id: &str, node: Option<&str>, pod: Option<&str>) -> Labelled {
        Labelled { id: id.to_owned(), node: node.map(str::to_owned), pod: pod.map(str::to_owned) }
    }

    #[test]
    fn only_what_this_node_made_for_a_pod_that_is_gone_is_nobodys() {
        let all = [
            labelled("gone", Some("n1"), Some("u2")),
            labelled("lives", Some("n1"), Some("u1")),
            labelled("of another node", Some("n2"), Some("u2")),
            labelled("of a kubelet", None, Some("u2")),
            labelled("of nobody", Some("n1"), None),
        ];
        let pods = BTreeSet::from(["u1".to_owned()]);
        let ids: Vec<&str> = of_gone_pods(&all, "n1", &pods).iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["gone"]);
    }

    #[test]
    fn folders_that_are_not_named_as_a_pods_stay() {
        let names = ["default_p_u1", "default_p_u2", "note", "a_b_c_d", "_p_u2"].map(str::to_owned);
        assert_eq!(log_folders(&names, &BTreeSet::from(["u1".to_owned()])), ["default_p_u2"]);
    }
}
