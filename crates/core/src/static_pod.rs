//! Static Pods: Pods that a node has from a folder or a URL instead of an API, named and kept as the kubelet does it.
//!
//! A static Pod's UID comes from what its manifest says and where it is from. So the same manifest is the same Pod, after
//! however many starts of the agent, and a changed one is another Pod, for which the old one is ended first.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, Toleration};
use sha2::{Digest, Sha256};

use crate::unset::text;

/// Annotation: where the Pod is from, `file` or `http`.
pub const CONFIG_SOURCE: &str = "kubernetes.io/config.source";
/// Annotation: the hash of what its manifest says, which is its UID.
pub const CONFIG_HASH: &str = "kubernetes.io/config.hash";
/// Annotation: when the node saw it first.
pub const CONFIG_SEEN: &str = "kubernetes.io/config.seen";
/// Annotation of the copy of a static Pod in an API. A manifest can't have it.
pub const CONFIG_MIRROR: &str = "kubernetes.io/config.mirror";
/// A UID has 32 digits.
const UID_BYTES: usize = 16;

/// Where static Pods are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A file in a folder of the node.
    File,
    /// A URL.
    Http,
}

impl Source {
    /// The value of the annotation [`CONFIG_SOURCE`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Http => "http",
        }
    }

    /// Where a Pod is from; none if it is not a static one.
    #[must_use]
    pub fn of(pod: &Pod) -> Option<Self> {
        let name = pod.metadata.annotations.as_ref()?.get(CONFIG_SOURCE)?;
        [Self::File, Self::Http].into_iter().find(|source| source.name() == name)
    }
}

/// Makes a static Pod of a manifest that was decoded and not yet admitted. `origin` is its file or URL. Its UID, for
/// admission, is returned.
pub fn settle(pod: &mut Pod, source: Source, origin: &str, node_name: &str, now: Timestamp) -> String {
    let hash = hash(pod, source, origin, node_name);
    let metadata = &mut pod.metadata;
    let uid = Some(text(&metadata.uid)).filter(|uid| !uid.is_empty()).map_or_else(|| hash, str::to_owned);
    if let Some(name) = metadata.name.as_mut().filter(|name| !name.is_empty()) {
        *name = format!("{name}-{}", node_name.to_lowercase());
    }
    // It would be another one each time.
    metadata.generate_name = None;
    if text(&metadata.namespace).is_empty() {
        metadata.namespace = Some("default".to_owned());
    }
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.remove(CONFIG_MIRROR);
    for (name, value) in
        [(CONFIG_SOURCE, source.name().to_owned()), (CONFIG_HASH, uid.clone()), (CONFIG_SEEN, now.to_string())]
    {
        annotations.insert(name.to_owned(), value);
    }
    let spec = pod.spec.get_or_insert_default();
    spec.node_name = Some(node_name.to_owned());
    // Nobody else could take it on.
    let stays = Toleration {
        operator: Some("Exists".to_owned()),
        effect: Some("NoExecute".to_owned()),
        ..Toleration::default()
    };
    spec.tolerations.get_or_insert_default().push(stays);
    uid
}

