//! What all kinds have.

use super::super::shape::{ATOMIC, Field, Shape, Strategic, Topology, USUAL, key, list, merged, object};

/// An object with metadata and nothing else that is special.
pub(super) static ONLY_METADATA: Shape = Shape::of(&[METADATA]);

/// The metadata of an object.
pub(super) const METADATA: Field = object("metadata", &OBJECT_META);

pub(super) static OBJECT_META: Shape = Shape::of(&[
    list("finalizers", Strategic::Merge, Topology::Set, &USUAL),
    merged("ownerReferences", &[key("uid")], &ATOMIC),
]);

/// Conditions, each told by its type.
pub(super) const CONDITIONS: Field = merged("conditions", &[key("type")], &USUAL);
