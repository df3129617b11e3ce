//! Errors about fields of an object, worded as Kubernetes words them.
//!
//! Everything that checks an object writes into one [`Report`]; an API answer and a message on a terminal
//! are both made from it. The kinds, their words and the way values are shown are those of apimachinery's
//! `field.Error`, because clients compare them.

mod bad_value;
mod error;
mod path;
mod report;

pub use bad_value::BadValue;
pub use error::{ErrorKind, FieldError};
pub use path::FieldPath;
pub use report::Report;
