//! The defaults of Jobs, and the labels by which a Job knows its Pods.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use reprise_core::defaults::set_spec_defaults;
use reprise_core::unset::text;

const UID: &str = "batch.kubernetes.io/controller-uid";
const NAME: &str = "batch.kubernetes.io/job-name";
const OLD_UID: &str = "controller-uid";
const OLD_NAME: &str = "job-name";
const BACKOFF_LIMIT: i32 = 6;

/// Unless the author has chosen a selector, Pods are the Job's by its UID.
pub(super) fn select_own_pods(job: &mut Job) {
    let (uid, name) = (text(&job.metadata.uid).to_owned(), text(&job.metadata.name).to_owned());
    let Some(spec) = &mut job.spec else { return };
    if spec.manual_selector == Some(true) {
        return;
    }
    let labels = spec.template.metadata.get_or_insert_default().labels.get_or_insert_default();
    for (key, value) in [(UID, &uid), (NAME, &name), (OLD_UID, &uid), (OLD_NAME, &name)] {
        labels.insert(key.to_owned(), value.clone());
    }
    let selector: &mut LabelSelector = spec.selector.get_or_insert_default();
    selector.match_labels.get_or_insert_default().insert(UID.to_owned(), uid);
}

/// Fills in everything that is not set.
pub(super) fn set(job: &mut Job) {
    let Some(spec) = &mut job.spec else { return };
    if spec.completions.is_none() && spec.parallelism.is_none() {
        spec.completions = Some(1);
    }
    spec.parallelism.get_or_insert(1);
    let limit = if spec.backoff_limit_per_index.is_some() { i32::MAX } else { BACKOFF_LIMIT };
    spec.backoff_limit.get_or_insert(limit);
    spec.completion_mode.get_or_insert_with(|| "NonIndexed".to_owned());
    spec.suspend.get_or_insert(false);
    spec.manual_selector.get_or_insert(false);
    let replacement = if spec.pod_failure_policy.is_some() { "Failed" } else { "TerminatingOrFailed" };
    spec.pod_replacement_policy.get_or_insert_with(|| replacement.to_owned());
    for rule in spec.pod_failure_policy.iter_mut().flat_map(|policy| &mut policy.rules) {
        for pattern in rule.on_pod_conditions.iter_mut().flatten() {
            pattern.status.get_or_insert_with(|| "True".to_owned());
        }
    }
    set_spec_defaults(spec.template.spec.get_or_insert_default());
    let labels = spec.template.metadata.as_ref().and_then(|meta| meta.labels.clone());
    if job.metadata.labels.as_ref().is_none_or(std::collections::BTreeMap::is_empty) {
        job.metadata.labels = labels;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_knows_its_pods_by_its_uid_and_has_all_defaults() {
        let template =
            json!({"metadata": {"labels": {"app": "x"}}, "spec": {"restartPolicy": "Never", "containers": []}});
        let job = json!({"metadata": {"name": "j", "uid": "u"}, "spec": {"template": template}});
        let mut job: Job = serde_json::from_value(job).unwrap();
        select_own_pods(&mut job);
        set(&mut job);
        let spec = job.spec.clone().unwrap();
        assert_eq!((spec.completions, spec.parallelism, spec.backoff_limit), (Some(1), Some(1), Some(6)));
        assert_eq!(spec.selector.unwrap().match_labels.unwrap()[UID], "u");
        assert_eq!(job.metadata.labels.unwrap()[OLD_NAME], "j");
        assert_eq!(spec.pod_replacement_policy.as_deref(), Some("TerminatingOrFailed"));
    }
}
