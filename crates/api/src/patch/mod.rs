//! Changes of an object in part: JSON patch, merge patch, strategic merge patch and server-side apply, and who owns which
//! field. Pure functions from values to values.
//!
//! What the lists of a kind mean is one table, [`shape_of`]: strategic merge and apply both go by it, with different keys.
//!
//! ```text
//! apply_json_patch(current, patch) / apply_merge_patch(current, patch) / apply_strategic(shape, current, patch) -> patched
//! server_side_apply(shape, live, applied, owner, force) -> the new object with metadata.managedFields, or conflicts
//! track_update(shape, live, new, owner) -> new with metadata.managedFields: after every other create, update and patch
//! track_create(shape, new, added, owner) -> the same for a new object, of which admission has added something
//! unless_unchanged(live, new) -> live, if nothing but the owners' times would differ
//! ```

mod apply;
mod error;
mod fields;
mod json;
mod managed;
mod merge;
mod ownership;
mod patch_type;
mod shape;
mod shapes;
mod strategic;

pub use apply::{ApplyError, server_side_apply};
pub use error::PatchError;
pub use fields::{Element, FieldSet};
pub use json::apply_json_patch;
pub use merge::apply_merge_patch;
pub use ownership::{FieldOwner, fields_added, manager_of, track_create, track_update, unless_unchanged};
pub use patch_type::PatchType;
pub use shape::Shape;
pub(crate) use shape::{Content, List, Strategic, Topology};
pub use shapes::shape_of;
pub use strategic::{apply_strategic, go_text};
