//! Who may use the node's HTTP API: the cluster says.

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use crate::scene::Scene;

async fn status(scene: &Scene, path: &str, token: Option<&str>) -> u16 {
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().danger_accept_invalid_certs(true).build().unwrap();
    let request = client.get(format!("https://{}{path}", scene.node().http_address().unwrap()));
    let request = token.iter().fold(request, |request, token| request.bearer_auth(token));
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_what_the_cluster_lets_its_owner_do_and_nothing_else() {
    let scene = Scene::start().await;
    scene.member().ready().await;
    scene.create::<ServiceAccount>(json!({"metadata": {"name": "monitor"}})).await;
    let roles: Api<ClusterRole> = Api::all(scene.admin.clone());
    let rules = json!([{"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]}]);
    let role = serde_json::from_value(json!({"metadata": {"name": "monitor"}, "rules": rules})).unwrap();
    roles.create(&PostParams::default(), &role).await.unwrap();
    let bindings: Api<ClusterRoleBinding> = Api::all(scene.admin.clone());
    let binding = json!({"metadata": {"name": "monitor"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "monitor"},
        "subjects": [{"kind": "ServiceAccount", "name": "monitor", "namespace": "default"}]});
    bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
    let accounts = scene.api::<ServiceAccount>();
    let request = TokenRequest::default();
    let answer: TokenRequest =
        accounts.create_subresource("token", "monitor", &PostParams::default(), &request).await.unwrap();
    let token = answer.status.unwrap().token.unwrap();
    assert_eq!(status(&scene, "/metrics", Some(&token)).await, 200);
    assert_eq!(status(&scene, "/pods", Some(&token)).await, 403);
    assert_eq!(status(&scene, "/exec/default/p/main?command=true&output=1", Some(&token)).await, 403);
    assert_eq!(status(&scene, "/metrics", Some("nobody's")).await, 401);
    assert_eq!(status(&scene, "/metrics", None).await, 401);
    assert_eq!(status(&scene, "/healthz", None).await, 200);
    scene.end().await;
}
