//! Who owns which field after a write.

use serde_json::Value;

use super::asked::Asked;
use crate::patch::{FieldOwner, FieldSet, Shape, shape_of, track_create, track_update, unless_unchanged};
use crate::request::WriteOptions;

/// What the lists of the resource's kind mean.
pub(super) fn shape(asked: &Asked) -> &'static Shape {
    shape_of(asked.resource.group, asked.resource.kind)
}

/// Who writes, and which fields this write can't change.
pub(super) fn owner<'a>(asked: &Asked, manager: &'a str) -> FieldOwner<'a> {
    let has_status = asked.resource.subresource("status").is_some();
    let resets: &[&str] = match asked.part() {
        "status" => &["spec"],
        "" if has_status => &["status"],
        _ => &[],
    };
    FieldOwner { manager, subresource: asked.part(), resets, now: asked.now }
}

/// A new object with `managedFields` that say who has set what; nobody has what was added to it.
pub(super) fn tracked_new(asked: &Asked, options: &WriteOptions, new: Value, added: &FieldSet) -> Value {
    let manager = options.manager(&asked.user_agent);
    track_create(shape(asked), new, added, &owner(asked, &manager))
}

/// The changed object with `managedFields` that say who has set what; the old one if nothing but that would change.
pub(super) fn tracked(asked: &Asked, options: &WriteOptions, old: &Value, new: Value) -> Value {
    let manager = options.manager(&asked.user_agent);
    unless_unchanged(old, track_update(shape(asked), Some(old), new, &owner(asked, &manager)))
}
