//! Sets of fields: who owns what, as `managedFields` tells it.

mod element;
mod set;
mod text;

pub use element::Element;
pub use set::FieldSet;
