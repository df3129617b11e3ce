//! What a client asks for: the path, the query and the options in it, read once and refused if they make no sense.

mod address;
mod delete_options;
mod field_selector;
mod label_selector;
mod list_options;
mod query;
mod write_options;

pub use address::Address;
pub use delete_options::{DeleteOptions, Preconditions, Propagation};
pub use field_selector::{FieldSelector, equalities};
pub use label_selector::LabelSelector;
pub use list_options::{InitialEvents, ListOptions, VersionMatch};
pub use query::Query;
pub use write_options::{FieldValidation, WriteOptions};
