//! How the objects of a kind are read and described, from the type that stands for it.

use std::borrow::Cow;

use reprise_core::manifest::{Reading, Tree};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What is made of a kind's type. Functions, so that a row of the table can have them.
#[derive(Clone, Copy)]
pub struct Types {
    /// Reads an object as the type and writes it again: fields that the type does not have are gone.
    pub normalize: fn(Value) -> Result<Value, serde_json::Error>,
    /// Reads a body as the type, and tells what does not fit.
    pub read: fn(&Tree) -> Reading,
    /// The name of its schema, such as `io.k8s.api.core.v1.Pod`.
    pub schema_name: fn() -> Cow<'static, str>,
    /// Its schema.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Types {
    /// Those of `T`.
    #[must_use]
    pub const fn of<T: Serialize + DeserializeOwned + JsonSchema>() -> Self {
        Self { normalize: normalize::<T>, read: Tree::read::<T>, schema_name: T::schema_name, schema: subschema::<T> }
    }
}

fn normalize<T: Serialize + DeserializeOwned>(object: Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_value::<T>(object)?)
}

fn subschema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
