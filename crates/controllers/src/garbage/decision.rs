//! What is to be done about one object.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::graph::{Graph, Item, blocks};

/// The object waits for dependents that block it.
pub(super) const FOREGROUND: &str = "foregroundDeletion";
/// The object waits until its dependents don't name it any more.
pub(super) const ORPHAN: &str = "orphan";

/// How an object's own dependents are treated when it is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    Nothing,
    /// An owner that is not known has to be asked for first.
    AskFor(Vec<OwnerReference>),
    Delete(Propagation),
    /// These owners are taken off.
    Disown(Vec<String>),
    /// This finalizer is taken off.
    Finalize(&'static str),
    /// The object is taken off these dependents first.
    Orphan(Vec<String>),
    /// These dependents are to be looked at, as the object waits for them.
    LookAt(Vec<String>),
}

/// What is known of an owner that is not in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// It does not exist, and never will again.
    Absent,
    /// It does, or nobody can tell.
    Present,
    /// It has not been asked for.
    Unknown,
}

/// Decides about the item; `owner` says what is known of those that the graph does not have.
pub(super) fn decide(item: &Item, graph: &Graph, owner: impl Fn(&OwnerReference) -> Owner) -> Action {
    if item.is_orphaning {
        let dependents: Vec<String> = graph.dependents(&item.uid).map(|own| own.uid.clone()).collect();
        return if dependents.is_empty() { Action::Finalize(ORPHAN) } else { Action::Orphan(dependents) };
    }
    if item.is_foreground {
        let blocking: Vec<String> =
            graph.dependents(&item.uid).filter(|own| blocks(own, &item.uid)).map(|own| own.uid.clone()).collect();
        return if blocking.is_empty() { Action::Finalize(FOREGROUND) } else { Action::LookAt(blocking) };
    }
    if item.is_deleted || item.owners.is_empty() {
        return Action::Nothing;
    }
    by_owners(item, graph, owner)
}

fn by_owners(item: &Item, graph: &Graph, owner: impl Fn(&OwnerReference) -> Owner) -> Action {
    let (mut solid, mut waiting, mut absent, mut unknown) = (false, Vec::new(), Vec::new(), Vec::new());
    for own in &item.owners {
        match graph.get(&own.uid) {
            // An owner in another namespace is none.
            Some(found) if !can_own(found, item) => absent.push(own.uid.clone()),
            Some(found) if found.is_foreground => waiting.push(own.uid.clone()),
            Some(_) => solid = true,
            None => match owner(own) {
                Owner::Absent => absent.push(own.uid.clone()),
                Owner::Present => solid = true,
                Owner::Unknown => unknown.push(own.clone()),
            },
        }
    }
    if !unknown.is_empty() {
        return Action::AskFor(unknown);
    }
    if solid {
        absent.append(&mut waiting);
        return if absent.is_empty() { Action::Nothing } else { Action::Disown(absent) };
    }
    let has = |name: &str| item.finalizers.iter().any(|finalizer| finalizer == name);
    let has_dependents = graph.dependents(&item.uid).next().is_some();
    if !waiting.is_empty() && has_dependents {
        let in_a_circle = graph.dependents(&item.uid).any(|own| own.is_foreground);
        // Who waits for whom in a circle would do so for ever.
        return Action::Delete(if in_a_circle { Propagation::Background } else { Propagation::Foreground });
    }
    Action::Delete(if has(ORPHAN) {
        Propagation::Orphan
    } else if has(FOREGROUND) {
        Propagation::Foreground
    } else {
        Propagation::Background
    })
}

/// What is in no namespace can own everything, all else only what is in its own.
fn can_own(owner: &Item, item: &Item) -> bool {
    owner.key.namespace.is_empty() || owner.key.namespace == item.key.namespace
}
