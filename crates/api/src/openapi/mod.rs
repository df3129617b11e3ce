//! OpenAPI v3: a document for each group-version, made from the types that objects are read with.
//!
//! `kubectl` looks up there whether the server checks fields (`create`, `apply`, `replace`), by which keys lists are merged
//! (`apply`), and what fields mean (`explain`). A document is made when the first client asks for one, and kept: it names all
//! types of its group with their descriptions, and clients keep it by its digest.

mod extensions;
mod merging;
mod operations;
mod parameters;
mod paths;
mod schemas;
pub mod version2;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::discovery::{self, Document};
use crate::resources::Resource;

/// All documents.
#[derive(Debug)]
pub struct OpenApi {
    /// By path, as `api/v1`.
    groups: BTreeMap<String, Group>,
    index: OnceLock<Document>,
}

#[derive(Debug)]
struct Group {
    rows: Vec<&'static Resource>,
    document: OnceLock<Document>,
}

impl OpenApi {
    /// Those of `rows`. None is made yet.
    #[must_use]
    pub fn new(rows: &'static [Resource]) -> Self {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for row in rows {
            let path = discovery::path(row).trim_start_matches('/').to_owned();
            let group = groups.entry(path).or_insert_with(|| Group { rows: Vec::new(), document: OnceLock::new() });
            group.rows.push(row);
        }
        Self { groups, index: OnceLock::new() }
    }

    /// What is answered at a path below `/openapi/v3`, itself among them (the list of documents); `None` if nothing is there.
    #[must_use]
    pub fn document(&self, path: &str) -> Option<&Document> {
        let path = path.strip_prefix("/openapi/v3")?.trim_matches('/');
        if path.is_empty() { Some(self.index()) } else { self.groups.get(path).map(Group::document) }
    }

    /// The list. A document's address has its digest, so that a client can keep what is there for ever.
    fn index(&self) -> &Document {
        self.index.get_or_init(|| {
            let mut paths = serde_json::Map::new();
            for (path, group) in &self.groups {
                let digest = group.document().digest();
                paths.insert(path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={digest}")}));
            }
            Document::of(&json!({"paths": paths}))
        })
    }
}

impl Group {
    fn document(&self) -> &Document {
        self.document.get_or_init(|| Document::of(&self.value()))
    }

    fn value(&self) -> Value {
        let paths: serde_json::Map<String, Value> = self.rows.iter().flat_map(|row| paths::of(row)).collect();
        json!({
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": crate::KUBERNETES_VERSION},
            "paths": paths,
            "components": {"schemas": schemas::of(&self.rows)},
        })
    }
}

#[cfg(test)]
mod tests;
