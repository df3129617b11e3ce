//! All fields of a type and of the types below it, told by the types themselves.
//!
//! The generated types ask a deserializer for a struct with certain fields. This one answers with every field that is
//! asked for, once, and writes down which they were. So a field that a newer Kubernetes brings is found without a list.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::de::value::{Error, StrDeserializer, StringDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};

/// The fields of each type, by the type's name; of each field the type below it, if that is a struct.
pub type Fields = BTreeMap<&'static str, BTreeMap<&'static str, BTreeSet<&'static str>>>;

/// Walks `T` and every type below it.
pub fn walk<T: for<'de> Deserialize<'de>>() -> Fields {
    let fields = RefCell::default();
    T::deserialize(Recorder { fields: &fields, parent: None }).expect("every type takes what it asked for");
    fields.into_inner()
}

#[derive(Clone, Copy)]
struct Recorder<'r> {
    fields: &'r RefCell<Fields>,
    /// The type and field that this is the value of.
    parent: Option<(&'static str, &'static str)>,
}

impl Recorder<'_> {
    fn enter(&self, name: &'static str) {
        let mut fields = self.fields.borrow_mut();
        if let Some((parent, field)) = self.parent {
            fields.entry(parent).or_default().entry(field).or_default().insert(name);
        }
    }
}

macro_rules! values {
    ($($method:ident $visit:ident $value:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit($value)
        }
    )*};
}

impl<'de> Deserializer<'de> for Recorder<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.enter(name);
        for field in fields {
            self.fields.borrow_mut().entry(name).or_default().entry(field).or_default();
        }
        visitor.visit_map(StructFields { recorder: self, name, fields: fields.iter(), field: "" })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(OneEntry { recorder: self, key: Some("key") })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(OneItem { recorder: Some(self) })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        let text: StringDeserializer<Error> = match name {
            "Time" | "MicroTime" => "2026-01-01T00:00:00Z".to_owned().into_deserializer(),
            "Quantity" => "1".to_owned().into_deserializer(),
            _ => return visitor.visit_newtype_struct(self),
        };
        visitor.visit_newtype_struct(text)
    }

    values! {
        deserialize_bool visit_bool true;
        deserialize_i16 visit_i16 1;
        deserialize_i32 visit_i32 1;
        deserialize_i64 visit_i64 1;
        deserialize_any visit_i64 1;
        deserialize_str visit_str "";
        deserialize_string visit_str "x";
        deserialize_ignored_any visit_i64 1;
    }

    serde::forward_to_deserialize_any! {
        i8 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }
}

struct StructFields<'r> {
    recorder: Recorder<'r>,
    name: &'static str,
    fields: std::slice::Iter<'static, &'static str>,
    field: &'static str,
}

impl<'de> MapAccess<'de> for StructFields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(field) = self.fields.next() else { return Ok(None) };
        self.field = field;
        let name: StrDeserializer<'_, Error> = field.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(Recorder { parent: Some((self.name, self.field)), ..self.recorder })
    }
}

struct OneEntry<'r> {
    recorder: Recorder<'r>,
    key: Option<&'static str>,
}

impl<'de> MapAccess<'de> for OneEntry<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(key) = self.key.take() else { return Ok(None) };
        let key: StrDeserializer<'_, Error> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.recorder)
    }
}

struct OneItem<'r> {
    recorder: Option<Recorder<'r>>,
}

impl<'de> SeqAccess<'de> for OneItem<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.recorder.take().map(|recorder| seed.deserialize(recorder)).transpose()
    }
}
