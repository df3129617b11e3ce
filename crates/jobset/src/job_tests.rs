//! Jobs as JobSets make them.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::defaults::set_defaults;

fn set(more: Value) -> JobSet {
    let template = json!({
        "metadata": {"labels": {"own": "l"}, "annotations": {"own": "a"}},
        "spec": {"completions": 2, "parallelism": 2, "template": {
            "metadata": {"labels": {"pod": "l"}},
            "spec": {"containers": [{"name": "c", "image": "i", "volumeMounts": [{"name": "cache", "mountPath": "/c"}]}]},
        }},
    });
    let jobs = json!([
        {"name": "driver", "template": template, "groupName": "first"},
        {"name": "workers", "template": template, "replicas": 3, "groupName": "second"},
        {"name": "more", "template": template, "replicas": 2, "groupName": "second"},
    ]);
    let mut set = json!({
        "metadata": {"name": "train", "namespace": "n", "uid": "u"},
        "spec": {"replicatedJobs": jobs},
        "status": {"restarts": 4, "replicatedJobsStatus": [{"name": "more", "ready": 0, "succeeded": 0, "failed": 0, "active": 0,
            "suspended": 0, "jobRestarts": [0, 5]}]},
    });
    for (key, value) in more.as_object().unwrap() {
        set["spec"][key] = value.clone();
    }
    let mut set = serde_json::from_value(set).unwrap();
    set_defaults(&mut set);
    set
}

fn made(set: &JobSet, entry: usize, index: usize) -> Value {
    serde_json::to_value(job(set, NewJob { entry, index }).unwrap()).unwrap()
}

#[test]
fn jobs_and_their_pods_bear_the_published_marks() {
    let coordinator = json!({"coordinator": {"replicatedJob": "driver", "podIndex": 1}});
    let job = made(&set(coordinator), 2, 1);
    assert_eq!(job["metadata"]["name"], "train-more-1");
    assert_eq!(job["metadata"]["ownerReferences"][0]["kind"], "JobSet");
    assert_eq!(job["metadata"]["ownerReferences"][0]["controller"], true);
    let expected = json!({
        "jobset.sigs.k8s.io/jobset-name": "train",
        "jobset.sigs.k8s.io/jobset-uid": "u",
        "jobset.sigs.k8s.io/replicatedjob-name": "more",
        "jobset.sigs.k8s.io/replicatedjob-replicas": "2",
        "jobset.sigs.k8s.io/global-replicas": "6",
        "jobset.sigs.k8s.io/job-index": "1",
        "jobset.sigs.k8s.io/job-global-index": "5",
        "jobset.sigs.k8s.io/job-key": "",
        "jobset.sigs.k8s.io/group-name": "second",
        "jobset.sigs.k8s.io/group-replicas": "5",
        "jobset.sigs.k8s.io/job-group-index": "4",
        "jobset.sigs.k8s.io/restart-attempt": "4",
        "jobset.sigs.k8s.io/job-restart-attempt": "5",
        "jobset.sigs.k8s.io/coordinator": "train-driver-0-1.train",
    });
    let pod = &job["spec"]["template"]["metadata"];
    for (key, value) in expected.as_object().unwrap() {
        for marks in [&job["metadata"]["labels"], &job["metadata"]["annotations"], &pod["labels"], &pod["annotations"]]
        {
            if key.ends_with("job-key") {
                assert_eq!(marks[key].as_str().unwrap().len(), 40);
            } else {
                assert_eq!(&marks[key], value, "{key}");
            }
        }
    }
    assert_eq!((&job["metadata"]["labels"]["own"], &pod["labels"]["pod"]), (&json!("l"), &json!("l")));
    assert_eq!(job["metadata"]["annotations"]["own"], "a");
}

#[test]
fn the_key_of_a_job_is_a_hash_of_its_namespace_and_name() {
    assert_eq!(key("", ""), "42099b4af021e53fd8fd4e056c2568d7c2e3ffa8", "the SHA-1 of a slash");
}

#[test]
fn pods_are_in_the_subdomain_unless_they_have_no_names() {
    let pod = |network: Value| made(&set(json!({"network": network})), 0, 0)["spec"]["template"]["spec"].clone();
    assert_eq!(pod(json!({}))["subdomain"], "train");
    assert_eq!(pod(json!({"subdomain": "net"}))["subdomain"], "net");
    assert_eq!(pod(json!({"enableDNSHostnames": false}))["subdomain"], Value::Null);
}

#[test]
fn shared_claims_are_mounted_where_a_container_asks_for_them() {
    let templates = json!([{"metadata": {"name": "cache"}}, {"metadata": {"name": "other"}}]);
    let set = set(json!({"volumeClaimPolicies": [{"templates": templates}]}));
    let volumes = made(&set, 0, 0)["spec"]["template"]["spec"]["volumes"].clone();
    assert_eq!(volumes, json!([{"name": "cache", "persistentVolumeClaim": {"claimName": "cache-train"}}]));
    let claims = crate::volume_claims::claims(&set);
    assert_eq!(claims.len(), 2);
    assert!(claims.iter().all(|claim| claim.metadata.owner_references.is_some()));
}

#[test]
fn exclusive_placement_by_labels_of_nodes_selects_them() {
    let mut set = set(json!({}));
    let annotations = [(EXCLUSIVE_TOPOLOGY, "rack"), (NODE_SELECTOR_STRATEGY, "true")];
    set.metadata.annotations = Some(annotations.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    let job = made(&set, 1, 2);
    assert_eq!(job["metadata"]["annotations"][EXCLUSIVE_TOPOLOGY], "rack");
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["nodeSelector"][NAMESPACED_JOB], "n_train-workers-2");
    assert_eq!(pod["tolerations"][0]["key"], NO_SCHEDULE_TAINT);
}

#[test]
fn a_resumed_job_takes_what_was_changed_meanwhile_and_keeps_what_it_was_given() {
    let suspended = set(json!({"suspend": true}));
    let mut job = job(&suspended, NewJob { entry: 0, index: 0 }).unwrap();
    assert_eq!(job.spec.as_ref().unwrap().suspend, Some(true));
    let given = job.spec.as_mut().unwrap().template.metadata.as_mut().unwrap();
    given.labels.as_mut().unwrap().insert("given".to_owned(), "x".to_owned());
    let mut changed = set(json!({}));
    let entry = &mut changed.spec.as_mut().unwrap().replicated_jobs[0];
    let pod = entry.template.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
    pod.node_selector = Some([("zone".to_owned(), "z".to_owned())].into());
    pod.tolerations = Some(vec![Toleration { key: Some("t".to_owned()), ..Toleration::default() }]);
    let resumed = resumed(resumed(job, &changed), &changed).spec.unwrap();
    assert_eq!(resumed.suspend, Some(false));
    let (metadata, pod) = (resumed.template.metadata.unwrap(), resumed.template.spec.unwrap());
    assert_eq!(metadata.labels.unwrap()["given"], "x");
    assert_eq!(pod.node_selector.unwrap()["zone"], "z");
    assert_eq!(pod.tolerations.map(|all| all.len()), Some(1), "it is added once");
}
