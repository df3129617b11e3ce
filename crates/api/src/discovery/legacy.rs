//! The older documents: groups, and the kinds of one group-version.

use serde_json::{Value, json};

use super::{Group, Version, verbs};
use crate::resources::{Resource, Subresource};

/// `/api`: the core's versions.
pub fn versions(address: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// `/apis`: all groups with names.
pub fn groups(groups: &[&Group]) -> Value {
    let groups: Vec<Value> = groups.iter().map(|group| described(group)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`.
pub fn group(group: &Group) -> Value {
    let mut described = described(group);
    described["kind"] = "APIGroup".into();
    described["apiVersion"] = "v1".into();
    described
}

/// `/api/VERSION` and `/apis/GROUP/VERSION`.
pub fn resources(version: &Version) -> Value {
    let mut rows = version.rows.clone();
    rows.sort_by_key(|row| row.plural);
    let entries: Vec<Value> = rows.into_iter().flat_map(entries).collect();
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version.group_version, "resources": entries})
}

fn described(group: &Group) -> Value {
    let version = |version: &Version| json!({"groupVersion": version.group_version, "version": version.name});
    let versions: Vec<Value> = group.versions.iter().map(version).collect();
    json!({"name": group.name, "preferredVersion": versions.first(), "versions": versions})
}

/// A kind, and each of its subresources as an entry of its own.
fn entries(row: &Resource) -> Vec<Value> {
    let mut entry = json!({
        "name": row.plural,
        "singularName": row.singular,
        "namespaced": row.namespaced,
        "kind": row.kind,
        "verbs": verbs(row.verbs),
    });
    if !row.short_names.is_empty() {
        entry["shortNames"] = row.short_names.into();
    }
    if !row.categories.is_empty() {
        entry["categories"] = row.categories.into();
    }
    let parts = row.subresources.iter().map(|part| subresource(row, part));
    std::iter::once(entry).chain(parts).collect()
}

fn subresource(row: &Resource, part: &Subresource) -> Value {
    let mut entry = json!({
        "name": format!("{}/{}", row.plural, part.name),
        "singularName": "",
        "namespaced": row.namespaced,
        "kind": part.kind,
        "verbs": verbs(part.verbs),
    });
    if let Some((group, version)) = part.group_version {
        entry["group"] = group.into();
        entry["version"] = version.into();
    }
    entry
}
