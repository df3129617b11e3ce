//! How messages are shown as JSON.

use serde::Serializer;

/// A variable's value is text nearly always, and is shown as such.
pub fn text<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}
