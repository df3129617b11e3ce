//! From the text of a manifest to objects, as strictly as the API server with `fieldValidation=Strict`.
//!
//! A text becomes a tree of nodes that still knows where each value stood and which keys came twice
//! ([`yaml`], [`json`]); the published spelling of restart rules is rewritten on that tree ([`old_spelling`]);
//! then the Kubernetes types read the tree through a deserializer of our own ([`typed`]), which notes every
//! unknown field, duplicate and wrong type instead of stopping at the first.

mod document;
mod error;
mod json;
mod node;
mod old_spelling;
mod plain;
mod pod;
mod scalar;
mod tree;
mod typed;
mod yaml;

pub use document::{Document, Object, Origin, decode};
pub use error::{DecodeError, Problem, ProblemKind};
pub use node::Position;
pub use plain::{PlainError, read_plain, read_plain_documents};
pub use pod::{Decoded, decode_pod};
pub use tree::{Reading, Tree};
