//! What may change in a Job.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use reprise_core::field::{BadValue, FieldPath, Report};
use reprise_core::unset::text;
use serde::Serialize;

const IMMUTABLE: &str = "field is immutable";

pub(super) fn check(new: &Job, old: &Job, report: &mut Report) {
    let (Some(new), Some(before)) = (&new.spec, &old.spec) else { return };
    let path = FieldPath::new("spec");
    check_completions(new, before, &path, report);
    let mut fixed = |name: &str, same: bool, value: &dyn ErasedJson| {
        if !same {
            report.invalid(path.child(name), value.json(), IMMUTABLE);
        }
    };
    fixed("selector", new.selector == before.selector, &new.selector);
    fixed("template", same_template(new, before, old), &new.template);
    fixed("completionMode", new.completion_mode == before.completion_mode, &new.completion_mode);
    fixed("podFailurePolicy", new.pod_failure_policy == before.pod_failure_policy, &new.pod_failure_policy);
    let per_index = new.backoff_limit_per_index == before.backoff_limit_per_index;
    fixed("backoffLimitPerIndex", per_index, &new.backoff_limit_per_index);
    fixed("managedBy", new.managed_by == before.managed_by, &new.managed_by);
    fixed("successPolicy", new.success_policy == before.success_policy, &new.success_policy);
}

trait ErasedJson {
    fn json(&self) -> BadValue;
}

impl<T: Serialize> ErasedJson for T {
    fn json(&self) -> BadValue {
        BadValue::json(self)
    }
}

/// A Job with indexes may be made larger or smaller, if its parallelism goes with it.
fn check_completions(new: &JobSpec, old: &JobSpec, path: &FieldPath, report: &mut Report) {
    if new.completions == old.completions {
        return;
    }
    let elastic = text(&new.completion_mode) == "Indexed";
    let path = path.child("completions");
    if !elastic {
        report.invalid(path, new.completions.json(), IMMUTABLE);
    } else if new.completions != new.parallelism || old.completions != old.parallelism {
        report.invalid(path, new.completions.json(), "can only be modified in tandem with parallelism");
    }
}

/// Where Pods may run, and what they are called, can be changed as long as none has been started.
fn same_template(new: &JobSpec, old: &JobSpec, job: &Job) -> bool {
    let started = job.status.as_ref().is_some_and(|status| status.start_time.is_some());
    if old.suspend != Some(true) || started {
        return new.template == old.template;
    }
    without_placing(&new.template) == without_placing(&old.template)
}

fn without_placing(template: &PodTemplateSpec) -> PodTemplateSpec {
    let mut template = template.clone();
    if let Some(meta) = &mut template.metadata {
        (meta.labels, meta.annotations) = (None, None);
    }
    if let Some(spec) = &mut template.spec {
        (spec.node_selector, spec.tolerations, spec.affinity, spec.scheduling_gates) = (None, None, None, None);
    }
    template
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn job(fields: Value) -> Job {
        let mut spec = json!({"completions": 2, "parallelism": 2, "completionMode": "Indexed", "template": {"spec": {"containers": []}}});
        spec.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value(json!({"spec": spec})).unwrap()
    }

    fn errors(new: Value, old: Value) -> Vec<String> {
        let mut report = Report::default();
        check(&job(new), &job(old), &mut report);
        report.errors().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_a_job_does_stays_and_how_much_at_once_may_change() {
        assert!(errors(json!({"parallelism": 3, "completions": 3}), json!({})).is_empty());
        assert!(errors(json!({"suspend": true, "backoffLimit": 3}), json!({})).is_empty());
        let template = json!({"template": {"spec": {"containers": [], "nodeSelector": {"a": "b"}}}});
        assert_eq!(errors(template.clone(), json!({})).len(), 1);
        assert!(errors(template, json!({"suspend": true})).is_empty());
        let completions = "spec.completions: Invalid value: 3: can only be modified in tandem with parallelism";
        assert_eq!(errors(json!({"completions": 3}), json!({})), [completions]);
        assert_eq!(errors(json!({"completionMode": "NonIndexed"}), json!({"completionMode": "Indexed"})).len(), 1);
    }
}
