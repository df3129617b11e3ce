//! What a watcher reads of an event: a line, in the form that it wants, of what it has selected.

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::asked::Asked;
use super::super::selection::Selection;
use crate::encoding::Form;
use crate::printing::{IncludeObject, partial_object, partial_of, watch_table};
use crate::resources::Resource;
use crate::status::ApiError;
use crate::store::{AFTER_OBJECT, Event, EventKind, Object, Stored};

const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// Makes the lines of one watch.
pub(super) struct Lines {
    resource: &'static Resource,
    form: Form,
    include: IncludeObject,
    selection: Selection,
    everything: bool,
    first: bool,
}

impl Lines {
    pub fn new(asked: &Asked, selection: Selection, include: IncludeObject) -> Self {
        let everything = selection.is_everything();
        Self { resource: asked.resource, form: asked.accepted.form, include, selection, everything, first: true }
    }

    /// What there is at the beginning.
    pub fn added(&mut self, object: &Stored, into: &mut BytesMut) {
        self.line(EventKind::Added, &object.json, into);
    }

    /// An event, if it is about something that was or is selected.
    pub fn event(&mut self, event: &Event) -> Option<Bytes> {
        let kind = if self.everything { event.kind } else { self.seen_as(event)? };
        if kind == event.kind && self.form == Form::Whole {
            return Some(event.line().clone());
        }
        let mut line = BytesMut::with_capacity(event.object.json.len() + 64);
        self.line(kind, &event.object.json, &mut line);
        Some(line.freeze())
    }

    /// An object that is selected no longer is gone for this watcher, and one that is selected now is new.
    fn seen_as(&self, event: &Event) -> Option<EventKind> {
        let selected = |object: &Object| self.selection.has(object);
        let was = event.old.as_deref().is_some_and(selected);
        let is = event.kind != EventKind::Deleted && selected(&event.object);
        match (was, is) {
            (true, true) => Some(EventKind::Modified),
            (true, false) => Some(EventKind::Deleted),
            (false, true) => Some(EventKind::Added),
            (false, false) => None,
        }
    }

    fn line(&mut self, kind: EventKind, json: &Bytes, into: &mut BytesMut) {
        into.extend_from_slice(kind.before_object().as_bytes());
        if self.form == Form::Whole {
            into.extend_from_slice(json);
        } else if self.form == Form::Metadata {
            into.extend_from_slice(partial_of(json).to_string().as_bytes());
        } else {
            // What is stored is JSON.
            let object: Value = serde_json::from_slice(json).unwrap_or_default();
            into.extend_from_slice(self.formed(&object).to_string().as_bytes());
        }
        into.extend_from_slice(AFTER_OBJECT.as_bytes());
    }

    fn formed(&mut self, object: &Value) -> Value {
        match self.form {
            Form::Table => {
                let first = std::mem::replace(&mut self.first, false);
                watch_table(self.resource.columns, object, self.include, Timestamp::now(), first)
            }
            Form::Metadata => partial_object(object),
            Form::Whole | Form::AggregatedDiscovery => object.clone(),
        }
    }

    /// How far the watch is. `initial` says that everything there was has been told.
    pub fn bookmark(&mut self, revision: u64, initial: bool) -> Bytes {
        let mut metadata = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
        if initial {
            metadata["annotations"] = json!({INITIAL_EVENTS_END: "true"});
        }
        let object = json!({
            "kind": self.resource.kind,
            "apiVersion": self.resource.api_version(),
            "metadata": metadata,
        });
        let object = self.formed(&object);
        format!("{}\n", json!({"type": "BOOKMARK", "object": object})).into()
    }

    /// Why the watch ends.
    pub fn error(&self, error: &ApiError) -> Bytes {
        format!("{}\n", json!({"type": "ERROR", "object": error.status()})).into()
    }
}
