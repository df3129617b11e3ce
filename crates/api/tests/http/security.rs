//! Who is let in, and to what.

use hyper::Method;
use hyper::header::AUTHORIZATION;
use reprise_api::security::certificates::Client as Who;
use reprise_api::{Api, ApiConfig};
use serde_json::{Value, json};

use crate::client::{Answer, Client, Server};

const PODS: &str = "/api/v1/namespaces/default/pods";
const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
const JSON: (&str, &str) = ("content-type", "application/json");

async fn start_in(folder: tempfile::TempDir) -> Result<Server, (String, tempfile::TempDir)> {
    let mut config = ApiConfig::new(folder.path());
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.audit_log = Some(folder.path().join("audit.jsonl"));
    match Api::start(config).await {
        Ok(api) => Ok(Server { api, folder }),
        Err(error) => {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            Err((format!("{error}: {source}"), folder))
        }
    }
}

async fn start() -> Server {
    start_in(tempfile::tempdir().unwrap()).await.map_err(|(error, _)| error).unwrap()
}

/// A token of the default account.
async fn token(client: &mut Client) -> String {
    let path = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let answer = client.post(path, &json!({"spec": {"expirationSeconds": 600}})).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    answer.text("/status/token").to_owned()
}

async fn with_token(client: &mut Client, token: &str, path: &str) -> Answer {
    client.ask(Method::GET, path, &[(AUTHORIZATION.as_str(), &format!("Bearer {token}"))], "").await
}

fn binding(role: (&str, &str), subject: Value) -> Value {
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1});
    json!({"metadata": {"name": "b"}, "roleRef": role, "subjects": [subject]})
}

#[tokio::test]
async fn without_a_credential_there_is_health_and_version_and_nothing_else() {
    let server = start().await;
    let mut nobody = server.client(None).await;
    for path in ["/version", "/version/", "/livez", "/readyz", "/healthz"] {
        assert_eq!(nobody.get(path).await.code, 200, "{path}");
    }
    let refused = nobody.get(PODS).await;
    let words = "pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\" in API group \"\" in the namespace \
                 \"default\"";
    assert_eq!((refused.code, refused.message(), refused.text("/reason")), (403, words, "Forbidden"));
    let discovery = nobody.get("/apis").await;
    let words = "forbidden: User \"system:anonymous\" cannot get path \"/apis\"";
    assert_eq!((discovery.code, discovery.message()), (403, words));
    let bad = with_token(&mut nobody, "nonsense", "/version").await;
    assert_eq!((bad.code, bad.message(), bad.text("/reason")), (401, "Unauthorized", "Unauthorized"));
}

#[tokio::test]
async fn a_service_account_may_what_is_bound_to_it() {
    let server = start().await;
    let mut admin = server.admin().await;
    let token = token(&mut admin).await;
    let mut robot = server.client(None).await;
    assert_eq!(with_token(&mut robot, &token, PODS).await.code, 403);
    assert_eq!(with_token(&mut robot, &token, "/apis").await.code, 200);
    let account = json!({"kind": "ServiceAccount", "name": "default", "namespace": "default"});
    let made = admin.post(&format!("{ROLES}/rolebindings"), &binding(("ClusterRole", "view"), account)).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(with_token(&mut robot, &token, PODS).await.code, 200);
    assert_eq!(with_token(&mut robot, &token, "/api/v1/namespaces/default/secrets").await.code, 403);
    assert_eq!(with_token(&mut robot, &token, "/api/v1/namespaces/kube-system/pods").await.code, 403);
    assert_eq!(admin.delete(&format!("{ROLES}/rolebindings/b"), &Value::Null).await.code, 200);
    assert_eq!(with_token(&mut robot, &token, PODS).await.code, 403);
    admin.delete("/api/v1/namespaces/default/serviceaccounts/default", &Value::Null).await;
    assert_eq!(with_token(&mut robot, &token, "/apis").await.code, 401);
}

