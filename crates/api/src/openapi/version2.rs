//! OpenAPI v2, as far as clients need it: everything is described by v3.
//!
//! `kubectl` looks here for a kind that v3 does not have, before it says that there is no such kind. Without a document here
//! it says that the server lacks something, and people look for the wrong thing.

use bytes::Bytes;
use serde_json::json;

use crate::KUBERNETES_VERSION;

/// The type of what clients in Go take.
pub const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const TITLE: &str = "Kubernetes";

/// A document without paths, in protobuf: `openapi.v2.Document{swagger: 1, info: 2{title: 1, version: 2}, paths: 8{}}`.
#[must_use]
pub fn protobuf() -> Bytes {
    let info = [field(1, TITLE.as_bytes()), field(2, KUBERNETES_VERSION.as_bytes())].concat();
    [field(1, b"2.0"), field(2, &info), field(8, b"")].concat().into()
}

/// The same in JSON.
#[must_use]
pub fn json() -> Bytes {
    let info = json!({"title": TITLE, "version": KUBERNETES_VERSION});
    json!({"swagger": "2.0", "info": info, "paths": {}}).to_string().into()
}

/// A field with a length. All here are shorter than 128 bytes, whose length is one byte.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let head = [number << 3 | 2, u8::try_from(content.len()).unwrap_or(u8::MAX) & 0x7f];
    [&head[..], content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_says_what_it_is_and_has_no_paths() {
        let expected = b"\x0a\x032.0\x12\x1d\x0a\x0aKubernetes\x12\x0fv1.36.2+reprise\x42\x00";
        assert_eq!(protobuf().as_ref(), expected);
        assert!(KUBERNETES_VERSION.len() + TITLE.len() + 4 < 128);
    }
}
