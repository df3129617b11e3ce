//! The JSON of an object with a place for its revision.
//!
//! The revision is known only in the writer's thread, which all changes pass through one by one. So everything else is
//! written before, and the writer only puts the digits in.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::event::{AFTER_OBJECT, EventKind};

/// JSON whose `metadata.resourceVersion` is empty.
#[derive(Debug)]
pub(super) struct Text {
    json: Vec<u8>,
    version_at: u32,
}

/// JSON with its revision, as a part of the line that watchers get.
pub(super) struct Line {
    pub(super) line: Bytes,
    pub(super) json: Bytes,
    pub(super) version_at: u32,
}

impl Text {
    /// Of an object. `None` if it is none, or has no `metadata`.
    pub(super) fn of(object: &mut Value) -> Option<Self> {
        let object = object.as_object_mut()?;
        let metadata = object.get_mut("metadata")?.as_object_mut()?;
        metadata.insert("resourceVersion".to_owned(), Value::String(String::new()));
        let mut json = Vec::with_capacity(1024);
        let version_at = write_object(&mut json, object)?;
        Some(Self { json, version_at: u32::try_from(version_at).ok()? })
    }

    /// Of what is stored.
    pub(super) fn without_version(json: &[u8], version_at: u32, revision: u64) -> Self {
        let (before, rest) = json.split_at(version_at as usize);
        let digits = revision.to_string().len();
        Self { json: [before, &rest[digits..]].concat(), version_at }
    }

    /// How long it is.
    pub(super) fn len(&self) -> usize {
        self.json.len()
    }

    /// With the revision, for watchers of such an event.
    pub(super) fn at(&self, revision: u64, kind: EventKind) -> Line {
        let digits = revision.to_string();
        let before = kind.before_object();
        let (head, tail) = self.json.split_at(self.version_at as usize);
        let parts = [before.as_bytes(), head, digits.as_bytes(), tail, AFTER_OBJECT.as_bytes()];
        let line = Bytes::from(parts.concat());
        let json = line.slice(before.len()..line.len() - AFTER_OBJECT.len());
        Line { line, json, version_at: self.version_at }
    }
}

/// Writes an object, and says where the resource version goes. `None` can't be: values always become JSON.
fn write_object(json: &mut Vec<u8>, object: &Map<String, Value>) -> Option<usize> {
    let mut version_at = None;
    for (index, (name, value)) in object.iter().enumerate() {
        write_name(json, index, name)?;
        match value.as_object().filter(|_| name == "metadata") {
            Some(metadata) => version_at = Some(write_metadata(json, metadata)?),
            None => serde_json::to_writer(&mut *json, value).ok()?,
        }
    }
    json.push(b'}');
    version_at
}

fn write_metadata(json: &mut Vec<u8>, metadata: &Map<String, Value>) -> Option<usize> {
    let mut version_at = None;
    for (index, (name, value)) in metadata.iter().enumerate() {
        write_name(json, index, name)?;
        if name == "resourceVersion" {
            version_at = Some(json.len() + 1);
        }
        serde_json::to_writer(&mut *json, value).ok()?;
    }
    json.push(b'}');
    version_at
}

fn write_name(json: &mut Vec<u8>, index: usize, name: &str) -> Option<()> {
    json.push(if index == 0 { b'{' } else { b',' });
    serde_json::to_writer(&mut *json, name).ok()?;
    json.push(b':');
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_revision_is_put_in_its_place_and_nowhere_else() {
        let mut object = json!({
            "metadata": {"name": "a", "resourceVersion": "77", "annotations": {"resourceVersion": "mine"}, "uid": "u"},
            "resourceVersion": "also mine", "data": {"metadata": {"resourceVersion": "\"x\""}},
        });
        let text = Text::of(&mut object).unwrap();
        let Line { line, json, version_at } = text.at(1234, EventKind::Modified);
        object["metadata"]["resourceVersion"] = "1234".into();
        assert_eq!(serde_json::from_slice::<Value>(&json).unwrap(), object);
        let event = json!({"type": "MODIFIED", "object": object});
        assert_eq!(serde_json::from_slice::<Value>(&line).unwrap(), event);
        assert!(line.ends_with(b"}\n"));

        let deleted = Text::without_version(&json, version_at, 1234).at(9, EventKind::Deleted);
        object["metadata"]["resourceVersion"] = "9".into();
        assert_eq!(serde_json::from_slice::<Value>(&deleted.json).unwrap(), object);
    }

    #[test]
    fn what_is_no_object_with_metadata_has_no_text() {
        for mut value in [json!([]), json!({}), json!({"metadata": null}), json!("metadata")] {
            assert!(Text::of(&mut value).is_none(), "{value}");
        }
    }
}
