//! An object as it is on disk: what the store must know without a key, and the rest, which may be sealed.

use bytes::Bytes;
use jiff::Timestamp;

use std::sync::Arc;

use super::error::RecordError;
use super::object::{Key, Object, Pairs, Stored};
use super::seal::{Seal, SealError};

/// The layout that is written.
const LAYOUT: u8 = 1;

/// The record of an object.
pub(super) fn write(object: &Object, seal: &dyn Seal) -> Result<Vec<u8>, SealError> {
    let (labels, fields) = (object.labels.as_bytes(), object.fields.as_bytes());
    let mut body = Vec::with_capacity(12 + labels.len() + fields.len() + object.json.len());
    body.extend_from_slice(&object.version_at.to_le_bytes());
    for pairs in [labels, fields] {
        let length = u32::try_from(pairs.len()).map_err(|_| SealError("labels of four gigabytes".to_owned()))?;
        body.extend_from_slice(&length.to_le_bytes());
        body.extend_from_slice(pairs);
    }
    body.extend_from_slice(&object.json);

    let sealed = seal.seal(&object.key, &body)?;
    let expires = object.expires_at.map_or(i64::MAX, Timestamp::as_second);
    let head: [&[u8]; 3] = [&[LAYOUT], &object.revision.to_le_bytes(), &expires.to_le_bytes()];
    Ok([head.concat().as_slice(), &sealed].concat())
}

/// The object of a record.
pub(super) fn read(key: Key, record: &[u8], seal: &dyn Seal) -> Result<Stored, RecordError> {
    let mut rest = record;
    match take::<1>(&mut rest) {
        Some([LAYOUT]) => {}
        Some([layout]) => return Err(RecordError::Layout(layout)),
        None => return Err(RecordError::Cut),
    }
    let revision = u64::from_le_bytes(take(&mut rest).ok_or(RecordError::Cut)?);
    let expires = i64::from_le_bytes(take(&mut rest).ok_or(RecordError::Cut)?);
    let body = seal.open(&key, rest)?;

    let mut rest = &*body;
    let version_at = u32::from_le_bytes(take(&mut rest).ok_or(RecordError::Cut)?);
    let labels = take_pairs(&mut rest).ok_or(RecordError::Cut)?;
    let fields = take_pairs(&mut rest).ok_or(RecordError::Cut)?;
    let digits = revision.to_string();
    let found = rest.get(version_at as usize..).is_some_and(|from| from.starts_with(digits.as_bytes()));
    if !found {
        return Err(RecordError::Revision(revision));
    }
    // The end of time is that of what does not expire.
    let expires_at = Timestamp::from_second(expires).ok();
    let json = Bytes::copy_from_slice(rest);
    Ok(Arc::new(Object { key: Arc::new(key), revision, json, labels, fields, expires_at, version_at }))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn take_pairs(bytes: &mut &[u8]) -> Option<Pairs> {
    let length = u32::from_le_bytes(take(bytes)?);
    let (pairs, rest) = bytes.split_at_checked(length as usize)?;
    *bytes = rest;
    Pairs::from_bytes(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::seal::Plain;

    fn object() -> Object {
        let key = Key { resource: "events", namespace: "default".to_owned(), name: "a".to_owned() };
        let json = Bytes::from_static(br#"{"metadata":{"name":"a","resourceVersion":"12"}}"#);
        Object {
            key: Arc::new(key),
            revision: 12,
            json,
            labels: [("app", "web")].into_iter().collect(),
            fields: [("reason", "Started"), ("type", "")].into_iter().collect(),
            expires_at: Timestamp::from_second(1_800_000_000).ok(),
            version_at: 43,
        }
    }

    #[test]
    fn an_object_comes_back_from_its_record() {
        for expires_at in [object().expires_at, None] {
            let object = Object { expires_at, ..object() };
            let record = write(&object, &Plain).unwrap();
            assert_eq!(*read(Key::clone(&object.key), &record, &Plain).unwrap(), object);
        }
    }

    #[test]
    fn a_record_that_is_cut_or_of_another_layout_is_known_as_such() {
        let object = object();
        let mut record = write(&object, &Plain).unwrap();
        for length in [0, 1, 10, 20, 30, record.len() - 10] {
            assert!(read(Key::clone(&object.key), &record[..length], &Plain).is_err(), "{length} bytes");
        }
        record[0] = 2;
        assert_eq!(read(Key::clone(&object.key), &record, &Plain), Err(RecordError::Layout(2)));
    }
}
