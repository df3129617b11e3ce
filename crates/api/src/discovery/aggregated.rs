//! The newer documents: everything of many groups at once, `APIGroupDiscoveryList` of `apidiscovery.k8s.io/v2`.

use serde_json::{Value, json};

use super::{Group, Version, verbs};
use crate::resources::{Resource, Subresource};

/// All of these groups.
pub fn groups(groups: &[&Group]) -> Value {
    let items: Vec<Value> = groups.iter().map(|group| described(group)).collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    })
}

fn described(group: &Group) -> Value {
    let mut metadata = json!({"creationTimestamp": null});
    if !group.name.is_empty() {
        metadata["name"] = group.name.into();
    }
    let versions: Vec<Value> = group.versions.iter().map(version).collect();
    json!({"metadata": metadata, "versions": versions})
}

fn version(version: &Version) -> Value {
    let mut rows = version.rows.clone();
    rows.sort_by_key(|row| row.plural);
    let resources: Vec<Value> = rows.into_iter().map(resource).collect();
    json!({"version": version.name, "freshness": "Current", "resources": resources})
}

fn resource(row: &Resource) -> Value {
    let mut entry = json!({
        "resource": row.plural,
        "responseKind": {"group": row.group, "version": row.version, "kind": row.kind},
        "scope": if row.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": row.singular,
        "verbs": verbs(row.verbs),
    });
    let lists = [("shortNames", row.short_names), ("categories", row.categories)];
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        entry[name] = list.into();
    }
    if !row.subresources.is_empty() {
        entry["subresources"] = row.subresources.iter().map(|part| subresource(row, part)).collect();
    }
    entry
}

fn subresource(row: &Resource, part: &Subresource) -> Value {
    let (group, version) = part.group_version.unwrap_or((row.group, row.version));
    json!({
        "subresource": part.name,
        "responseKind": {"group": group, "version": version, "kind": part.kind},
        "verbs": verbs(part.verbs),
    })
}
