//! Pods: what they mean is decided by the core; here is what an API makes of it.

use k8s_openapi::api::core::v1::{Pod, PodSpec, PodStatus};
use k8s_openapi::api::node::v1::RuntimeClass;
use reprise_core::admission::{Fresh, Policy, admit_change, admit_ephemeral, admit_with_classes};
use reprise_core::manifest::Decoded;
use reprise_core::qos::qos_class;
use reprise_core::unset::{list, text};
use reprise_core::validation::validate_metadata_update;
use serde_json::Value;

use super::rules::typed;
use super::{Admitted, Behaviour, Context, Deletion, Part, priorities};
use crate::status::ApiError;

/// Pods.
pub(super) struct Pods;

fn policy(context: &Context<'_>) -> Policy {
    Policy { gates: context.gates, allow_privileged: context.allow_privileged }
}

impl Behaviour for Pods {
    fn create(&self, context: &Context<'_>, object: Value) -> Result<Admitted, ApiError> {
        let mut pod: Pod = typed(object)?;
        apply_runtime_class(context, &mut pod)?;
        let identity = (pod.metadata.uid.clone().unwrap_or_default(), pod.metadata.creation_timestamp.clone());
        // The name is made already.
        let fresh = Fresh { uid: identity.0, suffix: String::new(), now: context.now };
        let decoded = Decoded { pod, warnings: Vec::new() };
        let class = |name: &str| priorities::class(context, name);
        let admitted = admit_with_classes(decoded, &policy(context), fresh, &class)?;
        let mut pod = admitted.pod;
        pod.metadata.creation_timestamp = identity.1;
        let qos = qos_class(&pod).to_owned();
        let pending = Some("Pending".to_owned());
        pod.status = Some(PodStatus { phase: pending, qos_class: Some(qos), ..PodStatus::default() });
        made(&pod, admitted.warnings)
    }

    fn update(&self, context: &Context<'_>, new: Value, old: &Value, part: Part) -> Result<Admitted, ApiError> {
        match part {
            // What is wrong is told by the check of the whole.
            Part::Main if new.get("spec") == old.get("spec") && has_good_metadata(&new, old)? => {
                Ok(Admitted { object: new, warnings: Vec::new() })
            }
            Part::Main => {
                let admitted = admit_change(typed(new)?, &typed(old.clone())?, &policy(context))?;
                made(&admitted.pod, admitted.warnings)
            }
            Part::EphemeralContainers => {
                let (new, old): (Pod, Pod) = (typed(new)?, typed(old.clone())?);
                let wanted = new.spec.and_then(|spec| spec.ephemeral_containers).unwrap_or_default();
                check_none_is_removed(&old, &wanted)?;
                let mut pod = admit_ephemeral(&old, wanted, &policy(context))?.pod;
                pod.metadata = new.metadata;
                made(&pod, Vec::new())
            }
            Part::Status => {
                let mut object = new;
                keep_settled(&mut object, old);
                Ok(Admitted { object, warnings: Vec::new() })
            }
            Part::Binding | Part::Finalizers => Ok(Admitted { object: new, warnings: Vec::new() }),
        }
    }

    /// A Pod that nobody runs goes at once.
    fn deletion(&self, object: &Value, grace: Option<i64>) -> Result<Deletion, ApiError> {
        let of_pod = object.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64);
        let unscheduled = object.pointer("/spec/nodeName").and_then(Value::as_str).unwrap_or_default().is_empty();
        let phase = object.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default();
        if unscheduled || matches!(phase, "Succeeded" | "Failed") {
            return Ok(Deletion::Graceful(0));
        }
        let seconds = grace.or(of_pod).unwrap_or(0);
        Ok(Deletion::Graceful(if seconds < 0 { 1 } else { seconds }))
    }

    fn has_generation(&self) -> bool {
        true
    }

    fn returns_deleted(&self) -> bool {
        true
    }
}

