//! Events: what controllers tell people about objects. They help to understand; nothing depends on them, so that one which
//! can't be written is given up.

mod correlation;

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde_json::json;
use tokio::sync::mpsc;

use correlation::{Correlation, Told};

/// So many wait to be written; what is more is given up.
const WAITING: usize = 4096;

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    /// `Normal` or `Warning`.
    pub(crate) kind: &'static str,
    /// One word.
    pub(crate) reason: String,
    /// A sentence.
    pub(crate) message: String,
}

impl Note {
    /// Something that is as it should be.
    pub(crate) fn normal(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: "Normal", reason: reason.into(), message: message.into() }
    }

    /// Something that somebody may want to do something about.
    pub(crate) fn warning(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: "Warning", reason: reason.into(), message: message.into() }
    }
}

/// Takes what a controller tells. Clones tell the same.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    component: Arc<str>,
    sender: mpsc::Sender<Message>,
}

#[derive(Debug)]
struct Message {
    component: Arc<str>,
    about: ObjectReference,
    note: Note,
    at: Timestamp,
}

/// Writes what recorders were told.
#[derive(Debug)]
pub(crate) struct EventWriter {
    receiver: mpsc::Receiver<Message>,
    sender: mpsc::Sender<Message>,
}

impl EventWriter {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        Self { receiver, sender }
    }

    /// A recorder for a controller of this name.
    pub(crate) fn recorder(&self, component: &str) -> Recorder {
        Recorder { component: component.into(), sender: self.sender.clone() }
    }

    /// Writes for ever.
    pub(crate) async fn run(mut self, client: Client) {
        let mut correlation = Correlation::new();
        while let Some(message) = self.receiver.recv().await {
            write(&client, &mut correlation, message).await;
        }
    }
}

impl Recorder {
    /// Tells something about `object`.
    pub(crate) fn tell<K: Resource<DynamicType = ()>>(&self, object: &K, note: Note) {
        let about = object.object_ref(&());
        let message = Message { component: self.component.clone(), about, note, at: Timestamp::now() };
        if self.sender.try_send(message).is_err() {
            tracing::debug!("an event was given up: too many wait to be written");
        }
    }
}

async fn write(client: &Client, correlation: &mut Correlation, message: Message) {
    let Message { component, about, note, at } = message;
    // Events about what is in no namespace are in this one.
    let namespace = about.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
    let subject = format!("{component} {}", about.uid.as_deref().unwrap_or_default());
    let text = format!("{} {} {}", note.kind, note.reason, note.message);
    let told = correlation.tell(&subject, &text, at);
    if let Told::Again { event, count } = &told {
        let change = json!({"count": count, "lastTimestamp": Time(at)});
        if api.patch(event, &PatchParams::default(), &Patch::Strategic(change)).await.is_ok() {
            return;
        }
        // It is gone, as events are kept for some time only.
    }
    if matches!(told, Told::TooOften) {
        return;
    }
    let event = event_of(&component, about, note, at, namespace);
    let name = event.metadata.name.clone().unwrap_or_default();
    match api.create(&PostParams::default(), &event).await {
        Ok(_) => correlation.written(&subject, &text, name),
        Err(error) => tracing::debug!("an event was given up: {error}"),
    }
}

fn event_of(component: &str, about: ObjectReference, note: Note, at: Timestamp, namespace: String) -> Event {
    let name = format!("{}.{:x}", about.name.as_deref().unwrap_or_default(), at.as_nanosecond());
    Event {
        metadata: ObjectMeta { name: Some(name), namespace: Some(namespace), ..ObjectMeta::default() },
        count: Some(1),
        first_timestamp: Some(Time(at)),
        last_timestamp: Some(Time(at)),
        involved_object: about,
        message: Some(note.message),
        reason: Some(note.reason),
        type_: Some(note.kind.to_owned()),
        reporting_component: Some(component.to_owned()),
        source: Some(EventSource { component: Some(component.to_owned()), host: None }),
        ..Event::default()
    }
}
