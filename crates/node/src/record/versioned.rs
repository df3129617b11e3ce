//! Records that say in which format they are.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::replace::{Durability, replace};
use crate::error::NodeError;

#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// Reads a record of a format up to `known`; none if there is none.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, known: u32) -> Result<Option<T>, NodeError> {
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(NodeError::File { operation: "read", path: path.to_owned(), source }),
    };
    let bad = |source| NodeError::BadRecord { path: path.to_owned(), source };
    // The format first: a newer one may not have the rest in a shape that can be read here.
    let Format { format } = serde_json::from_slice(&content).map_err(bad)?;
    if format > known {
        return Err(NodeError::NewerFormat { path: path.to_owned(), found: format, known });
    }
    serde_json::from_slice(&content).map(Some).map_err(bad)
}

/// Writes it durably.
pub(crate) fn write<T: Serialize>(path: &Path, record: &T) -> Result<(), NodeError> {
    let content =
        serde_json::to_vec(record).map_err(|source| NodeError::BadRecord { path: path.to_owned(), source })?;
    replace(path, &content, Durability::Disk).map_err(NodeError::file("write", path))
}
