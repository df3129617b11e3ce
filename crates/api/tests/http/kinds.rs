//! What other kinds decide for themselves.

use serde_json::{Value, json};

use crate::client::Server;

const MERGE: &str = "merge-patch+json";

#[tokio::test]
async fn a_namespace_goes_when_it_was_emptied_and_takes_nothing_new_until_then() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let made = client.post("/api/v1/namespaces", &json!({"metadata": {"name": "n"}})).await;
    assert_eq!((made.code, made.text("/metadata/labels/kubernetes.io~1metadata.name")), (201, "n"), "{made:?}");
    assert_eq!((made.text("/status/phase"), made.text("/spec/finalizers/0")), ("Active", "kubernetes"));
    let going = client.delete("/api/v1/namespaces/n", &Value::Null).await;
    assert_eq!((going.code, going.text("/status/phase")), (200, "Terminating"));
    let map = client.post("/api/v1/namespaces/n/configmaps", &json!({"metadata": {"name": "m"}})).await;
    assert_eq!((map.code, map.text("/details/causes/0/reason")), (403, "NamespaceTerminating"));
    let mut emptied = going.body.clone();
    emptied["spec"]["finalizers"] = json!([]);
    assert_eq!(client.put("/api/v1/namespaces/n/finalize", &emptied).await.code, 200);
    assert_eq!(client.get("/api/v1/namespaces/n").await.code, 404);
    let kept = client.delete("/api/v1/namespaces/default", &Value::Null).await;
    assert_eq!(kept.message(), "namespaces \"default\" is forbidden: this namespace may not be deleted");
}

#[tokio::test]
async fn a_job_knows_its_pods_and_says_what_is_wrong_with_it() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let jobs = "/apis/batch/v1/namespaces/default/jobs";
    let template = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "i"}]}});
    let job = |name: &str, template: &Value| json!({"metadata": {"name": name}, "spec": {"template": template}});
    let made = client.post(jobs, &job("j", &template)).await;
    assert_eq!((made.code, &made.body["spec"]["backoffLimit"]), (201, &json!(6)), "{made:?}");
    let uid = made.text("/metadata/uid").to_owned();
    assert_eq!(made.text("/spec/selector/matchLabels/batch.kubernetes.io~1controller-uid"), uid);
    assert_eq!(made.text("/metadata/labels/batch.kubernetes.io~1job-name"), "j");
    let always = json!({"spec": {"containers": [{"name": "a", "image": "i"}]}});
    let wrong = client.post(jobs, &job("k", &always)).await;
    assert_eq!(
        (wrong.code, wrong.message()),
        (
            422,
            "Job.batch \"k\" is invalid: spec.template.spec.restartPolicy: Unsupported value: \"Always\": supported values: \
             \"OnFailure\", \"Never\""
        )
    );
    let other = json!({"spec": {"containers": [{"name": "a", "image": "other"}]}});
    let changed = client.patch(&format!("{jobs}/j"), MERGE, &json!({"spec": {"template": other}})).await;
    assert_eq!(changed.code, 422);
    let suspended = client.patch(&format!("{jobs}/j"), MERGE, &json!({"spec": {"suspend": true}})).await;
    assert_eq!((suspended.code, &suspended.body["metadata"]["generation"]), (200, &json!(2)));
}

#[tokio::test]
async fn what_is_immutable_stays() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let secrets = "/api/v1/namespaces/default/secrets";
    let secret = json!({"metadata": {"name": "s"}, "stringData": {"a": "x"}, "immutable": true});
    let made = client.post(secrets, &secret).await;
    assert_eq!((made.text("/data/a"), made.text("/type")), ("eA==", "Opaque"), "{made:?}");
    let changed = client.patch(&format!("{secrets}/s"), MERGE, &json!({"data": {"a": "eQ=="}})).await;
    let message = "Secret \"s\" is invalid: data: Forbidden: field is immutable when `immutable` is set";
    assert_eq!((changed.code, changed.message()), (422, message));
    let named = client.post(secrets, &json!({"metadata": {"name": "A b"}})).await;
    assert_eq!((named.code, named.text("/details/causes/0/field")), (422, "metadata.name"));
}

#[tokio::test]
async fn a_lease_needs_the_version_that_an_update_is_about() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    let mut lease =
        client.post(leases, &json!({"metadata": {"name": "n"}, "spec": {"leaseDurationSeconds": 40}})).await.body;
    lease["spec"]["holderIdentity"] = "n".into();
    assert_eq!(client.put(&format!("{leases}/n"), &lease).await.code, 200);
    lease["metadata"]["resourceVersion"] = Value::Null;
    let refused = client.put(&format!("{leases}/n"), &lease).await;
    assert_eq!((refused.code, refused.text("/details/causes/0/field")), (422, "metadata.resourceVersion"));
}

#[tokio::test]
async fn a_claim_is_bound_once() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    let spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    let made = client.post(claims, &json!({"metadata": {"name": "c"}, "spec": spec})).await;
    assert_eq!((made.code, made.text("/status/phase")), (201, "Pending"), "{made:?}");
    let bind = |volume: &str| json!({"spec": {"volumeName": volume}});
    assert_eq!(client.patch(&format!("{claims}/c"), MERGE, &bind("v")).await.code, 200);
    assert_eq!(client.patch(&format!("{claims}/c"), MERGE, &bind("w")).await.code, 422);
}

#[tokio::test]
async fn a_job_set_is_stored_and_checked() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let sets = "/apis/jobset.x-k8s.io/v1alpha2/namespaces/default/jobsets";
    let template = json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "i"}]}}}});
    let set = |name: &str, jobs: Value| json!({"metadata": {"name": name}, "spec": {"replicatedJobs": jobs}});
    let made = client.post(sets, &set("s", json!([{"name": "workers", "replicas": 2, "template": template}]))).await;
    assert_eq!((made.code, made.text("/spec/successPolicy/operator")), (201, "All"), "{made:?}");
    assert_eq!(made.text("/spec/replicatedJobs/0/template/spec/completionMode"), "Indexed");
    assert_eq!(made.body["spec"]["network"]["enableDNSHostnames"], true);
    let twice = json!([{"name": "a", "template": template}, {"name": "a", "template": template}]);
    let wrong = client.post(sets, &set("t", twice)).await;
    assert_eq!((wrong.code, wrong.text("/details/causes/0/field")), (422, "spec.replicatedJobs[1].name"));
    let unknown = json!({"metadata": {"name": "u"}, "spec": {"foo": 1}});
    let unknown = client.post(&format!("{sets}?fieldValidation=Strict"), &unknown).await;
    assert!(unknown.code == 400 && unknown.message().ends_with("unknown field \"spec.foo\""), "{unknown:?}");
    let network = json!({"spec": {"network": {"subdomain": "other"}}});
    assert_eq!(client.patch(&format!("{sets}/s"), MERGE, &network).await.code, 422);
    let status = client.patch(&format!("{sets}/s/status"), MERGE, &json!({"status": {"restarts": 1}})).await;
    assert_eq!((status.code, &status.body["status"]["restarts"]), (200, &json!(1)));
}
