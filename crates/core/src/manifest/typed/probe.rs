//! Finds out what a list or a map wants in it, by offering it a value that only looks.
//!
//! Needed when the node is no list or map at all: the message names the whole type, such as `[]v1.Container`.

use std::cell::RefCell;

use serde::de::value::Error;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};

/// Remembers what was asked for.
#[derive(Default)]
pub(super) struct Probe {
    seen: RefCell<String>,
}

impl Probe {
    /// The Go type that was asked for.
    pub fn seen(&self) -> String {
        self.seen.borrow().clone()
    }

    /// A list with no items, or a map with one entry, whose type is looked at.
    pub fn offer(&self) -> Offer<'_> {
        Offer(self)
    }
}

/// One item or entry, offered to a visitor.
pub(super) struct Offer<'p>(&'p Probe);

impl Offer<'_> {
    fn saw(&self, go_type: &str) -> Error {
        *self.0.seen.borrow_mut() = go_type.to_owned();
        de::Error::custom("only looking")
    }
}

impl<'de> SeqAccess<'de> for Offer<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        // It fails by design; what it saw is what counts, and the list stays empty.
        drop(seed.deserialize(Offer(self.0)));
        Ok(None)
    }
}

impl<'de> MapAccess<'de> for Offer<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        seed.deserialize("key".into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Offer(self.0))
    }
}

macro_rules! saw {
    ($($method:ident $go:literal)*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(self.saw($go))
        }
    )*};
}

impl<'de> Deserializer<'de> for Offer<'_> {
    type Error = Error;

    saw! {
        deserialize_any "interface {}"
        deserialize_string "string"
        deserialize_str "[]uint8"
        deserialize_bool "bool"
        deserialize_i32 "int32"
        deserialize_i64 "int64"
        deserialize_seq "[]interface {}"
        deserialize_map "map[string]interface {}"
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        Err(self.saw(&format!("v1.{name}")))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, _: V) -> Result<V::Value, Error> {
        let package = if name == "Quantity" { "resource" } else { "v1" };
        Err(self.saw(&format!("{package}.{name}")))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum
        identifier ignored_any
    }
}
