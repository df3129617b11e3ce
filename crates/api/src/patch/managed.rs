//! `metadata.managedFields`: who owns which fields, since when.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::fields::FieldSet;

/// Entries of updates that an object may have; the oldest are put together.
const MAX_UPDATERS: usize = 10;
/// The name of the entry that the oldest are put into.
const ANCIENT: &str = "ancient-changes";

/// How fields came to be owned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By everything else.
    Update,
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// Who owns fields.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Manager {
    pub operation: Operation,
    pub name: String,
    /// The version of the objects that it speaks of.
    pub api_version: String,
    /// The subresource that it wrote; empty for the object itself.
    pub subresource: String,
}

impl Manager {
    /// Whether both are the same manager: one that applies is the same in all versions.
    fn is(&self, other: &Self) -> bool {
        self.operation == other.operation
            && self.name == other.name
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }

    /// As messages about conflicts name it.
    pub fn shown(&self) -> String {
        let mut shown = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            shown = format!("{shown} with subresource {:?}", self.subresource);
        }
        if self.operation == Operation::Update {
            shown = format!("{shown} using {}", self.api_version);
        }
        shown
    }
}

/// What one manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub manager: Manager,
    /// When this last changed, as it is written.
    pub time: Option<String>,
    pub fields: FieldSet,
}

/// All entries of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ManagedFields {
    pub entries: Vec<Entry>,
}

impl ManagedFields {
    /// Reads `metadata.managedFields` of an object. What was written in other versions than `api_version` is left out:
    /// there are none any more.
    pub fn of(object: &Value) -> Result<Self, String> {
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let Some(list) = object["metadata"]["managedFields"].as_array() else { return Ok(Self::default()) };
        let entries = list.iter().enumerate().map(|(index, entry)| read(index, entry));
        let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
        entries.retain(|entry| version.is_empty() || entry.manager.api_version == version);
        Ok(Self { entries })
    }

    pub fn get(&self, manager: &Manager) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.manager.is(manager))
    }

    /// Puts an entry in the place of that of the same manager; one without fields is no entry.
    pub fn set(&mut self, entry: Entry) {
        self.entries.retain(|old| !old.manager.is(&entry.manager));
        if !entry.fields.is_empty() {
            self.entries.push(entry);
        }
    }

    /// What all own together.
    pub fn owned(&self) -> FieldSet {
        self.entries.iter().fold(FieldSet::default(), |all, entry| all.union(&entry.fields))
    }

    /// Puts the oldest updates together until there are no more than allowed.
    pub fn cap(&mut self) {
        loop {
            let mut updaters: Vec<usize> = (0..self.entries.len())
                .filter(|index| self.entries[*index].manager.operation == Operation::Update)
                .collect();
            if updaters.len() <= MAX_UPDATERS {
                return;
            }
            updaters.sort_by(|a, b| self.age(*a).cmp(&self.age(*b)));
            let (first, second) = (updaters[0].min(updaters[1]), updaters[0].max(updaters[1]));
            let newer = self.entries[updaters[1]].time.clone();
            let (b, a) = (self.entries.remove(second), self.entries.remove(first));
            let manager = Manager { name: ANCIENT.to_owned(), subresource: String::new(), ..a.manager };
            self.entries.push(Entry { manager, time: newer, fields: a.fields.union(&b.fields) });
        }
    }

    fn age(&self, index: usize) -> (Option<&str>, &Manager) {
        let entry = &self.entries[index];
        (entry.time.as_deref(), &entry.manager)
    }

    /// Writes them into an object's metadata, sorted as the API server sorts them.
    pub fn write(mut self, object: &mut Value) {
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        if self.entries.is_empty() {
            metadata.remove("managedFields");
            return;
        }
        self.entries.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        let entries = self.entries.iter().map(Entry::to_value).collect();
        metadata.insert("managedFields".to_owned(), Value::Array(entries));
    }
}

fn sort_key(entry: &Entry) -> (Operation, Option<&str>, &Manager) {
    (entry.manager.operation, entry.time.as_deref(), &entry.manager)
}

