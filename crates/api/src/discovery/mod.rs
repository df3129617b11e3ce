//! What the server says it has: groups, versions, kinds, verbs. All of it comes from the table of kinds.
//!
//! Clients learn it in two ways. The newer one is a single document for `/api` and one for `/apis` (`APIGroupDiscoveryList`);
//! the older one lists groups there and has a document for each group-version. Nothing changes while the server runs, so all
//! are made at its start.

mod aggregated;
mod document;
mod legacy;

use std::collections::BTreeMap;

pub use document::Document;

use crate::resources::Resource;

/// All documents of discovery.
#[derive(Debug)]
pub struct Discovery {
    /// By path, without a slash at its end.
    legacy: BTreeMap<String, Document>,
    aggregated: BTreeMap<&'static str, Document>,
}

impl Discovery {
    /// What there is to say of `rows`. `address` is where the server is reached, as `127.0.0.1:6443`.
    #[must_use]
    pub fn new(rows: &'static [Resource], address: &str) -> Self {
        let groups = groups(rows);
        let (core, named): (Vec<_>, Vec<_>) = groups.iter().partition(|group| group.name.is_empty());
        let aggregated = [("/api", aggregated::groups(&core)), ("/apis", aggregated::groups(&named))];
        let mut legacy = vec![("/api".to_owned(), legacy::versions(address))];
        legacy.push(("/apis".to_owned(), legacy::groups(&named)));
        legacy.extend(named.iter().map(|group| (format!("/apis/{}", group.name), legacy::group(group))));
        let versions = groups.iter().flat_map(|group| group.versions.iter());
        legacy.extend(versions.map(|version| (path(version.rows[0]), legacy::resources(version))));
        Self {
            legacy: legacy.into_iter().map(|(path, value)| (path, Document::of(&value))).collect(),
            aggregated: aggregated.into_iter().map(|(path, value)| (path, Document::of(&value))).collect(),
        }
    }

    /// The document at a path; `None` if there is none. `aggregated` is whether the client takes the newer form, which only
    /// `/api` and `/apis` have.
    #[must_use]
    pub fn document(&self, path: &str, aggregated: bool) -> Option<&Document> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let newer = self.aggregated.get(path).filter(|_| aggregated);
        newer.or_else(|| self.legacy.get(path))
    }
}

/// The path of a row's group and version.
#[must_use]
pub fn path(row: &Resource) -> String {
    format!("{}/{}", if row.group.is_empty() { "/api" } else { "/apis" }, row.api_version())
}

/// A group with its versions, the preferred one first.
#[derive(Debug)]
struct Group {
    name: &'static str,
    versions: Vec<Version>,
}

/// A version with its kinds.
#[derive(Debug)]
struct Version {
    name: &'static str,
    /// As `apiVersion` has it.
    group_version: String,
    rows: Vec<&'static Resource>,
}

fn groups(rows: &'static [Resource]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for row in rows {
        let at = groups.iter().position(|group| group.name == row.group).unwrap_or(groups.len());
        if at == groups.len() {
            groups.push(Group { name: row.group, versions: Vec::new() });
        }
        let versions = &mut groups[at].versions;
        match versions.iter_mut().find(|version| version.name == row.version) {
            Some(version) => version.rows.push(row),
            None => {
                versions.push(Version { name: row.version, group_version: row.api_version(), rows: vec![row] });
            }
        }
    }
    groups
}

/// Verbs in the order of discovery.
fn verbs(verbs: &[crate::resources::Verb]) -> Vec<&'static str> {
    let mut names: Vec<&str> = verbs.iter().map(|verb| verb.as_str()).collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests;
