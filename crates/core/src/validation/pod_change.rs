//! What may change in a Pod that is there: very little of its spec.

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, Toleration};

use super::object_meta;
use crate::field::{FieldError, FieldPath, Report};
use crate::unset::list;

const UPDATABLE: &str = "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
     `spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set \
     to 1 if it was previously negative)";

/// Checks a Pod that takes the place of `old` through its main path.
#[must_use]
pub fn check(new: &Pod, old: &Pod) -> Vec<FieldError> {
    let mut report = Report::default();
    object_meta::check_change(&new.metadata, &old.metadata, &mut report);
    let none = PodSpec::default();
    let (new, old) = (new.spec.as_ref().unwrap_or(&none), old.spec.as_ref().unwrap_or(&none));
    let path = FieldPath::new("spec");
    if new.containers.len() != old.containers.len() {
        report.forbidden(path.child("containers"), "pod updates may not add or remove containers");
        return report.into_errors();
    }
    if list(&new.init_containers).len() != list(&old.init_containers).len() {
        report.forbidden(path.child("initContainers"), "pod updates may not add or remove containers");
        return report.into_errors();
    }
    check_deadline(new, old, &path, &mut report);
    check_tolerations(list(&new.tolerations), list(&old.tolerations), &path, &mut report);
    check_gates(new, old, &path, &mut report);
    check_rest(new, old, &path, &mut report);
    report.into_errors()
}

/// The end may only come earlier.
fn check_deadline(new: &PodSpec, old: &PodSpec, path: &FieldPath, report: &mut Report) {
    let path = path.child("activeDeadlineSeconds");
    match (new.active_deadline_seconds, old.active_deadline_seconds) {
        (Some(new), Some(old)) if new > old => {
            report.invalid(path, new, "must be less than or equal to previous value");
        }
        (None, Some(_)) => {
            report.invalid(
                path,
                crate::field::BadValue::json(&()),
                "must not update from a positive integer to nil value",
            );
        }
        _ => {}
    }
}

fn check_tolerations(new: &[Toleration], old: &[Toleration], path: &FieldPath, report: &mut Report) {
    let without_seconds = |toleration: &Toleration| Toleration { toleration_seconds: None, ..toleration.clone() };
    let kept = |old: &Toleration| new.iter().any(|new| without_seconds(new) == without_seconds(old));
    if !old.iter().all(kept) {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        report.forbidden(path.child("tolerations"), detail);
    }
}

fn check_gates(new: &PodSpec, old: &PodSpec, path: &FieldPath, report: &mut Report) {
    for gate in list(&new.scheduling_gates).iter().filter(|gate| !list(&old.scheduling_gates).contains(gate)) {
        let detail = format!("only deletion is allowed, but found new scheduling gate '{}'", gate.name);
        report.forbidden(path.child("schedulingGates").key(&gate.name), &detail);
    }
}

/// Everything else must be the same.
fn check_rest(new: &PodSpec, old: &PodSpec, path: &FieldPath, report: &mut Report) {
    let mut allowed = new.clone();
    take_images(&mut allowed.containers, &old.containers);
    if let Some(containers) = &mut allowed.init_containers {
        take_images(containers, list(&old.init_containers));
    }
    allowed.active_deadline_seconds = old.active_deadline_seconds;
    allowed.tolerations.clone_from(&old.tolerations);
    allowed.scheduling_gates.clone_from(&old.scheduling_gates);
    if old.termination_grace_period_seconds.is_some_and(|seconds| seconds < 0)
        && new.termination_grace_period_seconds == Some(1)
    {
        allowed.termination_grace_period_seconds = old.termination_grace_period_seconds;
    }
    let (allowed, old) = (json(&allowed), json(old));
    if allowed != old {
        let detail =
            format!("pod updates may not change fields other than {UPDATABLE}\n{}", difference(&allowed, &old));
        report.forbidden(path.clone(), &detail);
    }
}

fn take_images(containers: &mut [Container], old: &[Container]) {
    for (container, old) in containers.iter_mut().zip(old) {
        container.image.clone_from(&old.image);
    }
}

fn json(spec: &PodSpec) -> serde_json::Value {
    // Made of texts, numbers, lists and maps with texts as keys: always JSON.
    serde_json::to_value(spec).unwrap_or_default()
}

/// Which fields differ, for people.
fn difference(new: &serde_json::Value, old: &serde_json::Value) -> String {
    let empty = serde_json::Map::new();
    let (new, old) = (new.as_object().unwrap_or(&empty), old.as_object().unwrap_or(&empty));
    let names = new.keys().chain(old.keys().filter(|name| !new.contains_key(*name)));
    let changed = names.filter(|name| new.get(*name) != old.get(*name)).map(|name| {
        let shown = |of: &serde_json::Map<String, serde_json::Value>| {
            of.get(name).map_or_else(|| "unset".to_owned(), ToString::to_string)
        };
        format!("  {name}: {} -> {}\n", shown(old), shown(new))
    });
    changed.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(fields: Value) -> Pod {
        let mut spec = json!({"containers": [{"name": "a", "image": "i"}], "activeDeadlineSeconds": 9});
        spec.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": spec})).unwrap()
    }

    fn change(fields: Value) -> Vec<String> {
        let old = pod(json!({"tolerations": [{"key": "k", "operator": "Exists"}], "schedulingGates": [{"name": "g"}]}));
        let mut whole = json!({"tolerations": [{"key": "k", "operator": "Exists"}]});
        whole.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        check(&pod(whole), &old).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn images_deadlines_tolerations_and_gates_may_change_in_one_direction() {
        for fields in [
            json!({"containers": [{"name": "a", "image": "other"}]}),
            json!({"activeDeadlineSeconds": 5}),
            json!({"tolerations": [{"key": "x", "operator": "Exists"}, {"key": "k", "operator": "Exists", "tolerationSeconds": 3}]}),
        ] {
            assert_eq!(change(fields.clone()), Vec::<String>::new(), "{fields}");
        }
        for (fields, expected) in [
            (json!({"activeDeadlineSeconds": 10}), "spec.activeDeadlineSeconds: Invalid value: 10: must be less than"),
            (
                json!({"activeDeadlineSeconds": null}),
                "spec.activeDeadlineSeconds: Invalid value: null: must not update",
            ),
            (json!({"tolerations": []}), "spec.tolerations: Forbidden: existing toleration can not be modified"),
            (
                json!({"schedulingGates": [{"name": "h"}]}),
                "spec.schedulingGates[h]: Forbidden: only deletion is allowed",
            ),
            (json!({"containers": []}), "spec.containers: Forbidden: pod updates may not add or remove containers"),
            (
                json!({"hostname": "h"}),
                "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`",
            ),
        ] {
            let errors = change(fields.clone());
            assert!(errors.len() == 1 && errors[0].starts_with(expected), "{fields}: {errors:?}");
        }
    }
}
