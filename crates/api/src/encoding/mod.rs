//! What goes over the wire: request bodies to objects, and what form an answer has.
//!
//! Bodies may be JSON, YAML or protobuf ([`decode_body`]); answers are JSON, or YAML for who takes nothing else
//! ([`negotiate`]). Decoding is as strict as the API server's: what `fieldValidation` asks for, in its words.

mod body;
pub(crate) mod media_type;
mod negotiation;
mod patched;
mod problems;
mod protobuf;
mod wanted;

pub use body::{Decoded, decode_body};
pub use media_type::{BodyEncoding, body_encoding};
pub use negotiation::{Accepted, AnswerEncoding, Form, negotiate};
pub use patched::{decode_applied, decode_patched, read_patch};
pub use wanted::Wanted;
