//! Where in an object a value stands, for us and for Go.

use super::go_type;
use crate::field::FieldPath;

/// A place in an object under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// The path with list indexes, as in strict decoding errors.
    pub path: FieldPath,
    /// The innermost struct around the value, if there is one.
    pub go_struct: Option<&'static str>,
    /// The names of the fields from the top, without indexes and map keys.
    pub go_fields: Vec<&'static str>,
}

impl Place {
    pub fn field(&self, go_struct: &'static str, name: &'static str) -> Self {
        let mut go_fields = self.go_fields.clone();
        go_fields.push(name);
        Self { path: self.path.child(name), go_struct: Some(go_struct), go_fields }
    }

    pub fn entry(&self, key: &str) -> Self {
        Self { path: self.path.child(key), ..self.clone() }
    }

    pub fn item(&self, index: usize) -> Self {
        Self { path: self.path.index(index), ..self.clone() }
    }

    /// What Go's JSON reader says of a value that does not fit.
    pub fn cannot_unmarshal(&self, json_kind: &str, go_type: &str) -> String {
        match self.go_struct {
            Some(name) => {
                let fields = self.go_fields.join(".");
                format!("json: cannot unmarshal {json_kind} into Go struct field {name}.{fields} of type {go_type}")
            }
            None => format!("json: cannot unmarshal {json_kind} into Go value of type {go_type}"),
        }
    }

    /// The Go type of a value, or of the items of a list, that are `seen` on the wire.
    pub fn go_item(&self, seen: &str) -> String {
        let named = match (self.go_struct, self.go_fields.last()) {
            (Some(name), Some(field)) if seen == "string" => go_type::named_string(name, field),
            _ => None,
        };
        named.map_or_else(|| seen.to_owned(), |named| format!("v1.{named}"))
    }

    /// The Go type of a map with values that are `seen` on the wire.
    pub fn go_map(&self, seen: &str) -> String {
        if seen == "resource.Quantity" { "v1.ResourceList".to_owned() } else { format!("map[string]{seen}") }
    }
}
