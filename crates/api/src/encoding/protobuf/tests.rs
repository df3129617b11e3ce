use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret};
use proptest::prelude::*;
use serde_json::json;

use super::message::{How, Kind, Message};
use super::table::ROOTS;
use super::*;
use crate::encoding::decode_body;
use crate::request::FieldValidation;
use crate::resources::TABLE;

/// Writes what the decoder reads.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn bytes(mut self, number: u32, bytes: impl AsRef<[u8]>) -> Self {
        self.varint(u64::from(number << 3 | 2));
        self.varint(bytes.as_ref().len() as u64);
        self.0.extend(bytes.as_ref());
        self
    }

    fn number(mut self, number: u32, value: i64) -> Self {
        self.varint(u64::from(number << 3));
        self.varint(value.cast_unsigned());
        self
    }
}

fn w() -> Writer {
    Writer::default()
}

fn body(version: &str, kind: &str, raw: Writer) -> Vec<u8> {
    let type_meta = w().bytes(1, version).bytes(2, kind);
    let envelope = w().bytes(1, type_meta.0).bytes(2, raw.0).bytes(3, "").bytes(4, "");
    [PREFIX, &envelope.0].concat()
}

const NAMESPACE: Wanted = Wanted::of::<Namespace>("", "v1", "Namespace");

fn decoded(wanted: &Wanted, body: &[u8]) -> Result<Value, String> {
    let content_type = Some("application/vnd.kubernetes.protobuf");
    decode_body(wanted, content_type, body, FieldValidation::Strict)
        .map(|decoded| decoded.object)
        .map_err(|error| error.status().message.clone().unwrap_or_default())
}

#[test]
fn a_namespace_as_kubectl_creates_it() {
    // Go writes empty texts, the unset creation time and empty objects too.
    let metadata =
        w().bytes(1, "n").bytes(2, "").bytes(3, "").bytes(4, "").bytes(5, "").bytes(6, "").number(7, 0).bytes(8, "");
    let raw = w().bytes(1, metadata.0).bytes(2, "").bytes(3, w().bytes(1, "").0);
    let object = decoded(&NAMESPACE, &body("v1", "Namespace", raw)).unwrap();
    assert_eq!(
        object,
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}, "spec": {}, "status": {}})
    );
}

#[test]
fn maps_and_bytes_are_read() {
    let entry = |key: &str, value: &[u8]| w().bytes(1, key).bytes(2, value).0;
    let secret = w().bytes(2, entry("a", b"xyz")).bytes(2, entry("b", b"")).bytes(3, "Opaque");
    let object = decoded(&Wanted::of::<Secret>("", "v1", "Secret"), &body("v1", "Secret", secret)).unwrap();
    assert_eq!((&object["data"], &object["type"]), (&json!({"a": "eHl6", "b": ""}), &json!("Opaque")));
    let config_map = w().bytes(2, entry("a", b"1")).bytes(2, w().bytes(1, "empty").0).bytes(3, entry("c", b"\xff"));
    let object =
        decoded(&Wanted::of::<ConfigMap>("", "v1", "ConfigMap"), &body("v1", "ConfigMap", config_map)).unwrap();
    assert_eq!((&object["data"], &object["binaryData"]), (&json!({"a": "1", "empty": ""}), &json!({"c": "/w=="})));
}

