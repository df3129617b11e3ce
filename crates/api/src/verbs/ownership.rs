//! Who owns which field after a write.

use serde_json::Value;

use super::asked::Asked;
use crate::patch::{FieldOwner, Shape, shape_of, track_update, unless_unchanged};
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

/// The new object with `managedFields` that say who has set what; the old one if nothing but that would change.
pub(super) fn tracked(asked: &Asked, options: &WriteOptions, old: Option<&Value>, new: Value) -> Value {
    let manager = options.manager(&asked.user_agent);
    let tracked = track_update(shape(asked), old, new, &owner(asked, &manager));
    match old {
        Some(old) => unless_unchanged(old, tracked),
        None => tracked,
    }
}