fn hash(pod: &Pod, source: Source, origin: &str, node_name: &str) -> String {
    // Maps of the types are sorted: the same Pod gives the same text.
    let content = serde_json::to_vec(pod).unwrap_or_default();
    let mut hash = Sha256::new();
    for part in [&content[..], node_name.as_bytes(), source.name().as_bytes(), origin.as_bytes()] {
        hash.update(u64::try_from(part.len()).unwrap_or_default().to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(UID_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// A Pod's namespace and name.
pub type Name = (String, String);

/// A Pod that the node has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Its UID.
    pub uid: String,
    /// Where it is from; none if it is not a static one.
    pub source: Option<Source>,
    /// It is being deleted.
    pub ends: bool,
}

/// What it takes to have the Pods that are wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Static Pods to end.
    pub end: Vec<Name>,
    /// Pods to run.
    pub run: Vec<Pod>,
    /// Pods whose name is still taken by one that ends: look again when it is gone.
    pub wait_for: Vec<Name>,
    /// Pods whose name belongs to a Pod that is not a static one.
    pub taken: Vec<Name>,
}

/// Compares the static Pods that are wanted with what is there. Only of a source in `known`, which could be read, are the
/// Pods ended that it does not have any more.
#[must_use]
pub fn changes(wanted: &[Pod], present: &BTreeMap<Name, Present>, known: &BTreeSet<Source>) -> Changes {
    let mut changes = Changes::default();
    let wanted: BTreeMap<Name, &Pod> = wanted.iter().map(|pod| (name_of(pod), pod)).collect();
    for (name, here) in present {
        let is_wanted = wanted.get(name).is_some_and(|pod| text(&pod.metadata.uid) == here.uid);
        // A new manifest of that name says what becomes of the old one, wherever it is from.
        let is_replaced = wanted.contains_key(name) && here.source.is_some();
        let is_dropped = here.source.is_some_and(|source| known.contains(&source));
        if !here.ends && !is_wanted && (is_dropped || is_replaced) {
            changes.end.push(name.clone());
        }
    }
    for (name, pod) in wanted {
        match present.get(&name) {
            None => changes.run.push(pod.clone()),
            Some(here) if here.source.is_none() => changes.taken.push(name),
            Some(here) if here.ends || here.uid != text(&pod.metadata.uid) => changes.wait_for.push(name),
            Some(_) => {}
        }
    }
    changes
}

fn name_of(pod: &Pod) -> Name {
    (text(&pod.metadata.namespace).to_owned(), text(&pod.metadata.name).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(name: &str, image: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": name, "annotations": {CONFIG_MIRROR: "x"}},
            "spec": {"containers": [{"name": "c", "image": image}]}
        }))
        .unwrap()
    }

    fn settled(name: &str, image: &str, origin: &str, second: i64) -> Pod {
        let mut pod = manifest(name, image);
        let now = Timestamp::from_second(second).unwrap();
        let uid = settle(&mut pod, Source::File, origin, "Node-1", now);
        pod.metadata.uid = Some(uid);
        pod
    }

    #[test]
    fn a_static_pod_is_named_after_its_node_and_says_where_it_is_from() {
        let pod = settled("web", "i", "/etc/p/web.yaml", 0);
        assert_eq!(name_of(&pod), ("default".to_owned(), "web-node-1".to_owned()));
        let annotations = pod.metadata.annotations.clone().unwrap();
        assert_eq!(annotations[CONFIG_SOURCE], "file");
        assert_eq!(annotations[CONFIG_HASH], pod.metadata.uid.clone().unwrap());
        assert_eq!(annotations[CONFIG_SEEN], "1970-01-01T00:00:00Z");
        assert!(!annotations.contains_key(CONFIG_MIRROR));
        assert_eq!(Source::of(&pod), Some(Source::File));
        assert_eq!(Source::of(&manifest("web", "i")), None);
        assert_eq!(pod.spec.unwrap().node_name.as_deref(), Some("Node-1"));
    }

    #[test]
    fn the_same_manifest_is_the_same_pod_and_a_changed_or_moved_one_another() {
        let uid = |image, origin, second| settled("web", image, origin, second).metadata.uid.unwrap();
        let first = uid("i", "/p/web.yaml", 0);
        assert_eq!(first.len(), 32);
        assert_eq!(first, uid("i", "/p/web.yaml", 99));
        assert_ne!(first, uid("j", "/p/web.yaml", 0));
        assert_ne!(first, uid("i", "/p/other.yaml", 0));
        let mut own = manifest("web", "i");
        own.metadata.uid = Some("mine".to_owned());
        assert_eq!(settle(&mut own, Source::Http, "u", "n", Timestamp::UNIX_EPOCH), "mine");
    }

    fn here(pod: &Pod, source: Option<Source>, ends: bool) -> (Name, Present) {
        (name_of(pod), Present { uid: text(&pod.metadata.uid).to_owned(), source, ends })
    }

    #[test]
    fn a_new_manifest_runs_a_removed_one_ends_and_a_changed_one_does_both() {
        let [old, new, other] = [("a", "i"), ("a", "j"), ("b", "i")].map(|(name, image)| settled(name, image, "f", 0));
        let known = BTreeSet::from([Source::File]);
        let start = changes(std::slice::from_ref(&old), &BTreeMap::new(), &known);
        assert_eq!((start.run, start.end), (vec![old.clone()], vec![]));
        let present = BTreeMap::from([here(&old, Some(Source::File), false), here(&other, Some(Source::File), false)]);
        let same = changes(&[old.clone(), other.clone()], &present, &known);
        assert_eq!(same, Changes::default());
        let changed = changes(&[new, other.clone()], &present, &known);
        assert_eq!((changed.end, changed.wait_for), (vec![name_of(&old)], vec![name_of(&old)]));
        assert!(changed.run.is_empty(), "the old one ends first");
        assert_eq!(changes(&[other], &present, &known).end, [name_of(&old)]);
        let ending = BTreeMap::from([here(&old, Some(Source::File), true)]);
        let back = changes(std::slice::from_ref(&old), &ending, &known);
        assert_eq!((back.end, back.wait_for), (vec![], vec![name_of(&old)]), "a manifest that is back");
    }

    #[test]
    fn a_source_that_can_not_be_read_ends_nothing_and_other_pods_are_left_alone() {
        let (pod, plain) = (settled("a", "i", "f", 0), settled("p", "i", "f", 0));
        let present = BTreeMap::from([here(&pod, Some(Source::File), false), here(&plain, None, false)]);
        assert_eq!(changes(&[], &present, &BTreeSet::from([Source::Http])), Changes::default());
        let taken = changes(std::slice::from_ref(&plain), &present, &BTreeSet::from([Source::File]));
        assert_eq!((taken.taken, taken.end), (vec![name_of(&plain)], vec![name_of(&pod)]));
    }
}
