//! Kubernetes' protobuf: what `kubectl create` and Go clients send. Read by a table of messages into the same values that
//! JSON gives; answers are never written so.
//!
//! ```text
//! "k8s\0" + Unknown { typeMeta: 1 { apiVersion: 1, kind: 2 }, raw: 2, contentEncoding: 3, contentType: 4 }
//! ```

mod decode;
mod message;
mod table;
mod wire;

use serde_json::Value;
use thiserror::Error;

use super::wanted::Wanted;
use decode::decode;
use wire::{Field, fields};

/// What every body starts with.
const PREFIX: &[u8] = b"k8s\0";

/// Why a body can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum ProtobufError {
    /// It does not start as it must.
    #[error("provided data does not appear to be a protobuf message, expected prefix {:?}", "k8s\\x00")]
    Prefix,
    /// It ends in the middle of something, or is not protobuf.
    #[error("proto: {0}")]
    Wire(&'static str),
    /// It is encoded otherwise.
    #[error("proto: {0} is not read")]
    Encoding(String),
    /// There is no table for the kind.
    #[error("{0} is not read as protobuf, only as JSON and YAML")]
    Kind(String),
    /// A message has a field that is not known.
    #[error("proto: unknown field number {number} in {message}")]
    UnknownField {
        /// The message.
        message: &'static str,
        /// The field's number.
        number: u32,
    },
    /// A value is none of its type.
    #[error("proto: {message}.{field}: {why}")]
    Value {
        /// The message.
        message: &'static str,
        /// The field's name in JSON.
        field: &'static str,
        /// What is wrong.
        why: &'static str,
    },
}

/// Reads a body. What it is comes from itself; where it does not say it, it is what is wanted.
pub(super) fn read(wanted: &Wanted, body: &[u8]) -> Result<Value, ProtobufError> {
    let envelope = Envelope::read(body.strip_prefix(PREFIX).ok_or(ProtobufError::Prefix)?)?;
    let kind = if envelope.kind.is_empty() { wanted.kind } else { envelope.kind };
    let mut object = if kind == wanted.kind {
        let message = table::message_of(wanted.group, wanted.kind);
        decode(message.ok_or_else(|| ProtobufError::Kind(kind.to_owned()))?, envelope.raw)?
    } else {
        // The caller refuses it for its kind.
        serde_json::Map::new()
    };
    object.insert("kind".to_owned(), kind.into());
    if !envelope.api_version.is_empty() {
        object.insert("apiVersion".to_owned(), envelope.api_version.into());
    }
    Ok(Value::Object(object))
}

/// What is around an object.
#[derive(Default)]
struct Envelope<'b> {
    api_version: &'b str,
    kind: &'b str,
    raw: &'b [u8],
}

impl<'b> Envelope<'b> {
    fn read(body: &'b [u8]) -> Result<Self, ProtobufError> {
        let mut envelope = Self::default();
        for field in fields(body) {
            match field? {
                (1, Field::Bytes(type_meta)) => envelope.read_type(type_meta)?,
                (2, Field::Bytes(raw)) => envelope.raw = raw,
                (3, Field::Bytes([])) | (4, Field::Bytes([] | b"application/vnd.kubernetes.protobuf")) => {}
                (3 | 4, Field::Bytes(encoding)) => {
                    return Err(ProtobufError::Encoding(String::from_utf8_lossy(encoding).into_owned()));
                }
                (number, _) => return Err(ProtobufError::UnknownField { message: "Unknown", number }),
            }
        }
        Ok(envelope)
    }

    fn read_type(&mut self, type_meta: &'b [u8]) -> Result<(), ProtobufError> {
        for field in fields(type_meta) {
            let text = |bytes| std::str::from_utf8(bytes).map_err(|_| ProtobufError::Wire("invalid UTF-8"));
            match field? {
                (1, Field::Bytes(version)) => self.api_version = text(version)?,
                (2, Field::Bytes(kind)) => self.kind = text(kind)?,
                (number, _) => return Err(ProtobufError::UnknownField { message: "TypeMeta", number }),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
