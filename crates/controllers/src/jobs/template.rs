//! The Pod that a Job's template makes.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, ObjectFieldSelector, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;
use reprise_core::unset::{list, text};

use super::population::NewPod;
use super::{FINALIZER, INDEX, INDEX_FAILURES, INDEX_IGNORED_FAILURES};

const VARIABLE: &str = "JOB_COMPLETION_INDEX";
/// The API adds five characters to a name that it makes up; hosts' names have 63 at most.
const LONGEST_PREFIX: usize = 58;

/// The Pod to be made.
pub(crate) fn pod(job: &Job, new: &NewPod) -> Pod {
    let template = job.spec.as_ref().map(|spec| spec.template.clone()).unwrap_or_default();
    let from = template.metadata.unwrap_or_default();
    let name = text(&job.metadata.name);
    let mut metadata = ObjectMeta {
        generate_name: Some(prefix(name, new.index)),
        namespace: job.metadata.namespace.clone(),
        labels: from.labels,
        annotations: from.annotations,
        finalizers: from.finalizers,
        owner_references: Some(vec![owner(job)]),
        ..ObjectMeta::default()
    };
    let finalizers = metadata.finalizers.get_or_insert_default();
    if !finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
        finalizers.push(FINALIZER.to_owned());
    }
    let mut spec = template.spec.unwrap_or_default();
    if let Some(index) = new.index {
        mark(&mut metadata, new, index);
        add_variable(&mut spec);
        spec.hostname = Some(format!("{name}-{index}"));
    }
    Pod { metadata, spec: Some(spec), status: None }
}

fn mark(metadata: &mut ObjectMeta, new: &NewPod, index: i32) {
    metadata.labels.get_or_insert_default().insert(INDEX.to_owned(), index.to_string());
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(INDEX.to_owned(), index.to_string());
    if let Some(failures) = new.failures {
        annotations.insert(INDEX_FAILURES.to_owned(), failures.counted.to_string());
        if failures.ignored > 0 {
            annotations.insert(INDEX_IGNORED_FAILURES.to_owned(), failures.ignored.to_string());
        }
    }
}

fn prefix(name: &str, index: Option<i32>) -> String {
    let end = index.map_or_else(|| "-".to_owned(), |index| format!("-{index}-"));
    let room = LONGEST_PREFIX.saturating_sub(end.len());
    // Names have no characters of more than one byte.
    format!("{}{end}", name.get(..room).unwrap_or(name))
}

fn owner(job: &Job) -> OwnerReference {
    OwnerReference {
        api_version: "batch/v1".to_owned(),
        kind: "Job".to_owned(),
        name: job.metadata.name.clone().unwrap_or_default(),
        uid: job.metadata.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Each container finds its index there, unless it has such a variable of its own.
fn add_variable(spec: &mut PodSpec) {
    let add = |container: &mut Container| {
        if list(&container.env).iter().any(|variable| variable.name == VARIABLE) {
            return;
        }
        let field = ObjectFieldSelector { field_path: format!("metadata.labels['{INDEX}']"), api_version: None };
        let source = EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() };
        let variable = EnvVar { name: VARIABLE.to_owned(), value: None, value_from: Some(source) };
        container.env.get_or_insert_default().push(variable);
    };
    spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()).for_each(add);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job(name: &str) -> Job {
        let spec = json!({"template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c"}]}}});
        serde_json::from_value(json!({"metadata": {"name": name, "namespace": "n", "uid": "u"}, "spec": spec})).unwrap()
    }

    #[test]
    fn an_indexed_pod_knows_its_index_in_four_ways() {
        let pod = serde_json::to_value(pod(&job("train"), &NewPod { index: Some(3), failures: None })).unwrap();
        assert_eq!(pod["metadata"]["generateName"], "train-3-");
        assert_eq!(pod["metadata"]["labels"], json!({"a": "b", INDEX: "3"}));
        assert_eq!(pod["metadata"]["annotations"], json!({INDEX: "3"}));
        assert_eq!(pod["spec"]["hostname"], "train-3");
        let variable = &pod["spec"]["containers"][0]["env"][0];
        assert_eq!(variable["valueFrom"]["fieldRef"]["fieldPath"], format!("metadata.labels['{INDEX}']"));
        assert_eq!(pod["metadata"]["finalizers"], json!([FINALIZER]));
        assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], "u");
    }

    #[test]
    fn long_names_leave_room_for_what_is_added() {
        let name = "a".repeat(63);
        let pod = pod(&job(&name), &NewPod { index: Some(12), failures: None });
        assert_eq!(pod.metadata.generate_name.as_ref().map(String::len), Some(58));
        assert!(pod.metadata.generate_name.unwrap().ends_with("a-12-"));
    }
}
