//! Query and path parameters of operations.

use serde_json::{Value, json};

/// Name, type, and what it does.
type Parameter = (&'static str, &'static str, &'static str);

const NAME: Parameter = ("name", "string", "The object's name.");
const NAMESPACE: Parameter = ("namespace", "string", "The namespace of the objects.");
const PRETTY: Parameter = ("pretty", "string", "Accepted, and without effect.");

const SELECTION: &[Parameter] = &[
    ("continue", "string", "Goes on with a list where its last part ended."),
    ("fieldSelector", "string", "Only objects whose fields match."),
    ("labelSelector", "string", "Only objects whose labels match."),
    ("limit", "integer", "At most so many objects; the answer says how to go on."),
    ("resourceVersion", "string", "The version that the answer is at least as new as, or that a watch begins after."),
    ("resourceVersionMatch", "string", "How resourceVersion is meant: Exact or NotOlderThan."),
    ("sendInitialEvents", "boolean", "Begins a watch with what is there, and then says so with a bookmark."),
    ("timeoutSeconds", "integer", "For how long a list may take or a watch lasts."),
];
const WATCH: &[Parameter] = &[
    ("allowWatchBookmarks", "boolean", "Sends a bookmark from time to time, with the newest version."),
    ("watch", "boolean", "Sends changes as they happen, in place of a list."),
];
const DRY_RUN: Parameter = ("dryRun", "string", "All: does everything but keep the result.");
const WRITE: &[Parameter] = &[
    DRY_RUN,
    ("fieldManager", "string", "Who writes: noted as the owner of the fields."),
    ("fieldValidation", "string", "What unknown and repeated fields lead to: Strict, Warn or Ignore."),
];
const FORCE: &[Parameter] = &[("force", "boolean", "Applies fields that others own too, and takes them over.")];
const DELETE: &[Parameter] = &[
    DRY_RUN,
    ("gracePeriodSeconds", "integer", "How long the object has to end; 0: it is removed at once."),
    ("propagationPolicy", "string", "What becomes of what it owns: Orphan, Background or Foreground."),
];

/// What is done at a path, as `x-kubernetes-action` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Reads one.
    Get,
    /// Reads or follows many.
    List,
    /// Makes one.
    Post,
    /// Replaces one.
    Put,
    /// Changes one in part.
    Patch,
    /// Removes one.
    Delete,
    /// Removes many.
    DeleteCollection,
    /// Talks to what the object stands for.
    Connect,
}

impl Action {
    /// In the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Connect => "connect",
        }
    }

    /// Its query parameters.
    pub fn parameters(self) -> Vec<Value> {
        let groups: &[&[Parameter]] = match self {
            Self::Get | Self::Connect => &[],
            Self::List => &[WATCH, SELECTION],
            Self::Post | Self::Put => &[WRITE],
            Self::Patch => &[WRITE, FORCE],
            Self::Delete => &[DELETE],
            Self::DeleteCollection => &[DELETE, SELECTION],
        };
        groups.iter().flat_map(|group| group.iter()).map(|parameter| described(parameter, "query")).collect()
    }
}

/// Those that all operations at a path have.
pub fn of_path(namespaced: bool, named: bool) -> Vec<Value> {
    let in_path = [(NAME, named), (NAMESPACE, namespaced)].into_iter().filter(|(_, is_there)| *is_there);
    let in_path = in_path.map(|(parameter, _)| {
        let mut value = described(&parameter, "path");
        value["required"] = true.into();
        value
    });
    in_path.chain([described(&PRETTY, "query")]).collect()
}

fn described((name, kind, description): &Parameter, place: &str) -> Value {
    json!({"name": name, "in": place, "description": description, "schema": {"type": kind, "uniqueItems": true}})
}
