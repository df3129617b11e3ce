use std::fs;
use std::sync::Mutex;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::validate::TokenError;
use super::*;
use crate::security::follow::{NODES, PODS, SERVICE_ACCOUNTS};
use crate::security::testing::{account, delete, put, store};

struct World {
    tokens: Tokens,
    store: Store,
    clock: Arc<Mutex<Timestamp>>,
    folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let (store, folder) = store();
        let clock = Arc::new(Mutex::new(Timestamp::from_second(1_790_000_000).unwrap()));
        let now = clock.clone();
        let key = SigningKey::open(&folder.path().join("key")).unwrap();
        let tokens = Tokens::new(key, store.clone(), Arc::new(move || *now.lock().unwrap()));
        put(&store, SERVICE_ACCOUNTS, account("n", "robot")).await;
        put(&store, NODES, json!({"metadata": {"name": "a", "uid": "node-uid"}})).await;
        let pod = json!({
            "metadata": {"namespace": "n", "name": "p", "uid": "pod-uid"},
            "spec": {"nodeName": "a", "serviceAccountName": "robot"},
        });
        put(&store, PODS, pod).await;
        Self { tokens, store, clock, folder }
    }

    fn ask(&self, spec: Value) -> Result<String, crate::status::ApiError> {
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
        let answer = self.tokens.request("n", "robot", &request)?;
        Ok(answer["status"]["token"].as_str().unwrap().to_owned())
    }

    fn who(&self, token: &str) -> Result<String, TokenError> {
        self.tokens.user(token, &[]).map(|known| known.user.name)
    }

    fn pass(&self, seconds: i64) {
        let mut now = self.clock.lock().unwrap();
        *now += SignedDuration::from_secs(seconds);
    }
}

fn bound(uid: &str) -> Value {
    json!({"audiences": [], "boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": uid}})
}

#[tokio::test]
async fn a_token_tells_the_account_its_groups_and_what_it_is_bound_to() {
    let world = World::new().await;
    let token = world.ask(bound("pod-uid")).unwrap();
    let user = world.tokens.user(&token, &[]).unwrap().user;
    assert_eq!((user.name.as_str(), user.uid.as_str()), ("system:serviceaccount:n:robot", "robot-uid"));
    assert_eq!(user.groups, ["system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated"]);
    let extra = |name: &str| {
        let name = format!("authentication.kubernetes.io/{name}");
        user.extra.iter().find(|(key, _)| *key == name).map(|(_, values)| values.join(","))
    };
    assert_eq!(extra("pod-name").as_deref(), Some("p"));
    assert_eq!(extra("pod-uid").as_deref(), Some("pod-uid"));
    assert_eq!((extra("node-name").as_deref(), extra("node-uid").as_deref()), (Some("a"), Some("node-uid")));
    assert!(extra("credential-id").unwrap().starts_with("JTI="));
}

#[tokio::test]
async fn a_token_ends_with_its_time_its_pod_and_its_account() {
    let world = World::new().await;
    let short = world.ask(json!({"audiences": [], "expirationSeconds": 600})).unwrap();
    let of_pod = world.ask(bound("pod-uid")).unwrap();
    let of_account = world.ask(json!({"audiences": []})).unwrap();
    world.pass(599);
    assert!(world.who(&short).is_ok());
    world.pass(1);
    assert_eq!(world.who(&short), Err(TokenError::Expired));
    delete(&world.store, PODS, "n", "p").await;
    assert_eq!(world.who(&of_pod), Err(TokenError::Invalidated));
    assert!(world.who(&of_account).is_ok());
    let mut other = account("n", "robot");
    other["metadata"]["uid"] = json!("another");
    put(&world.store, SERVICE_ACCOUNTS, other).await;
    assert_eq!(world.who(&of_account), Err(TokenError::Invalidated));
}

#[tokio::test]
async fn a_token_is_for_its_audience_alone() {
    let world = World::new().await;
    let token = world.ask(json!({"audiences": ["vault"]})).unwrap();
    assert_eq!(world.who(&token), Err(TokenError::Audience));
    let wanted = ["x".to_owned(), "vault".to_owned()];
    assert_eq!(world.tokens.user(&token, &wanted).unwrap().audiences, ["vault"]);
}

#[tokio::test]
async fn what_can_t_be_asked_for_is_refused() {
    let world = World::new().await;
    for (seconds, code) in [(599_i64, 422), (600, 201), ((1 << 32) + 1, 422)] {
        let asked = world.ask(json!({"audiences": [], "expirationSeconds": seconds}));
        assert_eq!(asked.map_or_else(|error| error.code(), |_| 201), code, "{seconds}");
    }
    assert_eq!(world.ask(bound("other")).unwrap_err().code(), 409);
    let refused = |kind: &str, name: &str| {
        let bound = json!({"kind": kind, "apiVersion": "v1", "name": name});
        world.ask(json!({"audiences": [], "boundObjectRef": bound})).unwrap_err().code()
    };
    assert_eq!((refused("Pod", "q"), refused("ConfigMap", "m")), (404, 400));
    let other = json!({"metadata": {"namespace": "n", "name": "q"}, "spec": {"serviceAccountName": "other"}});
    put(&world.store, PODS, other).await;
    assert_eq!(refused("Pod", "q"), 400);
    let none = world.tokens.request("n", "nobody", &json!({"spec": {"audiences": []}}));
    assert_eq!(none.unwrap_err().code(), 404);
}

#[tokio::test]
async fn what_was_not_signed_by_the_key_is_nobody_s() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let world = World::new().await;
    let token = world.ask(json!({"audiences": []})).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    claims["sub"] = json!("system:serviceaccount:kube-system:x");
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    let forged = [
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{claims}.{}", parts[0], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{token}x"),
        "abc".to_owned(),
        "..".to_owned(),
    ];
    for token in forged {
        assert_eq!(world.who(&token), Err(TokenError::Unknown), "{token}");
    }
    fs::remove_file(world.folder.path().join("key")).unwrap();
    let key = SigningKey::open(&world.folder.path().join("key")).unwrap();
    let other = Tokens::new(key, world.store.clone(), world.tokens.now.clone());
    assert_eq!(other.user(&token, &[]), Err(TokenError::Unknown));
}

#[tokio::test]
async fn the_key_outlives_a_restart_and_damage_names_the_file() {
    let world = World::new().await;
    let token = world.ask(json!({"audiences": []})).unwrap();
    let path = world.folder.path().join("key");
    let again = Tokens::new(SigningKey::open(&path).unwrap(), world.store.clone(), world.tokens.now.clone());
    assert!(again.user(&token, &[]).is_ok());
    fs::write(&path, "nonsense").unwrap();
    let Err(error) = SigningKey::open(&path) else { panic!("taken") };
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}