#[test]
fn a_job_with_a_pods_template_is_read_whole() {
    let quantity = w().bytes(1, "cpu").bytes(2, w().bytes(1, "500m").0);
    let port = w().bytes(1, "").number(2, 0).number(3, 80).bytes(4, "TCP").bytes(5, "");
    let probe_target = w().bytes(2, w().bytes(1, "/ok").bytes(2, w().number(1, 1).number(2, 0).bytes(3, "web").0).0);
    let rule = w().bytes(1, "RestartAllContainers").bytes(2, w().bytes(1, "In").number(2, 88).number(2, 89).0);
    let container = w()
        .bytes(1, "c")
        .bytes(2, "i")
        .bytes(3, "sh")
        .bytes(3, "")
        .bytes(6, port.0)
        .bytes(8, w().bytes(1, quantity.0).0)
        .bytes(10, w().bytes(1, probe_target.0).number(2, 5).0)
        .bytes(24, "Never")
        .bytes(25, rule.0);
    let volume = w().bytes(1, "v").bytes(2, w().bytes(2, w().bytes(1, "").0).0);
    let spec = w().bytes(1, volume.0).bytes(2, container.0).bytes(3, "Never").number(4, 0).number(21, 0).number(25, -5);
    let template = w().bytes(1, "").bytes(2, spec.0);
    let job = w().bytes(1, w().bytes(1, "j").0).bytes(2, w().number(1, 0).number(2, 3).bytes(6, template.0).0);
    let object = decoded(&Wanted::of::<Job>("batch", "v1", "Job"), &body("batch/v1", "Job", job)).unwrap();
    assert_eq!((&object["spec"]["parallelism"], &object["spec"]["completions"]), (&json!(0), &json!(3)));
    let pod = &object["spec"]["template"]["spec"];
    assert_eq!(pod["volumes"], json!([{"name": "v", "emptyDir": {}}]));
    assert_eq!((&pod["terminationGracePeriodSeconds"], &pod["priority"]), (&json!(0), &json!(-5)));
    assert_eq!(pod["automountServiceAccountToken"], json!(false));
    let container = &pod["containers"][0];
    assert_eq!(container["command"], json!(["sh", ""]));
    assert_eq!(container["ports"], json!([{"containerPort": 80, "protocol": "TCP"}]));
    assert_eq!(container["resources"], json!({"limits": {"cpu": "500m"}}));
    assert_eq!(
        container["livenessProbe"],
        json!({"httpGet": {"path": "/ok", "port": "web"}, "initialDelaySeconds": 5})
    );
    assert_eq!(container["restartPolicyRules"][0]["exitCodes"]["values"], json!([88, 89]));
}

#[test]
fn times_are_read() {
    let metadata = w().bytes(1, "p").bytes(9, w().number(1, 1_767_225_600).number(2, 0).0);
    let pod = body("v1", "Pod", w().bytes(1, metadata.0));
    let object = decoded(&Wanted::of::<Pod>("", "v1", "Pod"), &pod).unwrap();
    assert_eq!(object["metadata"]["deletionTimestamp"], "2026-01-01T00:00:00Z");
}

#[test]
fn what_is_not_known_is_an_error_and_never_dropped() {
    let unknown = body("v1", "Namespace", w().bytes(99, "x"));
    let error = decoded(&NAMESPACE, &unknown).unwrap_err();
    assert!(error.contains("proto: unknown field number 99 in Namespace"), "{error}");
    let other = decoded(&NAMESPACE, &body("v1", "Pod", w())).unwrap_err();
    assert!(other.starts_with("Pod in version \"v1\" cannot be handled as a Namespace: no kind"), "{other}");
    assert!(decoded(&NAMESPACE, b"{}").unwrap_err().contains("does not appear to be a protobuf message"));
    let twice = body("v1", "Namespace", w().bytes(1, w().bytes(1, "a").bytes(1, "b").0));
    assert!(decoded(&NAMESPACE, &twice).unwrap_err().contains("ObjectMeta.name: comes twice"));
    let gzip = [PREFIX, &w().bytes(2, "").bytes(3, "gzip").0].concat();
    assert!(decoded(&NAMESPACE, &gzip).unwrap_err().contains("gzip is not read"));
}

#[test]
fn a_pod_in_itself_without_end_is_refused() {
    fn depth(message: &Message, seen: &mut Vec<&'static str>) -> usize {
        let below = message.fields.iter().filter_map(|field| match field.kind {
            Kind::Message(below) if !seen.contains(&below.name) => {
                seen.push(below.name);
                let depth = depth(below, seen);
                seen.pop();
                Some(depth)
            }
            Kind::Message(below) => panic!("{} has itself in it", below.name),
            _ => None,
        });
        1 + below.max().unwrap_or(0)
    }
    assert!(ROOTS.iter().all(|(_, _, message)| depth(message, &mut Vec::new()) < 20));
}