impl Entry {
    fn to_value(&self) -> Value {
        let mut value = json!({
            "manager": self.manager.name,
            "operation": self.manager.operation.as_str(),
            "apiVersion": self.manager.api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": self.fields.to_fields_v1(),
        });
        if let Some(time) = &self.time {
            value["time"] = time.as_str().into();
        }
        if !self.manager.subresource.is_empty() {
            value["subresource"] = self.manager.subresource.as_str().into();
        }
        value
    }
}

fn read(index: usize, entry: &Value) -> Result<Entry, String> {
    let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
    let operation = match text("operation").as_str() {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return Err("operation must be `Apply` or `Update`".to_owned()),
    };
    if text("apiVersion").is_empty() {
        return Err("apiVersion must not be empty".to_owned());
    }
    match text("fieldsType").as_str() {
        "FieldsV1" => {}
        "" => return Err(format!("missing fieldsType in managed fields entry {index}")),
        other => return Err(format!("invalid fieldsType {other:?} in managed fields entry {index}")),
    }
    let none = Value::Object(Map::new());
    let fields = entry.get("fieldsV1").unwrap_or(&none);
    let fields = FieldSet::from_fields_v1(fields).ok_or_else(|| format!("error decoding set: {fields}"))?;
    let (name, api_version, subresource) = (text("manager"), text("apiVersion"), text("subresource"));
    let manager = Manager { operation, name, api_version, subresource };
    Ok(Entry { manager, time: entry["time"].as_str().map(str::to_owned), fields })
}

/// A time as the API writes it: in whole seconds.
pub(super) fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An object without `metadata.managedFields`.
pub(super) fn without_managed_fields(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, time: &str) -> Value {
        json!({"manager": name, "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
               "fieldsV1": {"f:data": {format!("f:{name}"): {}}}, "time": time})
    }

    #[test]
    fn what_is_read_is_written_again_in_order() {
        let object = json!({"apiVersion": "v1", "metadata": {"managedFields": [
            {"manager": "a", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
             "fieldsV1": {"f:data": {"f:a": {}}}, "time": "2026-01-01T00:00:09Z"},
            entry("b", "2026-01-01T00:00:01Z"), entry("c", "2026-01-01T00:00:02Z")]}});
        let mut managed = ManagedFields::of(&object).unwrap();
        managed.entries.reverse();
        let mut written = object.clone();
        managed.write(&mut written);
        assert_eq!(written, object);
    }

    #[test]
    fn the_oldest_updates_are_put_together() {
        let entries: Vec<Value> =
            (0..14).map(|i| entry(&format!("m{i:02}"), &format!("2026-01-01T00:00:{i:02}Z"))).collect();
        let object = json!({"apiVersion": "v1", "metadata": {"managedFields": entries}});
        let mut managed = ManagedFields::of(&object).unwrap();
        let before = managed.owned();
        managed.cap();
        assert_eq!((managed.entries.len(), managed.owned()), (MAX_UPDATERS, before));
        let ancient = managed.entries.iter().find(|entry| entry.manager.name == ANCIENT).unwrap();
        assert_eq!(ancient.fields.paths(), [".data.m00", ".data.m01", ".data.m02", ".data.m03", ".data.m04"]);
        assert_eq!(ancient.time.as_deref(), Some("2026-01-01T00:00:04Z"));
    }

    #[test]
    fn what_can_not_be_read_is_refused_with_a_reason() {
        let bad = |field: &str, value: Value| {
            let mut entry = entry("a", "2026-01-01T00:00:01Z");
            entry[field] = value;
            ManagedFields::of(&json!({"metadata": {"managedFields": [entry]}})).unwrap_err()
        };
        assert_eq!(bad("operation", json!("x")), "operation must be `Apply` or `Update`");
        assert_eq!(bad("fieldsType", json!("")), "missing fieldsType in managed fields entry 0");
        assert!(bad("fieldsV1", json!({"x": 1})).starts_with("error decoding set"));
    }
}
