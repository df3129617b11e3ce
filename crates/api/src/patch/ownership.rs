//! Who owns what after a write.

use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::apply::{Untyped, compare};
use super::fields::{Element, FieldSet};
use super::managed::{Entry, ManagedFields, Manager, Operation, written};
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
    let tracked = match live {
        // What is not tracked since its creation is not tracked at all, until it is applied.
        Some(_) if managed.entries.is_empty() => Ok(ManagedFields::default()),
        Some(live) => updated(shape, live, &new, managed, owner),
        None => updated(shape, &empty(&new), &new, managed, owner),
    };
    // Items that can't be told apart leave everything as it was; validation refuses them where they matter.
    let tracked = tracked.or_else(|_| live.map_or(Ok(ManagedFields::default()), ManagedFields::of)).unwrap_or_default();
    tracked.write(&mut new);
    new
}

/// The same for a new object: `added` is what was added to what its author has sent, and is nobody's.
#[must_use]
pub fn track_create(shape: &'static Shape, new: Value, added: &FieldSet, owner: &FieldOwner<'_>) -> Value {
    let mut new = track_update(shape, None, new, owner);
    if added.is_empty() {
        return new;
    }
    if let Ok(mut managed) = ManagedFields::of(&new) {
        for entry in &mut managed.entries {
            entry.fields.subtract_with_all_below(added);
        }
        managed.entries.retain(|entry| !entry.fields.is_empty());
        managed.write(&mut new);
    }
    new
}

/// What one state of an object has that an earlier one has not. Nothing, if their items can't be told apart.
#[must_use]
pub fn fields_added(shape: &'static Shape, before: &Value, after: &Value) -> FieldSet {
    compare(shape, before, after).map(|found| found.added).unwrap_or_default()
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
    let mut comparison = compare(shape, live, new)?.without(owner.resets);
    comparison.forget(&MANAGED_FIELDS);
    let mut taken = comparison.changed();
    for entry in &mut managed.entries {
        entry.fields.subtract(&comparison.removed);
        if entry.manager != manager {
            entry.fields.subtract(&taken);
        }
    }
    managed.entries.retain(|entry| !entry.fields.is_empty());
    taken.subtract(&NEVER_OWNED);
    if !taken.is_empty() {
        let before = managed.get(&manager).map(|entry| entry.fields.clone()).unwrap_or_default();
        managed.set(Entry { manager, time: Some(written(owner.now)), fields: before.union(&taken) });
        managed.cap();
    }
    Ok(managed)
}

/// What nobody owns: it tells which object it is, or the server sets it.
pub(super) static NEVER_OWNED: LazyLock<FieldSet> = LazyLock::new(never_owned);

/// What says who owns what, and all that is in it.
static MANAGED_FIELDS: LazyLock<FieldSet> = LazyLock::new(|| {
    let mut set = FieldSet::default();
    set.insert(&[Element::field("metadata"), Element::field("managedFields")]);
    set
});

fn never_owned() -> FieldSet {
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
    if is_unchanged(live, &new) { live.clone() } else { new }
}

/// Whether two states differ in times of owners at most.
fn is_unchanged(live: &Value, new: &Value) -> bool {
    let same = |path: &[&str], live: &Value, new: &Value, below: &dyn Fn(&Value, &Value) -> bool| {
        let (Some(of_live), Some(of_new)) = (live.as_object(), new.as_object()) else { return live == new };
        let special = |name: &str| path.contains(&name);
        of_live.len() == of_new.len()
            && of_live.iter().all(|(name, value)| match of_new.get(name) {
                Some(other) if special(name) => below(value, other),
                other => other == Some(value),
            })
    };
    let entry = |live: &Value, new: &Value| same(&["time"], live, new, &|_, _| true);
    let entries = |live: &Value, new: &Value| match (live.as_array(), new.as_array()) {
        (Some(live), Some(new)) => live.len() == new.len() && live.iter().zip(new).all(|(live, new)| entry(live, new)),
        _ => live == new,
    };
    same(&["metadata"], live, new, &|live, new| same(&["managedFields"], live, new, &entries))
}

#[cfg(test)]
#[path = "ownership_tests.rs"]
mod tests;
