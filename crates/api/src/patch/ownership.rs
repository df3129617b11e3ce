//! Who owns what after a write.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::apply::{Untyped, compare};
use super::fields::{Element, FieldSet};
use super::managed::{Entry, ManagedFields, Manager, Operation, without_managed_fields, written};
use super::shape::Shape;

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldOwner<'a> {
    /// The field manager.
    pub manager: &'a str,
    /// The subresource that is written; empty for the object itself.
    pub subresource: &'a str,
    /// Fields at the top that this write can't change, so that it does not own them: `status` for the object itself, `spec`
    /// for its status.
    pub resets: &'a [&'a str],
    /// When.
    pub now: Timestamp,
}

impl FieldOwner<'_> {
    pub(super) fn of(&self, operation: Operation, object: &Value) -> Manager {
        let name = if self.manager.is_empty() { "unknown" } else { self.manager };
        Manager {
            operation,
            name: name.to_owned(),
            api_version: object["apiVersion"].as_str().unwrap_or_default().to_owned(),
            subresource: self.subresource.to_owned(),
        }
    }
}

/// The field manager of a write that names none: the first part of the client's `User-Agent`.
#[must_use]
pub fn manager_of(user_agent: &str) -> String {
    let first = user_agent.split('/').next().unwrap_or_default();
    first.chars().filter(|c| !c.is_control()).take(128).collect()
}

/// Notes in `new` who owns what after a create (no `live`), update or patch that is no apply. `new` is the object as it will
/// be stored, with its defaults; the `managedFields` that it brings count, so that clients may change them.
#[must_use]
pub fn track_update(shape: &'static Shape, live: Option<&Value>, mut new: Value, owner: &FieldOwner<'_>) -> Value {
    let managed = given_or_live(live, &new, owner);
    let bare = without_managed_fields(&new);
    let tracked = match live {
        // What is not tracked since its creation is not tracked at all, until it is applied.
        Some(_) if managed.entries.is_empty() => Ok(ManagedFields::default()),
        Some(live) => updated(shape, &without_managed_fields(live), &bare, managed, owner),
        None => updated(shape, &empty(&new), &bare, managed, owner),
    };
    // Items that can't be told apart leave everything as it was; validation refuses them where they matter.
    let tracked = tracked.or_else(|_| live.map_or(Ok(ManagedFields::default()), ManagedFields::of)).unwrap_or_default();
    tracked.write(&mut new);
    new
}

/// The entries that count: those of the new object, and if it has none those of the stored one. An empty list, and one with
/// an empty entry, forget all owners.
fn given_or_live(live: Option<&Value>, new: &Value, owner: &FieldOwner<'_>) -> ManagedFields {
    let of_live = || live.and_then(|live| ManagedFields::of(live).ok()).unwrap_or_default();
    if !owner.subresource.is_empty() {
        return of_live();
    }
    match new["metadata"]["managedFields"].as_array() {
        Some(list) if list.is_empty() || (list.len() == 1 && list[0].as_object().is_some_and(Map::is_empty)) => {
            ManagedFields::default()
        }
        _ => ManagedFields::of(new).ok().filter(|given| !given.entries.is_empty()).unwrap_or_else(of_live),
    }
}

/// The owners after a change from `live` to `new` that is no apply: who makes it takes what it changes, and what is removed
/// is nobody's.
pub(super) fn updated(
    shape: &'static Shape,
    live: &Value,
    new: &Value,
    mut managed: ManagedFields,
    owner: &FieldOwner<'_>,
) -> Result<ManagedFields, Untyped> {
    let manager = owner.of(Operation::Update, new);
    let comparison = compare(shape, live, new)?.without(owner.resets);
    let taken = comparison.changed();
    for entry in &mut managed.entries {
        entry.fields = entry.fields.difference(&comparison.removed);
        if entry.manager != manager {
            entry.fields = entry.fields.difference(&taken);
        }
    }
    managed.entries.retain(|entry| !entry.fields.is_empty());
    let taken = taken.difference(&never_owned());
    if !taken.is_empty() {
        let before = managed.get(&manager).map(|entry| entry.fields.clone()).unwrap_or_default();
        managed.set(Entry { manager, time: Some(written(owner.now)), fields: before.union(&taken) });
        managed.cap();
    }
    Ok(managed)
}

/// What nobody owns: it tells which object it is, or the server sets it.
pub(super) fn never_owned() -> FieldSet {
    let mut set = FieldSet::default();
    for name in ["apiVersion", "kind", "metadata"] {
        set.insert(&[Element::field(name)]);
    }
    for name in [
        "clusterName",
        "creationTimestamp",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "selfLink",
        "uid",
    ] {
        set.insert(&[Element::field("metadata"), Element::field(name)]);
    }
    set
}

/// Objects that are there in every object of a kind, so that no write adds them.
const ALWAYS_THERE: &[&[&str]] = &[
    &["metadata"],
    &["spec"],
    &["status"],
    &["source"],
    &["spec", "resources"],
    &["spec", "template"],
    &["spec", "template", "metadata"],
    &["spec", "template", "spec"],
    &["status", "loadBalancer"],
];

/// The state before a create.
pub(super) fn empty(new: &Value) -> Value {
    let mut empty = Value::Object(Map::new());
    for path in ALWAYS_THERE {
        let pointer = format!("/{}", path.join("/"));
        if !new.pointer(&pointer).is_some_and(Value::is_object) {
            continue;
        }
        let mut place = &mut empty;
        for name in *path {
            place = &mut place[*name];
        }
        *place = Value::Object(Map::new());
    }
    empty
}

/// `new`, or `live` if nothing but times of owners would change.
#[must_use]
pub fn unless_unchanged(live: &Value, new: Value) -> Value {
    let timeless = |object: &Value| {
        let mut object = object.clone();
        let entries = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
            entry.remove("time");
        }
        object
    };
    if timeless(live) == timeless(&new) { live.clone() } else { new }
}

#[cfg(test)]
#[path = "ownership_tests.rs"]
mod tests;
