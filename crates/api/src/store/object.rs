//! An object as it is kept: its JSON as bytes, and beside it what lists and watches select by.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

/// The name of an object in the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What kind it is: the plural name, with the group unless that is the core's (`pods`, `jobs.batch`).
    pub resource: &'static str,
    /// The namespace; empty for what has none.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.namespace.is_empty() { "" } else { "/" };
        write!(f, "{} {}{slash}{}", self.resource, self.namespace, self.name)
    }
}

/// An object that is stored. Cheap to clone; it never changes.
pub type Stored = Arc<Object>;

/// What [`Stored`] shares.
#[derive(Debug, PartialEq, Eq)]
pub struct Object {
    /// Its name in the store.
    pub key: Arc<Key>,
    /// The revision of the change that made it so: its `metadata.resourceVersion`.
    pub revision: u64,
    /// The whole object, `metadata.resourceVersion` included.
    pub json: Bytes,
    /// Its labels.
    pub labels: Pairs,
    /// What field selectors can ask for, by the selector's names (`spec.nodeName`).
    pub fields: Pairs,
    /// When the store deletes it by itself.
    pub expires_at: Option<Timestamp>,
    /// Where in `json` the digits of the resource version begin.
    pub(super) version_at: u32,
}

/// Names with their values, in the few bytes that they need: an API server keeps them for every object.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Pairs(Box<[u8]>);

/// Labels, in what is stored.
pub type Labels = Pairs;
/// Fields that can be selected by, in what is stored.
pub type Fields = Pairs;

impl Pairs {
    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All of them, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || Some((take_text(&mut rest)?, take_text(&mut rest)?)))
    }

    /// As they are on disk.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// From disk. `None` if these are not pairs.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        while !rest.is_empty() {
            take_text(&mut rest)?;
            take_text(&mut rest)?;
        }
        Some(Self(bytes.into()))
    }
}

impl fmt::Debug for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Pairs {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut bytes = Vec::new();
        for (name, value) in pairs {
            put_text(&mut bytes, name.as_ref());
            put_text(&mut bytes, value.as_ref());
        }
        Self(bytes.into())
    }
}

/// A text with its length before it, in one byte if it is short.
fn put_text(bytes: &mut Vec<u8>, text: &str) {
    match u8::try_from(text.len()) {
        Ok(length) if length < LONG => bytes.push(length),
        // No object is as long as four billion bytes: the API refuses bodies of some megabytes.
        _ => {
            bytes.push(LONG);
            bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        }
    }
    bytes.extend_from_slice(text.as_bytes());
}

/// Instead of a length: four bytes with it follow.
const LONG: u8 = u8::MAX;

fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let (&first, rest) = bytes.split_first()?;
    let (length, rest) = match first {
        LONG => {
            let (length, rest) = rest.split_first_chunk()?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
        short => (usize::from(short), rest),
    };
    let (text, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_back_from_their_bytes() {
        let long = "v".repeat(700);
        let pairs: Pairs =
            [("app", "web"), ("", ""), ("edge", &"e".repeat(255)), ("long", &long)].into_iter().collect();
        let back = Pairs::from_bytes(pairs.as_bytes()).unwrap();
        assert_eq!(back, pairs);
        assert_eq!(back.get("long"), Some(long.as_str()));
        assert_eq!(back.get("app"), Some("web"));
        assert_eq!(back.get("none"), None);
        assert_eq!(back.iter().count(), 4);
    }

    #[test]
    fn bytes_that_are_no_pairs_are_known_as_such() {
        for bytes in [&[3_u8, b'a'][..], &[1, b'a'], &[LONG, 1, 0], &[1, 0xff, 0]] {
            assert_eq!(Pairs::from_bytes(bytes), None, "{bytes:?}");
        }
    }
}
