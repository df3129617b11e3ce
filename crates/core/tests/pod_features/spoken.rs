//! What the program says of a Pod that uses a field as its row does.

use jiff::Timestamp;
use reprise_core::admission::{Fresh, Policy, admit, admit_ephemeral};
use reprise_core::gates::FeatureGates;
use reprise_core::manifest::{decode_pod, read_plain};
use reprise_core::unsupported::{self, Gap, Unsupported};
use serde_json::{Map, Value, json};

use crate::table::Row;

/// Messages, as people read them.
#[derive(Debug, Default)]
pub struct Said {
    pub errors: Vec<String>,
    pub warnings: Vec<String>,
}

/// What some fields need beside them, or Kubernetes refuses the Pod for another reason.
fn companions(of: &str, field: &str) -> Value {
    match (of, field) {
        ("SecurityContext", "procMount") => json!({"hostUsers": false}),
        ("ResourceRequirements", "claims") => json!({"resourceClaims": [{"name": "r", "resourceClaimName": "c"}]}),
        ("VolumeProjection", "serviceAccountToken") => json!({"serviceAccountName": "s"}),
        _ => json!({}),
    }
}

/// Puts the row's YAML where its message points to, and has the Pod admitted.
pub fn of(row: &Row) -> Said {
    let used = read_plain(&row.yaml).unwrap_or_else(|e| panic!("{}: {e}", row.yaml));
    let path = row.says.split(": ").next().unwrap();
    let parent = path.rfind(&format!(".{}", row.field)).map(|at| &path[..at]);
    let parent = parent.unwrap_or_else(|| panic!("{} is not in {path}", row.field));
    let mut pod = base();
    merge(&mut pod["spec"], &companions(&row.of, &row.field));
    merge(at(&mut pod, parent), &used);
    if row.of == "EphemeralContainer" { of_ephemeral(pod) } else { of_pod(&pod) }
}

fn base() -> Value {
    json!({
        "metadata": {"name": "p"},
        "spec": {
            "containers": [{"name": "c", "image": "i"}],
            "volumes": [{"name": "v"}, {"name": "block", "persistentVolumeClaim": {"claimName": "b"}}],
        },
    })
}

/// The place of a path such as `spec.containers[0].resources`, made on the way.
fn at<'v>(value: &'v mut Value, path: &str) -> &'v mut Value {
    path.split('.').fold(value, |value, part| {
        let (name, index) = part.split_once('[').map_or((part, None), |(name, rest)| (name, rest.strip_suffix(']')));
        let place = &mut value[name];
        let Some(index) = index.map(|index| index.parse::<usize>().unwrap()) else { return place };
        if place.is_null() {
            *place = json!([]);
        }
        let items = place.as_array_mut().unwrap();
        if items.len() <= index {
            items.push(Value::Object(Map::new()));
        }
        &mut items[index]
    })
}

fn merge(into: &mut Value, more: &Value) {
    for (name, value) in more.as_object().unwrap() {
        into[name] = value.clone();
    }
}

fn policy() -> Policy {
    Policy { gates: FeatureGates::default(), allow_privileged: true }
}

fn of_pod(pod: &Value) -> Said {
    let fresh = Fresh { uid: "u".to_owned(), suffix: "bcd24".to_owned(), now: Timestamp::UNIX_EPOCH };
    let decoded = decode_pod(&pod.to_string());
    match admit(decoded, &policy(), fresh) {
        Ok(admitted) => {
            let mut found = unsupported::find(&admitted.pod);
            // As on a kernel that has no SELinux; where it has, labels are set and nothing is said.
            found.warnings.extend(unsupported::find_selinux(&admitted.pod).warnings);
            said(&found)
        }
        Err(rejection) => Said { errors: rejection.messages(), warnings: Vec::new() },
    }
}

/// An ephemeral container is not in a manifest: the Pod is there, and the container comes.
fn of_ephemeral(mut pod: Value) -> Said {
    let mut containers = pod["spec"].as_object_mut().unwrap().remove("ephemeralContainers").unwrap();
    merge(&mut containers[0], &json!({"name": "debug", "image": "i"}));
    pod["spec"]["volumes"] = json!([{"name": "block", "persistentVolumeClaim": {"claimName": "b"}}]);
    let fresh = Fresh { uid: "u".to_owned(), suffix: "bcd24".to_owned(), now: Timestamp::UNIX_EPOCH };
    let pod = admit(decode_pod(&pod.to_string()), &policy(), fresh).unwrap().pod;
    match admit_ephemeral(&pod, serde_json::from_value(containers).unwrap(), &policy()) {
        Ok(admitted) => said(&unsupported::find(&admitted.pod)),
        Err(rejection) => Said { errors: rejection.messages(), warnings: Vec::new() },
    }
}

fn said(found: &Unsupported) -> Said {
    let texts = |gaps: &[Gap]| gaps.iter().map(ToString::to_string).collect();
    Said { errors: texts(&found.errors), warnings: texts(&found.warnings) }
}