#[tokio::test]
async fn reviews_and_impersonation_tell_what_others_may() {
    let server = start().await;
    let mut admin = server.admin().await;
    let me = admin.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", &json!({})).await;
    assert_eq!((me.code, me.text("/status/userInfo/username")), (201, "kubernetes-admin"));
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let may = json!({"spec": {"resourceAttributes": {"verb": "delete", "resource": "nodes"}}});
    assert_eq!(admin.post(reviews, &may).await.body["status"]["allowed"], true);
    let as_ann = admin.ask(Method::POST, reviews, &[JSON, ("Impersonate-User", "ann")], &may.to_string()).await;
    assert_eq!((as_ann.code, &as_ann.body["status"]["allowed"]), (201, &json!(false)));
    let token = token(&mut admin).await;
    let review = json!({"spec": {"token": token}});
    let told = admin.post("/apis/authentication.k8s.io/v1/tokenreviews", &review).await;
    assert_eq!(told.text("/status/user/username"), "system:serviceaccount:default:default");
    let role =
        json!({"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]});
    let group = json!({"kind": "User", "name": "ann", "apiGroup": "rbac.authorization.k8s.io"});
    admin.post(&format!("{ROLES}/rolebindings"), &binding(("ClusterRole", "admin"), group)).await;
    let headers = [JSON, ("Impersonate-User", "ann")];
    let roles = format!("{ROLES}/roles");
    assert_eq!(admin.ask(Method::POST, &roles, &headers, &role.to_string()).await.code, 201);
    let more = role.to_string().replace("\"pods\"", "\"nodes\"").replace("\"r\"", "\"s\"");
    let refused = admin.ask(Method::POST, &roles, &headers, &more).await;
    assert!(refused.message().contains("is attempting to grant RBAC permissions not currently held"), "{refused:?}");
}

#[tokio::test]
async fn a_node_is_kept_to_what_is_its_own() {
    let server = start().await;
    let mut admin = server.admin().await;
    let mut node = server.client(Some(&Who::Node("a".to_owned()))).await;
    assert_eq!(node.post("/api/v1/nodes", &json!({"metadata": {"name": "a"}})).await.code, 201);
    let other = node.post("/api/v1/nodes", &json!({"metadata": {"name": "b"}})).await;
    let words = "nodes \"b\" is forbidden: node \"a\" is not allowed to modify node \"b\"";
    assert_eq!((other.code, other.message()), (403, words));
    let secret = json!({"metadata": {"name": "s"}, "data": {"p": "cGFzc3dvcmQ="}});
    admin.post("/api/v1/namespaces/default/secrets", &secret).await;
    let path = "/api/v1/namespaces/default/secrets/s";
    assert_eq!(node.get(path).await.code, 403);
    let volumes = json!([{"name": "v", "secret": {"secretName": "s"}}]);
    let spec = json!({"nodeName": "a", "containers": [{"name": "c", "image": "i"}], "volumes": volumes});
    let made = admin.post(PODS, &json!({"metadata": {"name": "p"}, "spec": spec})).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(node.get(path).await.code, 200);
    let bound = json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": made.text("/metadata/uid")});
    let tokens = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let unbound = node.post(tokens, &json!({"spec": {"audiences": []}})).await;
    assert!(unbound.message().ends_with("node requested token not bound to a pod"), "{unbound:?}");
    let token = node.post(tokens, &json!({"spec": {"audiences": [], "boundObjectRef": bound}})).await;
    assert_eq!(token.code, 201, "{token:?}");
    let status = json!({"status": {"phase": "Running"}});
    let path = format!("{PODS}/p/status");
    assert_eq!(node.patch(&path, "strategic-merge-patch+json", &status).await.code, 200);
    let mut stranger = server.client(Some(&Who::Node("b".to_owned()))).await;
    assert_eq!(stranger.patch(&path, "strategic-merge-patch+json", &status).await.code, 403);
    let options = json!({"gracePeriodSeconds": 0});
    assert_eq!(stranger.delete(&format!("{PODS}/p"), &options).await.code, 403);
    assert_eq!(node.delete(&format!("{PODS}/p"), &options).await.code, 200);
}

#[tokio::test]
async fn what_is_not_there_is_refused_and_never_taken_and_ignored() {
    let server = start().await;
    let mut admin = server.admin().await;
    let missing = [
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/apis/apiregistration.k8s.io/v1/apiservices",
        "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        "/apis/apps/v1/namespaces/default/deployments",
        "/apis/certificates.k8s.io/v1/certificatesigningrequests",
        "/api/v1/namespaces/default/resourcequotas",
        "/api/v1/namespaces/default/limitranges",
    ];
    for path in missing {
        let answer = admin.post(path, &json!({"metadata": {"name": "x"}, "spec": {}})).await;
        let words = "the server could not find the requested resource";
        assert_eq!((answer.code, answer.message(), answer.text("/reason")), (404, words, "NotFound"), "{path}");
    }
}

#[tokio::test]
async fn secrets_are_unreadable_on_the_disk_and_a_lost_key_is_told_and_loses_nothing() {
    let server = start().await;
    let mut admin = server.admin().await;
    let secrets = "/api/v1/namespaces/default/secrets";
    let secret = json!({"metadata": {"name": "s"}, "data": {"p": "dW5taXN0YWthYmxl"}});
    assert_eq!(admin.post(secrets, &secret).await.code, 201);
    drop(admin);
    server.api.stop().await;
    let folder = server.folder;
    let stored = std::fs::read(folder.path().join("api.redb")).unwrap();
    let needle = b"dW5taXN0YWthYmxl";
    assert!(!stored.windows(needle.len()).any(|window| window == needle));
    let (keys, aside) = (folder.path().join("encryption-keys"), folder.path().join("aside"));
    std::fs::rename(&keys, &aside).unwrap();
    let Err((error, folder)) = start_in(folder).await else { panic!("started without the key") };
    assert!(error.contains("api.redb"), "{error}");
    std::fs::rename(&aside, &keys).unwrap();
    let server = start_in(folder).await.map_err(|(error, _)| error).unwrap();
    let mut admin = server.admin().await;
    assert_eq!(admin.get(&format!("{secrets}/s")).await.text("/data/p"), "dW5taXN0YWthYmxl");
}

#[tokio::test]
async fn the_audit_log_says_who_asked_for_what() {
    let server = start().await;
    server.client(None).await.get(PODS).await;
    server.admin().await.ask(Method::GET, PODS, &[("Impersonate-User", "ann")], "").await;
    let log = std::fs::read_to_string(server.folder.path().join("audit.jsonl")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |line: &Value| {
        let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
        format!("{} {} {} {} {}", text("user"), text("impersonated_by"), text("verb"), text("resource"), line["code"])
    };
    let told: Vec<String> = lines.iter().map(told).collect();
    assert_eq!(told, ["system:anonymous  list pods 403", "ann kubernetes-admin list pods 403"]);
}