fn made(pod: &Pod, warnings: Vec<String>) -> Result<Admitted, ApiError> {
    Ok(Admitted { object: serde_json::to_value(pod).map_err(ApiError::internal)?, warnings })
}

/// Whether the metadata may change so. The rest of the Pod is as it was when it was checked.
fn has_good_metadata(new: &Value, old: &Value) -> Result<bool, ApiError> {
    let part = |pod: &Value| -> Result<Pod, ApiError> {
        let node = pod.pointer("/spec/nodeName").and_then(Value::as_str).map(str::to_owned);
        let spec = Some(PodSpec { node_name: node, ..PodSpec::default() });
        Ok(Pod { metadata: typed(pod["metadata"].clone())?, spec, status: None })
    };
    Ok(validate_metadata_update(&part(new)?, &part(old)?).is_empty())
}

/// What only the server says is not for who reports a status.
fn keep_settled(new: &mut Value, old: &Value) {
    const OWNERS: &str = "ownerReferences";
    if let Some(metadata) = new.get_mut("metadata").and_then(Value::as_object_mut) {
        match old.get("metadata").and_then(|metadata| metadata.get(OWNERS)) {
            Some(owners) => drop(metadata.insert(OWNERS.to_owned(), owners.clone())),
            None => drop(metadata.remove(OWNERS)),
        }
    }
    if let (Some(status), Some(class)) = (new.get_mut("status"), old.pointer("/status/qosClass"))
        && status.get("qosClass").and_then(Value::as_str).unwrap_or_default().is_empty()
        && status.is_object()
    {
        status["qosClass"] = class.clone();
    }
}

/// Ephemeral containers can only be added.
fn check_none_is_removed(old: &Pod, wanted: &[k8s_openapi::api::core::v1::EphemeralContainer]) -> Result<(), ApiError> {
    let known = old.spec.as_ref().map(|spec| list(&spec.ephemeral_containers)).unwrap_or_default();
    let name = text(&old.metadata.name);
    match known.iter().find(|known| wanted.iter().all(|wanted| wanted.name != known.name)) {
        None => Ok(()),
        Some(missing) => {
            let field = "spec.ephemeralContainers";
            let why = format!("Forbidden: existing ephemeral containers {:?} may not be removed\n", missing.name);
            let error = ApiError::new(422, "Invalid", format!("Pod {name:?} is invalid: {field}: {why}"));
            Err(error.about("", "Pod", name).because("FieldValueForbidden", &why, field))
        }
    }
}

/// What the Pod's runtime class adds to it.
fn apply_runtime_class(context: &Context<'_>, pod: &mut Pod) -> Result<(), ApiError> {
    let name = text(&pod.metadata.name).to_owned();
    let Some(spec) = &mut pod.spec else { return Ok(()) };
    let class = text(&spec.runtime_class_name);
    if class.is_empty() {
        return Ok(());
    }
    let found = context.lookup.get("runtimeclasses.node.k8s.io", "", class);
    let Some(found) = found else {
        let why = format!("pod rejected: RuntimeClass {class:?} not found");
        return Err(ApiError::forbidden("", "pods", &name, &why));
    };
    let found: RuntimeClass = typed(found)?;
    if let Some(overhead) = found.overhead.and_then(|overhead| overhead.pod_fixed) {
        if spec.overhead.as_ref().is_some_and(|given| *given != overhead) {
            let why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
            return Err(ApiError::forbidden("", "pods", &name, why));
        }
        spec.overhead = Some(overhead);
    }
    if let Some(scheduling) = found.scheduling {
        for (key, value) in scheduling.node_selector.into_iter().flatten() {
            spec.node_selector.get_or_insert_default().entry(key).or_insert(value);
        }
        for toleration in scheduling.tolerations.into_iter().flatten() {
            let tolerations = spec.tolerations.get_or_insert_default();
            if !tolerations.contains(&toleration) {
                tolerations.push(toleration);
            }
        }
    }
    Ok(())
}
