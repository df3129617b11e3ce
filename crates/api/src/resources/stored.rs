//! Kinds that are stored as they are: nothing but their form is checked.

use serde_json::Value;

use super::{Admitted, Behaviour, Context, Part};
use crate::status::ApiError;

/// The behaviour of such kinds.
pub struct Stored;

/// The one there is.
pub static STORED: Stored = Stored;

impl Behaviour for Stored {
    fn create(&self, _context: &Context<'_>, object: Value) -> Result<Admitted, ApiError> {
        Ok(Admitted { object, warnings: Vec::new() })
    }

    fn update(&self, _context: &Context<'_>, new: Value, old: &Value, part: Part) -> Result<Admitted, ApiError> {
        let _: (&Value, Part) = (old, part);
        Ok(Admitted { object: new, warnings: Vec::new() })
    }
}
