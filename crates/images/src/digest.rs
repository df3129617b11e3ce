//! Content addresses.
//!
//! The store speaks SHA-256 only: every registry and every tool in use produces it, and one
//! algorithm makes ids comparable as plain text.

use std::fmt;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 content address, `sha256:<64 lower-case hex digits>`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

const PREFIX: &str = "sha256:";

impl Digest {
    /// Reads the written form; `None` for another algorithm or a wrong length.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix(PREFIX)?;
        is_hex(hex).then(|| Self(text.to_owned()))
    }

    /// Reads the digits alone, as image ids are often written.
    pub fn from_hex(hex: &str) -> Option<Self> {
        is_hex(hex).then(|| Self(format!("{PREFIX}{hex}")))
    }

    /// The address of `content`.
    pub fn of(content: &[u8]) -> Self {
        Self::finish(Sha256::new_with_prefix(content))
    }

    /// The 64 digits without the algorithm.
    pub fn hex(&self) -> &str {
        &self.0[PREFIX.len()..]
    }

    /// The whole written form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn finish(hasher: Sha256) -> Self {
        let mut text = String::with_capacity(PREFIX.len() + 64);
        text.push_str(PREFIX);
        for byte in hasher.finalize() {
            text.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
            text.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
        }
        Self(text)
    }
}

fn is_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("digest is not sha256 followed by 64 hex digits")
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The chain ids of layers with these diff ids, bottom first: a layer together with all below it.
pub(crate) fn chain_ids(diff_ids: &[Digest]) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::with_capacity(diff_ids.len());
    for diff in diff_ids {
        let id = match chain.last() {
            None => diff.clone(),
            Some(below) => Digest::of(format!("{below} {diff}").as_bytes()),
        };
        chain.push(id);
    }
    chain
}

/// Computes the address of what comes in pieces.
#[derive(Default)]
pub(crate) struct Hasher(Sha256);

impl Hasher {
    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The address of what came so far.
    pub(crate) fn digest(&self) -> Digest {
        Digest::finish(self.0.clone())
    }
}

/// Computes the address of everything read through it.
pub(crate) struct HashingReader<R> {
    /// The source; what is read from it directly is not counted.
    pub(crate) inner: R,
    hasher: Sha256,
}

impl<R: Read> HashingReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, hasher: Sha256::new() }
    }

    /// The address of what was read so far.
    pub(crate) fn digest(&self) -> Digest {
        Digest::finish(self.hasher.clone())
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_nothing_is_the_known_one() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").hex(), empty);
        assert_eq!(Digest::from_hex(empty), Digest::parse(&format!("sha256:{empty}")));
    }

    #[test]
    fn other_algorithms_and_lengths_are_refused() {
        assert!(Digest::parse("sha512:00").is_none());
        assert!(Digest::parse(&format!("sha256:{}", "A".repeat(64))).is_none());
        assert!(Digest::parse("sha256:../../../etc/passwd").is_none());
        assert!(serde_json::from_str::<Digest>("\"sha256:12\"").is_err());
    }

    #[test]
    fn a_chain_id_depends_on_all_layers_below() {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let chain = chain_ids(&[a.clone(), b.clone()]);
        assert_eq!(chain[0], a);
        assert_eq!(chain[1], Digest::of(format!("{a} {b}").as_bytes()));
    }

    #[test]
    fn reading_in_pieces_gives_the_same_digest() {
        let mut reader = HashingReader::new(&b"hello world"[..]);
        let mut piece = [0; 3];
        while reader.read(&mut piece).unwrap() > 0 {}
        assert_eq!(reader.digest(), Digest::of(b"hello world"));
    }
}
