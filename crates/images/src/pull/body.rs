//! The bytes of an answer, bounded: a registry is a stranger, and this process has no memory to give away.

use bytes::Bytes;
use reqwest::Response;

use crate::Digest;
use crate::digest::Hasher;
use crate::error::{Error, Result};
use crate::manifest::Descriptor;

/// An answer's whole body; `None` if it is longer than `most`.
pub(super) async fn read(mut response: Response, most: u64) -> reqwest::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if text.len() as u64 + piece.len() as u64 > most {
            return Ok(None);
        }
        text.extend_from_slice(&piece);
    }
    Ok(Some(text))
}

/// A blob as it comes, proven at its end.
pub(super) struct Blob {
    response: Response,
    /// The host that it comes from.
    host: String,
    /// What errors call it.
    what: String,
    expected: Digest,
    size: u64,
    hasher: Hasher,
    received: u64,
}

impl Blob {
    pub(super) fn new(response: Response, host: &str, what: String, descriptor: &Descriptor) -> Self {
        Self {
            response,
            host: host.to_owned(),
            what,
            expected: descriptor.digest.clone(),
            size: descriptor.size,
            hasher: Hasher::default(),
            received: 0,
        }
    }

    /// The next piece; `None` once all is there and has the blob's digest.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        let piece = self.response.chunk().await;
        let piece = piece.map_err(|e| Error::Unreachable { registry: self.host.clone(), source: Box::new(e) })?;
        let Some(piece) = piece else {
            let actual = self.hasher.digest();
            if actual == self.expected {
                return Ok(None);
            }
            return Err(Error::DigestMismatch { what: self.what.clone(), expected: self.expected.clone(), actual });
        };
        self.received += piece.len() as u64;
        if self.received > self.size {
            let reason = format!("{} is longer than the {} bytes that its manifest states", self.expected, self.size);
            return Err(Error::InvalidImage { what: self.what.clone(), reason });
        }
        self.hasher.update(&piece);
        Ok(Some(piece))
    }
}
