use super::*;
use crate::store::{Change, Expect, Fields, StoreOptions};

async fn with_accounts(accounts: &[Value]) -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store"), StoreOptions::new(vec!["serviceaccounts"])).unwrap();
    for account in accounts {
        add(&store, account).await;
    }
    (store, folder)
}

async fn add(store: &Store, account: &Value) {
    let key = Key { resource: "serviceaccounts", namespace: "n".to_owned(), name: text(account, "name").to_owned() };
    let object = account.clone();
    let change = Change::Put { key, expect: Expect::Any, object, fields: Fields::default(), expires_at: None };
    store.write(change).await.unwrap();
}

fn account_named(name: &str) -> Value {
    json!({"metadata": {"namespace": "n", "name": name}})
}

fn pod(spec: Value) -> Value {
    json!({"metadata": {"namespace": "n", "name": "p"}, "spec": spec})
}

#[tokio::test]
async fn a_pod_gets_the_default_account_and_its_token_in_every_container() {
    let (store, _folder) = with_accounts(&[account_named("default")]).await;
    let own = json!({"name": "b", "volumeMounts": [{"name": "x", "mountPath": MOUNT_PATH}]});
    let mut pod = pod(json!({"initContainers": [{"name": "i"}], "containers": [{"name": "a"}, own]}));
    inject(&store, &mut pod).unwrap();
    let spec = &pod["spec"];
    assert_eq!(spec["serviceAccountName"], "default");
    let volume = &spec["volumes"][0];
    let name = volume["name"].as_str().unwrap();
    assert!(name.starts_with("kube-api-access-") && name.len() == "kube-api-access-".len() + 5, "{name}");
    let mount = json!([{"name": name, "readOnly": true, "mountPath": MOUNT_PATH}]);
    assert_eq!((&spec["initContainers"][0]["volumeMounts"], &spec["containers"][0]["volumeMounts"]), (&mount, &mount));
    assert_eq!(spec["containers"][1]["volumeMounts"], own["volumeMounts"]);
    assert_eq!(volume["projected"]["sources"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn who_wants_no_token_gets_none() {
    let mut shy = account_named("shy");
    shy["automountServiceAccountToken"] = json!(false);
    let (store, _folder) = with_accounts(&[shy, account_named("default")]).await;
    let volumes = |spec: Value| {
        let mut pod = pod(spec);
        inject(&store, &mut pod).unwrap();
        pod["spec"]["volumes"].as_array().map_or(0, Vec::len)
    };
    let containers = json!([{"name": "a"}]);
    assert_eq!(volumes(json!({"serviceAccountName": "shy", "containers": containers})), 0);
    let asks = json!({"serviceAccount": "shy", "automountServiceAccountToken": true, "containers": containers});
    assert_eq!(volumes(asks), 1);
    assert_eq!(volumes(json!({"automountServiceAccountToken": false, "containers": containers})), 0);
}

#[tokio::test]
async fn pull_secrets_are_the_account_s_unless_the_pod_has_its_own() {
    let mut account = account_named("default");
    account["imagePullSecrets"] = json!([{"name": "a"}]);
    let (store, _folder) = with_accounts(&[account]).await;
    let secrets = |spec: Value| {
        let mut pod = pod(spec);
        inject(&store, &mut pod).unwrap();
        pod["spec"]["imagePullSecrets"].clone()
    };
    assert_eq!(secrets(json!({"containers": []})), json!([{"name": "a"}]));
    assert_eq!(secrets(json!({"containers": [], "imagePullSecrets": [{"name": "b"}]})), json!([{"name": "b"}]));
}

#[tokio::test]
async fn an_account_that_is_not_there_is_told_and_a_mirror_has_none() {
    let (store, _folder) = with_accounts(&[]).await;
    let error = inject(&store, &mut pod(json!({"serviceAccountName": "x", "containers": []}))).unwrap_err();
    let words = "pods \"p\" is forbidden: error looking up service account n/x: serviceaccount \"x\" not found";
    assert_eq!((error.code(), error.status().message.as_deref()), (403, Some(words)));
    let mut mirror = pod(json!({"containers": [{"name": "a"}]}));
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
    let before = mirror.clone();
    inject(&store, &mut mirror).unwrap();
    assert_eq!(mirror, before);
    mirror["spec"]["serviceAccountName"] = json!("x");
    assert_eq!(inject(&store, &mut mirror).unwrap_err().code(), 403);
}

#[tokio::test]
async fn a_pod_waits_for_the_default_account_of_a_new_namespace() {
    let (store, _folder) = with_accounts(&[]).await;
    let mut new = pod(json!({"containers": []}));
    let waiting = tokio::spawn({
        let (store, pod) = (store.clone(), new.clone());
        async move { wait_for_default(&store, &pod).await }
    });
    add(&store, &account_named("default")).await;
    waiting.await.unwrap();
    inject(&store, &mut new).unwrap();
    assert_eq!(new["spec"]["serviceAccountName"], "default");
}
