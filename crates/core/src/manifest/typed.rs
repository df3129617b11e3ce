//! Reads the Kubernetes types out of nodes, and notes everything that does not fit.
//!
//! The generated types ask for what they need (a struct of a certain name with certain fields, a number of a
//! certain width, ...). So this deserializer knows their schema without a table: it sees unknown fields, and
//! words wrong types as Go's JSON reader does, with the struct's name and the path of field names. A value
//! that does not fit is noted and replaced by the empty one, so that one pass finds everything.

mod access;
mod base64_text;
mod go_type;
mod place;
mod probe;

use std::cell::RefCell;

use k8s_openapi::jiff::Timestamp;
use serde::de::value::{Error, StringDeserializer};
use serde::de::{Deserialize, Deserializer, IntoDeserializer, Visitor};

use super::error::{Problem, ProblemKind};
use super::node::{Node, Value};
use crate::quantity::Quantity;
use access::{Entries, Items};
use place::Place;
use probe::Probe;

/// Reads a `T`, an object of the Kubernetes kind `kind`; the problems are in the order of the text.
pub(super) fn read<T: for<'de> Deserialize<'de>>(node: &Node) -> (Option<T>, Vec<Problem>) {
    let problems = RefCell::new(Vec::new());
    let typed = Typed { node, place: Place::default(), problems: &problems };
    let value = T::deserialize(typed).ok();
    (value, problems.into_inner())
}

/// A node, where it stands, and where to note problems.
struct Typed<'n> {
    node: &'n Node,
    place: Place<'n>,
    problems: &'n RefCell<Vec<Problem>>,
}

impl<'n> Typed<'n> {
    fn note(&self, kind: ProblemKind, text: String) {
        let problem = Problem::at_node(kind, self.place.path(), self.node, text);
        self.problems.borrow_mut().push(problem);
    }

    /// Notes that the node is no `go_type`, unless it is null, which is the empty value of every type.
    fn mismatch(&self, go_type: &str) {
        if !self.node.is_null() {
            self.note(ProblemKind::Type, self.place.cannot_unmarshal(self.node.json_kind(), go_type));
        }
    }

    /// The node as an integer between `min` and `max`; else 0, with a note.
    fn integer(&self, go_type: &str, min: i128, max: i128) -> i64 {
        let Value::Number(digits) = &self.node.value else {
            self.mismatch(go_type);
            return 0;
        };
        match digits.parse::<i128>() {
            Ok(value) if (min..=max).contains(&value) => i64::try_from(value).unwrap_or_default(),
            _ => {
                let text = self.place.cannot_unmarshal(&format!("number {digits}"), go_type);
                self.note(ProblemKind::Type, text);
                0
            }
        }
    }

    /// The node as a quantity in canonical form; else `0`, with a note.
    fn quantity(&self) -> String {
        let text = match &self.node.value {
            Value::Text(text) | Value::Number(text) => text.trim(),
            Value::Null => "0",
            _ => "",
        };
        match text.parse::<Quantity>() {
            Ok(quantity) => quantity.to_string(),
            Err(error) => {
                self.note(ProblemKind::Type, error.to_string());
                "0".to_owned()
            }
        }
    }

    /// The node as a time; else the zero time, with a note.
    fn time(&self) -> String {
        let text = self.node.text().unwrap_or_default();
        if text.parse::<Timestamp>().is_err() {
            let layout = "2006-01-02T15:04:05Z07:00";
            self.note(ProblemKind::Type, format!("parsing time {text:?} as {layout:?}: cannot parse it"));
            return Timestamp::UNIX_EPOCH.to_string();
        }
        text.to_owned()
    }
}

/// Answers the requests for integers of each width.
macro_rules! integers {
    ($($method:ident $visit:ident $type:ident $go:literal)*) => {$(
        fn $method<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
            let value = self.integer($go, i128::from($type::MIN), i128::from($type::MAX));
            visitor.$visit($type::try_from(value).unwrap_or_default())
        }
    )*};
}

impl<'n> Deserializer<'n> for Typed<'n> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'n>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if !matches!(self.node.value, Value::Map(_)) {
            self.mismatch(&format!("v1.{name}"));
        }
        visitor.visit_map(Entries::of_struct(&self, name, fields))
    }

    fn deserialize_map<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        if !matches!(self.node.value, Value::Map(_)) && !self.node.is_null() {
            let probe = Probe::default();
            // A map cannot be left empty once its values were looked at, so this ends the reading.
            let result = visitor.visit_map(probe.offer());
            self.mismatch(&self.place.go_map(&probe.seen()));
            return result;
        }
        visitor.visit_map(Entries::of_map(&self))
    }

    fn deserialize_seq<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        if !matches!(self.node.value, Value::List(_)) && !self.node.is_null() {
            let probe = Probe::default();
            let result = visitor.visit_seq(probe.offer());
            self.mismatch(&format!("[]{}", self.place.go_item(&probe.seen())));
            return result;
        }
        visitor.visit_seq(Items::new(&self))
    }

    fn deserialize_string<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Text(text) => visitor.visit_str(text),
            _ => {
                self.mismatch(&self.place.go_item("string"));
                visitor.visit_str("")
            }
        }
    }

    /// Only bytes in base64 ask for this.
    fn deserialize_str<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        let Value::Text(text) = &self.node.value else {
            self.mismatch("[]uint8");
            return visitor.visit_str("");
        };
        match base64_text::canonical(text) {
            Ok(text) => visitor.visit_str(&text),
            Err(at) => {
                self.note(ProblemKind::Type, format!("illegal base64 data at input byte {at}"));
                visitor.visit_str("")
            }
        }
    }

    fn deserialize_bool<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.value {
            Value::Bool(value) => visitor.visit_bool(value),
            _ => {
                self.mismatch("bool");
                visitor.visit_bool(false)
            }
        }
    }

    integers! {
        deserialize_i16 visit_i16 i16 "int16"
        deserialize_i32 visit_i32 i32 "int32"
        deserialize_i64 visit_i64 i64 "int64"
    }

    fn deserialize_option<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'n>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        let text: StringDeserializer<Error> = match name {
            "Quantity" => self.quantity().into_deserializer(),
            "Time" | "MicroTime" => self.time().into_deserializer(),
            _ => return visitor.visit_newtype_struct(self),
        };
        visitor.visit_newtype_struct(text)
    }

    /// For `IntOrString` and for free-form values.
    fn deserialize_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        let result = match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Text(text) => visitor.visit_str(text),
            Value::Number(digits) => match (digits.parse(), digits.parse()) {
                (Ok(integer), _) => visitor.visit_i64(integer),
                (_, Ok(float)) => visitor.visit_f64(float),
                (Err(_), Err(_)) => visitor.visit_str(digits),
            },
            Value::List(_) => return visitor.visit_seq(Items::new(&self)),
            Value::Map(_) => return visitor.visit_map(Entries::of_map(&self)),
        };
        if result.is_err() {
            let kind = match &self.node.value {
                Value::Number(digits) => format!("number {digits}"),
                _ => self.node.json_kind().to_owned(),
            };
            self.note(ProblemKind::Type, format!("json: cannot unmarshal {kind} into Go value of type int32"));
        }
        result
    }

    fn deserialize_ignored_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'n>>
        i8 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }
}

#[cfg(test)]
mod tests;
