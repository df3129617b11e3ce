use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::security::follow::{CLUSTER_ROLES, ROLE_BINDINGS, SERVICE_ACCOUNTS};
use crate::security::testing::{account, put, store};
use crate::security::tokens::SigningKey;

struct World {
    authorizer: Authorizer,
    tokens: Tokens,
    _folder: tempfile::TempDir,
}

impl World {
    /// Service account `robot` may get Pods in `n`.
    async fn new() -> Self {
        let (store, folder) = store();
        let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]);
        put(&store, CLUSTER_ROLES, json!({"metadata": {"name": "r"}, "rules": rules})).await;
        let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"});
        let subjects = json!([{"kind": "ServiceAccount", "name": "robot", "namespace": "n"}]);
        let binding = json!({"metadata": {"name": "b", "namespace": "n"}, "roleRef": role, "subjects": subjects});
        put(&store, ROLE_BINDINGS, binding).await;
        put(&store, SERVICE_ACCOUNTS, account("n", "robot")).await;
        let key = SigningKey::open(&folder.path().join("key")).unwrap();
        let tokens = Tokens::new(key, store.clone(), Arc::new(Timestamp::now));
        Self { authorizer: Authorizer::new(store), tokens, _folder: folder }
    }

    fn ask(&self, resource: &str, user: &str, spec: Value) -> Result<Value, ApiError> {
        let user = User { name: user.to_owned(), uid: String::new(), groups: Vec::new(), extra: Vec::new() };
        let reviews = Reviews { authorizer: &self.authorizer, tokens: &self.tokens };
        let answer = reviews.answer(resource, &user, "n", &json!({"metadata": {"name": "x"}, "spec": spec}))?;
        assert_eq!(answer["metadata"]["name"], "x");
        Ok(answer["status"].clone())
    }
}

const ROBOT: &str = "system:serviceaccount:n:robot";

#[tokio::test]
async fn reviews_answer_what_the_authorizer_would() {
    let world = World::new().await;
    let get = |namespace: &str| json!({"verb": "get", "resource": "pods", "namespace": namespace, "name": "p"});
    let own =
        |namespace: &str| world.ask("selfsubjectaccessreviews", ROBOT, json!({"resourceAttributes": get(namespace)}));
    assert_eq!(own("n").unwrap()["allowed"], true);
    assert!(own("n").unwrap()["reason"].as_str().unwrap().starts_with("RBAC: allowed by RoleBinding \"b/n\""));
    assert_eq!(own("m").unwrap()["allowed"], false);
    let spec = json!({"user": ROBOT, "resourceAttributes": get("n")});
    assert_eq!(world.ask("subjectaccessreviews", "ann", spec.clone()).unwrap()["allowed"], true);
    assert_eq!(world.ask("localsubjectaccessreviews", "ann", spec).unwrap()["allowed"], true);
    let path = json!({"user": "x", "nonResourceAttributes": {"verb": "get", "path": "/metrics"}});
    assert_eq!(world.ask("subjectaccessreviews", "ann", path.clone()).unwrap()["allowed"], false);
    let wrong = [
        ("localsubjectaccessreviews", path),
        ("localsubjectaccessreviews", json!({"user": "x", "resourceAttributes": get("m")})),
        ("subjectaccessreviews", json!({"resourceAttributes": get("n")})),
        ("subjectaccessreviews", json!({"user": "x"})),
        ("selfsubjectaccessreviews", json!({})),
    ];
    for (resource, spec) in wrong {
        assert_eq!(world.ask(resource, "ann", spec.clone()).unwrap_err().code(), 422, "{resource} {spec}");
    }
}

#[tokio::test]
async fn a_token_review_tells_whose_a_token_is() {
    let world = World::new().await;
    let made = world.tokens.request("n", "robot", &json!({"spec": {"audiences": ["vault"]}})).unwrap();
    let token = &made["status"]["token"];
    let good = world.ask("tokenreviews", "ann", json!({"token": token, "audiences": ["vault"]})).unwrap();
    assert_eq!((&good["authenticated"], &good["audiences"]), (&json!(true), &json!(["vault"])));
    assert_eq!(good["user"]["username"], ROBOT);
    let bad = world.ask("tokenreviews", "ann", json!({"token": token})).unwrap();
    assert_ne!(bad["authenticated"], true);
    assert!(bad["error"].as_str().unwrap().contains("audiences") && bad.get("user").is_none());
}

#[tokio::test]
async fn one_is_told_who_one_is_and_what_one_may() {
    let world = World::new().await;
    let me = world.ask("selfsubjectreviews", "ann", json!({})).unwrap();
    assert_eq!(me["userInfo"]["username"], "ann");
    let rules = world.ask("selfsubjectrulesreviews", ROBOT, json!({"namespace": "n"})).unwrap();
    assert_eq!(rules["resourceRules"], json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]));
    assert_eq!(rules["incomplete"], false);
    assert_eq!(world.ask("selfsubjectrulesreviews", ROBOT, json!({"namespace": ""})).unwrap_err().code(), 400);
}
