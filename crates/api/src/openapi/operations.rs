//! One operation: who may be asked for what, with which parameters, and what is answered.

use serde_json::{Map, Value, json};

use super::parameters::Action;
use super::schemas::{self, LIST, STATUS};
use crate::resources::{Resource, Subresource};

/// Types of patches that every kind takes.
const PATCHES: [&str; 3] =
    ["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"];
/// That of kinds that are compiled in.
const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// What an operation works on.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The resource.
    pub row: &'a Resource,
    /// A part of it.
    pub part: Option<&'a Subresource>,
    /// Whether the path names a namespace.
    pub namespaced: bool,
}

impl Target<'_> {
    /// The operation.
    pub fn operation(self, action: Action) -> Value {
        let Self { row, .. } = self;
        let (group, version, kind) = self.kind();
        let mut operation = json!({
            "description": self.description(action),
            "operationId": self.id(action),
            "tags": [tag(row)],
            "parameters": action.parameters(),
            "responses": self.responses(action),
            "x-kubernetes-action": action.as_str(),
            "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
        });
        if let Some(body) = self.body(action) {
            operation["requestBody"] = json!({"content": body});
        }
        operation
    }

    fn kind(self) -> (&'static str, &'static str, &'static str) {
        let (group, version) =
            self.part.and_then(|part| part.group_version).unwrap_or((self.row.group, self.row.version));
        (group, version, self.part.map_or(self.row.kind, |part| part.kind))
    }

    /// The name of the schema of what is read and written; `None` for what is no object.
    fn schema(self) -> Option<String> {
        let (group, version, kind) = self.kind();
        match self.part {
            None => Some((self.row.types.schema_name)().into_owned()),
            Some(part) if part.kind == self.row.kind => Some((self.row.types.schema_name)().into_owned()),
            Some(_) => schemas::name_of(group, version, kind),
        }
    }

    fn body(self, action: Action) -> Option<Map<String, Value>> {
        let content = |types: &[&str], schema: &Value| {
            types.iter().map(|kind| ((*kind).to_owned(), json!({"schema": schema}))).collect()
        };
        match action {
            Action::Post | Action::Put => {
                let object = self.schema().map(|name| schemas::reference(&name))?;
                Some(content(&["*/*"], &object))
            }
            Action::Patch => {
                let patch = schemas::reference(schemas::PATCH);
                let mut types = PATCHES.to_vec();
                types.extend(self.row.has_strategic_patch().then_some(STRATEGIC));
                Some(content(&types, &patch))
            }
            Action::Delete | Action::DeleteCollection => {
                Some(content(&["*/*"], &schemas::reference(schemas::DELETE_OPTIONS)))
            }
            Action::Get | Action::List | Action::Connect => None,
        }
    }

    fn responses(self, action: Action) -> Value {
        let schema = match action {
            Action::List => self.schema().map(|name| format!("{name}{LIST}")),
            Action::Get | Action::Post | Action::Put | Action::Patch => self.schema(),
            Action::Delete | Action::DeleteCollection => Some(STATUS.to_owned()),
            Action::Connect => None,
        };
        let content = match schema {
            Some(name) => json!({"application/json": {"schema": schemas::reference(&name)}}),
            None => json!({"*/*": {"schema": {"type": "string"}}}),
        };
        let codes: &[(&str, &str)] = match action {
            Action::Post => &[("200", "OK"), ("201", "Created"), ("202", "Accepted")],
            Action::Put | Action::Patch => &[("200", "OK"), ("201", "Created")],
            Action::Delete => &[("200", "OK"), ("202", "Accepted")],
            Action::Get | Action::List | Action::DeleteCollection | Action::Connect => &[("200", "OK")],
        };
        let answer = |description: &str| json!({"description": description, "content": content});
        let answers = codes.iter().map(|(code, description)| ((*code).to_owned(), answer(description)));
        let unauthorized = ("401".to_owned(), json!({"description": "Unauthorized"}));
        Value::Object(answers.chain([unauthorized]).collect())
    }

    fn description(self, action: Action) -> String {
        let kind = self.row.kind;
        let part = self.part.map_or(String::new(), |part| format!("{} of the ", part.name));
        match action {
            Action::Get => format!("read the {part}{kind}"),
            Action::List => format!("list or watch objects of kind {kind}"),
            Action::Post => format!("create {}", self.part.map_or_else(|| a(kind), |_| format!("{part}{kind}"))),
            Action::Put => format!("replace the {part}{kind}"),
            Action::Patch => format!("partially update the {part}{kind}"),
            Action::Delete => format!("delete {}", a(kind)),
            Action::DeleteCollection => format!("delete collection of {kind}"),
            Action::Connect => format!("connect to {part}{kind}"),
        }
    }

    fn id(self, action: Action) -> String {
        let verb = match action {
            Action::Get => "read",
            Action::Post => "create",
            Action::Put => "replace",
            other => other.as_str(),
        };
        let scope = if self.namespaced { "Namespaced" } else { "" };
        let everywhere = if self.row.namespaced && !self.namespaced { "ForAllNamespaces" } else { "" };
        let part = self.part.map_or(String::new(), |part| capitalized(part.name));
        let group_version = group_version(self.row);
        format!("{verb}{group_version}{scope}{}{part}{everywhere}", self.row.kind)
    }
}

/// A group and version in names of operations, such as `CoreV1`.
fn group_version(row: &Resource) -> String {
    let group = if row.group.is_empty() { "core" } else { row.group.trim_end_matches(".k8s.io") };
    let words = group.split(['.', '-']).map(capitalized);
    words.chain([capitalized(row.version)]).collect()
}

fn tag(row: &Resource) -> String {
    let group = if row.group.is_empty() { "core" } else { row.group.trim_end_matches(".k8s.io") };
    format!("{}_{}", group.replace(['.', '-'], ""), row.version)
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

fn a(kind: &str) -> String {
    let article = if kind.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
    format!("{article} {kind}")
}
