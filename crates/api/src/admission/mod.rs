//! What is decided of a write beyond the kind's own rules: where it may be, and who may do it.

mod namespaces;

use serde_json::Value;

use crate::resources::Part;
use crate::server::Server;
use crate::status::ApiError;
use crate::verbs::Asked;

pub(crate) use namespaces::check_namespace_takes;

/// Adds to a new object what its author may leave out because the server knows it.
pub(crate) fn prepare_new(_server: &Server, _asked: &Asked, _object: &mut Value) -> Result<(), ApiError> {
    Ok(())
}

/// Checks a write: `new` is none if the object goes, `old` is none if it is new.
pub(crate) fn check_write(
    _server: &Server,
    asked: &Asked,
    part: Part,
    new: Option<&Value>,
    old: Option<&Value>,
) -> Result<(), ApiError> {
    let _ = (part, old);
    if new.is_none() {
        namespaces::check_may_go(asked)?;
    }
    Ok(())
}
