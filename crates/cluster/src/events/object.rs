//! Events as objects of the API.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use reprise_node::{EventType, PodEvent};
use serde_json::{Value, json};

use super::Happened;

/// Who tells them: tools look for this name.
const COMPONENT: &str = "kubelet";
/// Where events about nodes are.
const NAMESPACE_OF_NODES: &str = "default";

/// The object for something that happened on the node called `node`.
pub(super) fn of(happened: &Happened, node: &str) -> Event {
    let (event, about, namespace) = match happened {
        Happened::ToPod { pod, uid, event } => {
            let about = ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                name: Some(pod.name.clone()),
                namespace: Some(pod.namespace.clone()),
                uid: Some(uid.clone()),
                field_path: event.field_path.clone(),
                ..ObjectReference::default()
            };
            (event, about, pod.namespace.clone())
        }
        Happened::ToNode { event } => {
            let about = ObjectReference {
                kind: Some("Node".to_owned()),
                name: Some(node.to_owned()),
                uid: Some(node.to_owned()),
                ..ObjectReference::default()
            };
            (event, about, NAMESPACE_OF_NODES.to_owned())
        }
    };
    object(event, about, namespace, node)
}

fn object(event: &PodEvent, about: ObjectReference, namespace: String, node: &str) -> Event {
    // Unique enough: the time, and chance.
    let name = format!("{}.{:016x}", about.name.as_deref().unwrap_or_default(), fastrand::u64(..));
    Event {
        metadata: ObjectMeta { name: Some(name), namespace: Some(namespace), ..ObjectMeta::default() },
        involved_object: about,
        type_: Some(match event.event_type {
            EventType::Normal => "Normal".to_owned(),
            EventType::Warning => "Warning".to_owned(),
        }),
        reason: Some(event.reason.clone()),
        message: Some(shortened(&event.message)),
        count: Some(i32::try_from(event.count).unwrap_or(i32::MAX)),
        first_timestamp: Some(seconds(event.first_time)),
        last_timestamp: Some(seconds(event.last_time)),
        source: Some(EventSource { component: Some(COMPONENT.to_owned()), host: Some(node.to_owned()) }),
        reporting_component: Some(COMPONENT.to_owned()),
        reporting_instance: Some(node.to_owned()),
        ..Event::default()
    }
}

/// The patch for an event that the API has and that has happened again.
pub(super) fn repeated(event: &Event) -> Value {
    json!({ "count": event.count, "lastTimestamp": event.last_timestamp, "message": event.message })
}

/// The API takes messages of up to 1024 bytes.
fn shortened(message: &str) -> String {
    const MOST: usize = 1024;
    let end = (0..=MOST.min(message.len())).rev().find(|end| message.is_char_boundary(*end)).unwrap_or_default();
    message[..end].to_owned()
}

fn seconds(at: Timestamp) -> Time {
    Time(Timestamp::from_second(at.as_second()).unwrap_or(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_are_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        let long = shortened(&"ä".repeat(1000));
        assert!(long.len() <= 1024 && long.chars().all(|c| c == 'ä') && long.len() > 1020);
    }
}
