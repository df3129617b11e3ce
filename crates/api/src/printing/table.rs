//! `Table` documents: lists, single objects, and the events of a watch.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::field::text;
use super::{Columns, partial_object};
use crate::status::ApiError;

/// What of an object comes with its row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// Its metadata.
    #[default]
    Metadata,
    /// All of it: for `--sort-by`.
    Object,
}

impl IncludeObject {
    /// From the query parameter `includeObject`, which may be empty.
    ///
    /// # Errors
    ///
    /// 422 for another value.
    pub fn parse(value: &str) -> Result<Self, ApiError> {
        match value {
            "" | "Metadata" => Ok(Self::Metadata),
            "None" => Ok(Self::None),
            "Object" => Ok(Self::Object),
            other => {
                let why = format!("Unsupported value: {other:?}: supported values: \"Metadata\", \"None\", \"Object\"");
                let message = format!("TableOptions.meta.k8s.io \"\" is invalid: includeObject: {why}");
                let error = ApiError::new(422, "Invalid", message).about("meta.k8s.io", "TableOptions", "");
                Err(error.because("FieldValueNotSupported", &why, "includeObject"))
            }
        }
    }

    fn of(self, object: &Value) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Metadata => partial_object(object),
            Self::Object => object.clone(),
        }
    }
}

/// A list. `metadata` is the list's: its resource version, and how it goes on.
#[must_use]
pub fn table<'a>(
    columns: &Columns,
    objects: impl IntoIterator<Item = &'a Value>,
    metadata: Value,
    include: IncludeObject,
    now: Timestamp,
) -> Value {
    let rows: Vec<Value> = objects.into_iter().map(|object| row(columns, object, include, now)).collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": columns.definitions(),
        "rows": rows,
    })
}

/// One object: what a GET of it answers, and what is in an event of a watch, bookmarks among them. Only the `first` event
/// says what the columns are.
#[must_use]
pub fn watch_table(columns: &Columns, object: &Value, include: IncludeObject, now: Timestamp, first: bool) -> Value {
    let metadata = json!({"resourceVersion": text(object, "/metadata/resourceVersion")});
    let mut table = table(columns, [object], metadata, include, now);
    if !first {
        table["columnDefinitions"] = Value::Null;
    }
    table
}

fn row(columns: &Columns, object: &Value, include: IncludeObject, now: Timestamp) -> Value {
    let mut row = json!({"cells": columns.cells(object, now), "object": include.of(object)});
    if let Some(condition) = ended(object) {
        row["conditions"] = json!([condition]);
    }
    row
}

/// A Pod that has ended says so beside its cells, so that a client can hide it.
fn ended(object: &Value) -> Option<Value> {
    if text(object, "/kind") != "Pod" {
        return None;
    }
    let reason = text(object, "/status/phase");
    let message = match reason {
        "Succeeded" => "The pod has completed successfully.",
        "Failed" => "The pod failed.",
        _ => return None,
    };
    Some(json!({"type": "Completed", "status": "True", "reason": reason, "message": message}))
}
