//! Server-side apply as a whole.

use serde_json::Value;
use thiserror::Error;

use super::super::managed::{Entry, ManagedFields, Manager, Operation, without_managed_fields, written};
use super::super::ownership::{FieldOwner, NEVER_OWNED, empty, updated};
use super::super::shape::Shape;
use super::Untyped;
use super::compare::compare;
use super::last_applied::{fields_applied_before, renew};
use super::overlay::overlay;
use super::owned::fields_of;
use super::prune::prune;
use crate::status::ApiError;

/// The manager whose conflicts with client-side apply are none.
const KUBECTL: &str = "kubectl";
/// Who owns what was there before an object was applied for the first time.
const BEFORE: &str = "before-first-apply";

/// Why something can't be applied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApplyError {
    /// Others own fields that it would change.
    #[error("{}", message(.0))]
    Conflicts(Vec<Conflict>),
    /// Who owns what is not for the client to say here.
    #[error("metadata.managedFields must be nil")]
    HasManagedFields,
    /// The object's own `managedFields` can't be read.
    #[error("failed to decode managed fields: {0}")]
    Undecodable(String),
    /// A list has items that can't be told apart.
    #[error("failed to create typed patch object: {0}")]
    Untyped(#[from] Untyped),
}

/// A field that somebody else owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    manager: Manager,
    field: String,
}

fn message(conflicts: &[Conflict]) -> String {
    if let [one] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with {}: {}", one.manager.shown(), one.field);
    }
    let mut lines = Vec::new();
    let mut last = None;
    for conflict in conflicts {
        if last != Some(&conflict.manager) {
            lines.push(format!("conflicts with {}:", conflict.manager.shown()));
            last = Some(&conflict.manager);
        }
        lines.push(format!("- {}", conflict.field));
    }
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}

impl From<ApplyError> for ApiError {
    fn from(error: ApplyError) -> Self {
        let text = error.to_string();
        match error {
            ApplyError::Conflicts(conflicts) => {
                conflicts.iter().fold(Self::new(409, "Conflict", text), |error, one| {
                    let message = format!("conflict with {}", one.manager.shown());
                    error.because("FieldManagerConflict", &message, &one.field)
                })
            }
            ApplyError::HasManagedFields => Self::bad_request(text),
            ApplyError::Undecodable(_) | ApplyError::Untyped(_) => Self::new(500, "", text),
        }
    }
}

/// Applies an object: the new one, with `metadata.managedFields`. Without `live` it is created. Nothing is defaulted: the
/// caller reads the object as its type again, which also takes out what is null.
///
/// # Errors
/// If others own what it would change (unless forced), or lists have items that can't be told apart.
pub fn server_side_apply(
    shape: &'static Shape,
    live: Option<&Value>,
    applied: &Value,
    owner: &FieldOwner<'_>,
    force: bool,
) -> Result<Value, ApplyError> {
    if !applied["metadata"]["managedFields"].is_null() {
        return Err(ApplyError::HasManagedFields);
    }
    let applied = without_fields(applied, owner.resets);
    let state = State::of(shape, live, owner, &applied)?;
    let done = match state.apply(&applied, owner, force) {
        Err(ApplyError::Conflicts(conflicts)) if owner.manager == KUBECTL => {
            let ours = fields_applied_before(shape, &state.live).map(|set| set.paths()).unwrap_or_default();
            let others: Vec<Conflict> =
                conflicts.into_iter().filter(|conflict| !ours.contains(&conflict.field)).collect();
            if others.is_empty() { state.apply(&applied, owner, true) } else { Err(ApplyError::Conflicts(others)) }
        }
        done => done,
    };
    let (mut object, managed) = done?;
    if owner.manager == KUBECTL {
        renew(&mut object, &applied);
    }
    managed.write(&mut object);
    Ok(object)
}

/// What is there before.
struct State {
    shape: &'static Shape,
    /// The object without `managedFields`; an empty one if there is none.
    live: Value,
    managed: ManagedFields,
}

impl State {
    fn of(
        shape: &'static Shape,
        live: Option<&Value>,
        owner: &FieldOwner<'_>,
        applied: &Value,
    ) -> Result<Self, ApplyError> {
        let Some(live) = live else {
            let empty =
                serde_json::json!({ "apiVersion": applied["apiVersion"], "kind": applied["kind"], "metadata": {} });
            return Ok(Self { shape, live: empty, managed: ManagedFields::default() });
        };
        let mut managed = ManagedFields::of(live).map_err(ApplyError::Undecodable)?;
        let bare = without_managed_fields(live);
        if managed.entries.is_empty() {
            let before = FieldOwner { manager: BEFORE, resets: &[], ..*owner };
            managed = updated(shape, &empty(&bare), &bare, managed, &before)?;
        }
        Ok(Self { shape, live: bare, managed })
    }

    fn apply(
        &self,
        applied: &Value,
        owner: &FieldOwner<'_>,
        force: bool,
    ) -> Result<(Value, ManagedFields), ApplyError> {
        let manager = owner.of(Operation::Apply, applied);
        let last = self.managed.get(&manager).cloned();
        let overlaid = overlay(self.shape, &self.live, applied)?;
        let fields = fields_of(self.shape, applied)?;
        let mut managed = self.managed.clone();
        managed.set(Entry { manager: manager.clone(), time: None, fields: fields.clone() });
        let object = match &last {
            // Nothing that was applied before is left out, so nothing goes.
            Some(last) if last.fields.is_within(&fields) => overlaid,
            // Once more over it: an empty list that is applied is there, and does not just go with its last item.
            Some(last) => {
                let pruned = prune(self.shape, &overlaid, &last.fields, &managed.owned())?;
                overlay(self.shape, &pruned, applied)?
            }
            None => overlaid,
        };
        let comparison = compare(self.shape, &self.live, &object)?;
        let changed = comparison.changed();
        let conflicts = conflicts(&managed, &manager, &changed);
        if !force && !conflicts.is_empty() {
            return Err(ApplyError::Conflicts(conflicts));
        }
        for entry in managed.entries.iter_mut().filter(|entry| entry.manager != manager) {
            entry.fields.subtract(&changed);
            entry.fields.subtract(&comparison.removed);
        }
        managed.entries.retain(|entry| !entry.fields.is_empty());
        let mut fields = fields;
        fields.subtract(&NEVER_OWNED);
        let unchanged = object == self.live && last.as_ref().is_some_and(|last| last.fields == fields);
        let time = if unchanged { last.and_then(|last| last.time) } else { Some(written(owner.now)) };
        managed.set(Entry { manager, time, fields });
        Ok((object, managed))
    }
}

/// What others own of what would change, sorted by owner.
fn conflicts(managed: &ManagedFields, manager: &Manager, changed: &super::super::fields::FieldSet) -> Vec<Conflict> {
    let mut others: Vec<&Entry> = managed.entries.iter().filter(|entry| entry.manager != *manager).collect();
    others.sort_by_key(|entry| (&entry.manager.name, &entry.manager));
    let conflicts = others.into_iter().flat_map(|entry| {
        let fields = entry.fields.intersection(changed).paths();
        fields.into_iter().map(|field| Conflict { manager: entry.manager.clone(), field })
    });
    conflicts.collect()
}

fn without_fields(object: &Value, names: &[&str]) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|name, _| !names.contains(&name.as_str()));
    }
    object
}

#[cfg(test)]
#[path = "server_side_tests.rs"]
mod tests;
