//! Whether the table says the same of every list as the types of k8s-openapi, which are made from the API's own document.
//!
//! A list is looked at by merging two objects that have it: where the types merge it, so must the table, by the same key.

use k8s_openapi::DeepMerge;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{
    ConfigMap, Event, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::rbac::v1::{ClusterRole, RoleBinding};
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::shape::{List, Meaning, Strategic, Topology};
use super::shape_of;

/// One step to a value: into a field, or into an item that has these fields already.
#[derive(Clone)]
enum Step {
    Field(String),
    Item(Value),
}

/// Looks at all lists of one type.
struct Walk {
    merge: fn(Value, Value) -> Value,
    path: Vec<Step>,
    differences: Vec<String>,
    lists: usize,
}

fn merged<T: Serialize + DeserializeOwned + DeepMerge>(one: Value, other: Value) -> Value {
    let mut merged: T = serde_json::from_value(one).unwrap();
    merged.merge_from(serde_json::from_value(other).unwrap());
    serde_json::to_value(merged).unwrap()
}

impl Walk {
    fn object(&mut self, schema: &Value, meaning: Meaning) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            self.path.push(Step::Field(name.clone()));
            if property["type"] == "array" {
                self.list(&property["items"], meaning.field(name));
            } else {
                self.object(property, meaning.field(name));
            }
            self.path.pop();
        }
    }

    fn list(&mut self, items: &Value, meaning: Meaning) {
        self.lists += 1;
        let keys = self.keys_of_type(items);
        let keys_of_table = keys_of_table(meaning.list);
        if keys != keys_of_table {
            let shown = self.path.iter().map(|step| match step {
                Step::Field(name) => format!(".{name}"),
                Step::Item(_) => "[]".to_owned(),
            });
            self.differences.push(format!("{}: {keys:?}, not {keys_of_table:?}", shown.collect::<String>()));
        }
        if !keys.is_empty() && items["properties"].is_object() {
            let fields = keys.iter().map(|key| (key.clone(), example(&items["properties"][key], 1).unwrap()));
            self.path.push(Step::Item(fields.collect()));
            self.object(items, meaning.item());
            self.path.pop();
        }
    }

    /// The fields of items of which one alone makes another item; `=` if items are plain values of a set.
    fn keys_of_type(&self, items: &Value) -> Vec<String> {
        let Some(properties) = items["properties"].as_object() else {
            let differ = example(items, 1).is_some_and(|one| self.is_merged(&one, &example(items, 2).unwrap()));
            return if differ { vec!["=".to_owned()] } else { Vec::new() };
        };
        let plain = properties.iter().filter_map(|(name, schema)| Some((name.clone(), example(schema, 1)?)));
        let base: Value = plain.collect();
        let is_key = |name: &&String| {
            let mut other = base.clone();
            other[name.as_str()] = example(&properties[name.as_str()], 2).unwrap();
            self.is_merged(&base, &other)
        };
        base.as_object().unwrap().keys().filter(is_key).cloned().collect()
    }

    /// Whether two lists with one of these items each make one with both.
    fn is_merged(&self, one: &Value, other: &Value) -> bool {
        let mut merged = (self.merge)(self.around(json!([one])), self.around(json!([other])));
        for step in &self.path {
            merged = match step {
                Step::Field(name) => merged[name].take(),
                Step::Item(_) => merged[0].take(),
            };
        }
        merged.as_array().unwrap().len() == 2
    }

    fn around(&self, list: Value) -> Value {
        self.path.iter().rev().fold(list, |below, step| match step {
            Step::Field(name) => json!({ name: below }),
            Step::Item(fields) => {
                let mut item = fields.clone();
                item.as_object_mut().unwrap().extend(below.as_object().cloned().unwrap());
                json!([item])
            }
        })
    }
}

/// A plain value of a schema; two of them with other numbers differ.
fn example(schema: &Value, n: u32) -> Option<Value> {
    match schema["type"].as_str()? {
        "string" if schema["format"] == "date-time" => Some(json!(format!("2026-01-0{n}T00:00:00Z"))),
        "string" if schema["format"].is_null() => Some(json!(format!("v{n}"))),
        "integer" => Some(json!(n)),
        _ => None,
    }
}

/// What the table has; where the two ways to merge differ, the types go by strategic merge.
fn keys_of_table(list: &List) -> Vec<String> {
    let mut keys: Vec<String> = match (list.strategic, list.apply) {
        (Strategic::MergeBy(key), _) => vec![key.to_owned()],
        (_, Topology::Map(keys)) => keys.iter().map(|key| key.name.to_owned()).collect(),
        (Strategic::Merge, _) | (_, Topology::Set) => vec!["=".to_owned()],
        (Strategic::Replace, Topology::Atomic) => Vec::new(),
    };
    keys.sort();
    keys
}

fn differences<T: Serialize + DeserializeOwned + DeepMerge + JsonSchema>(group: &str, kind: &str) -> Vec<String> {
    let settings = SchemaSettings::default().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    let mut walk = Walk { merge: merged::<T>, path: Vec::new(), differences: Vec::new(), lists: 0 };
    walk.object(&schema, Meaning::whole(shape_of(group, kind)));
    assert!(walk.lists > 2, "{kind} has managedFields, finalizers and ownerReferences at the least");
    walk.differences.into_iter().map(|text| format!("{kind}{text}")).collect()
}

#[test]
fn the_table_and_the_types_merge_the_same_lists_by_the_same_keys() {
    let all = [
        differences::<Pod>("", "Pod"),
        differences::<Node>("", "Node"),
        differences::<Namespace>("", "Namespace"),
        differences::<ConfigMap>("", "ConfigMap"),
        differences::<Secret>("", "Secret"),
        differences::<Service>("", "Service"),
        differences::<ServiceAccount>("", "ServiceAccount"),
        differences::<Event>("", "Event"),
        differences::<PersistentVolume>("", "PersistentVolume"),
        differences::<PersistentVolumeClaim>("", "PersistentVolumeClaim"),
        differences::<Job>("batch", "Job"),
        differences::<RuntimeClass>("node.k8s.io", "RuntimeClass"),
        differences::<ClusterRole>("rbac.authorization.k8s.io", "ClusterRole"),
        differences::<RoleBinding>("rbac.authorization.k8s.io", "RoleBinding"),
        differences::<CSIDriver>("storage.k8s.io", "CSIDriver"),
        differences::<CSINode>("storage.k8s.io", "CSINode"),
    ];
    assert_eq!(all.concat(), Vec::<String>::new());
}