#[test]
fn every_kind_that_is_served_and_is_no_custom_resource_is_read() {
    let custom = |group: &str| group.ends_with(".x-k8s.io");
    let missing = TABLE.iter().filter(|row| !custom(row.group) && table::message_of(row.group, row.kind).is_none());
    assert_eq!(missing.map(|row| row.kind).collect::<Vec<_>>(), Vec::<&str>::new());
}

/// A message with every field set, and the value that it must give.
fn full(message: &'static Message) -> (Writer, serde_json::Map<String, Value>) {
    let mut object = serde_json::Map::new();
    let mut writer = w();
    for field in message.fields {
        let (bytes, value) = match field.kind {
            Kind::Text => (Some(b"x".to_vec()), json!("x")),
            Kind::Texts => (Some(w().bytes(1, "x").0), json!(["x"])),
            Kind::Bool => (None, json!(true)),
            Kind::Int32 | Kind::Int64 => (None, json!(1)),
            Kind::Bytes => (Some(b"xyz".to_vec()), json!("eHl6")),
            Kind::Quantity => (Some(w().bytes(1, "1").0), json!("1")),
            Kind::IntOrString => (Some(w().number(1, 0).number(2, 7).0), json!(7)),
            Kind::Time => (Some(w().number(1, 1).0), json!("1970-01-01T00:00:01Z")),
            Kind::MicroTime => (Some(w().number(1, 1).number(2, 2000).0), json!("1970-01-01T00:00:01.000002Z")),
            Kind::Json => (Some(w().bytes(1, "{\"f:a\":{}}").0), json!({"f:a": {}})),
            Kind::Message(below) => {
                let (bytes, value) = full(below);
                (Some(bytes.0), Value::Object(value))
            }
        };
        let put = |writer: Writer| match &bytes {
            Some(bytes) => writer.bytes(field.number, bytes),
            None => writer.number(field.number, 1),
        };
        match field.how {
            How::One | How::Maybe => {
                writer = put(writer);
                object.insert(field.name.to_owned(), value);
            }
            How::Many => {
                writer = put(put(writer));
                object.insert(field.name.to_owned(), json!([value, value]));
            }
            How::Map => {
                writer = writer.bytes(field.number, w().bytes(1, "k").bytes(2, bytes.unwrap()).0);
                object.insert(field.name.to_owned(), json!({ "k": value }));
            }
            How::Inline => {
                writer = put(writer);
                object.extend(value.as_object().cloned().unwrap());
            }
        }
    }
    (writer, object)
}

#[test]
fn every_field_of_every_kind_is_one_of_its_type() {
    for row in TABLE {
        let Some(message) = table::message_of(row.group, row.kind) else { continue };
        let (bytes, mut object) = full(message);
        let read = decode(message, &bytes.0).unwrap();
        assert_eq!(read, object, "{}", row.kind);
        object.insert("kind".to_owned(), row.kind.into());
        object.insert("apiVersion".to_owned(), row.api_version().into());
        let reading = (row.types.read)(&reprise_core::manifest::Tree::from_value(&Value::Object(object)));
        let problems: Vec<String> = reading.problems.iter().map(|problem| problem.text.clone()).collect();
        assert_eq!(problems, Vec::<String>::new(), "{}", row.kind);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), root in 0..ROOTS.len()) {
        let (_, _, message) = ROOTS[root];
        // Read or refused does not matter here.
        let _: Result<_, ProtobufError> = decode(message, &bytes);
        let _: Result<_, ProtobufError> = read(&NAMESPACE, &[PREFIX, &bytes].concat());
    }

    #[test]
    fn a_body_that_is_cut_off_or_changed_is_read_or_refused(root in 0..ROOTS.len(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (_, _, message) = ROOTS[root];
        let (mut bytes, _) = full(message);
        if !bytes.0.is_empty() {
            let at = at.index(bytes.0.len());
            let _: Result<_, ProtobufError> = decode(message, &bytes.0[..at]);
            bytes.0[at] = byte;
            let _: Result<_, ProtobufError> = decode(message, &bytes.0);
        }
    }
}
