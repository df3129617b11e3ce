//! What is done with objects.

use hyper::Method;
use serde_json::{Value, json};

use crate::client::Server;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": value}})
}

#[tokio::test]
async fn an_object_is_created_read_replaced_and_deleted() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let created = client.post(MAPS, &map("m", "1")).await;
    assert_eq!((created.code, created.text("/data/a")), (201, "1"), "{created:?}");
    assert!(!created.text("/metadata/uid").is_empty() && !created.text("/metadata/resourceVersion").is_empty());
    assert_eq!(client.post(MAPS, &map("m", "1")).await.message(), "configmaps \"m\" already exists");
    let path = format!("{MAPS}/m");
    assert_eq!(client.get(&path).await.body, created.body);

    let mut newer = created.body.clone();
    newer["data"]["a"] = "2".into();
    let replaced = client.put(&path, &newer).await;
    assert_eq!((replaced.code, replaced.text("/data/a")), (200, "2"), "{replaced:?}");
    let conflict = client.put(&path, &newer).await;
    assert_eq!((conflict.code, conflict.text("/reason")), (409, "Conflict"));
    assert_eq!(
        conflict.message(),
        "Operation cannot be fulfilled on configmaps \"m\": the object has been modified; please apply your changes to \
         the latest version and try again"
    );
    assert_eq!(client.put(&path, &map("m", "3")).await.code, 200, "without a version it is unconditional");

    let patched = client.patch(&path, "merge-patch+json", &json!({"data": {"b": "x"}})).await;
    assert_eq!((patched.code, patched.text("/data/a"), patched.text("/data/b")), (200, "3", "x"), "{patched:?}");
    let same = client.patch(&path, "merge-patch+json", &json!({"data": {"b": "x"}})).await;
    assert_eq!(same.body, patched.body, "a patch that changes nothing writes nothing");

    let deleted = client.delete(&path, &json!({"propagationPolicy": "Background"})).await;
    assert_eq!((deleted.code, deleted.text("/status"), deleted.text("/details/name")), (200, "Success", "m"));
    let gone = client.get(&path).await;
    assert_eq!((gone.code, gone.message()), (404, "configmaps \"m\" not found"));
    assert_eq!((gone.text("/details/kind"), gone.text("/kind")), ("configmaps", "Status"));
}

#[tokio::test]
async fn refusals_are_those_of_the_contract() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let post = client.post("/api/v1/namespaces/x/configmaps", &map("m", "1")).await;
    assert_eq!((post.code, post.message()), (404, "namespaces \"x\" not found"));
    let list = client.get("/api/v1/namespaces/x/configmaps").await;
    assert_eq!((list.code, &list.body["items"]), (200, &json!([])));
    let unknown = client.get("/api/v1/namespaces/default/foos").await;
    assert_eq!((unknown.code, unknown.message()), (404, "the server could not find the requested resource"));
    assert_eq!(client.ask(Method::POST, "/api/v1/configmaps", &[], "{}").await.code, 405);
    assert_eq!(client.get_as(MAPS, "application/vnd.kubernetes.protobuf").await.code, 406);
    assert_eq!(client.patch(&format!("{MAPS}/m"), "json", &json!({})).await.code, 415);
    assert_eq!(client.get(&format!("{MAPS}?resourceVersion=x")).await.code, 400);
    let future = client.get(&format!("{MAPS}?resourceVersion=999999999")).await;
    assert_eq!((future.code, future.text("/details/causes/0/reason")), (504, "ResourceVersionTooLarge"));
    let field = client.get("/api/v1/pods?fieldSelector=spec.foo%3Dx").await;
    assert_eq!((field.code, field.message()), (400, "field label not supported: spec.foo"));
    let body = json!({"metadata": {"name": "m"}, "foo": 1});
    let strict = client.post(&format!("{MAPS}?fieldValidation=Strict"), &body).await;
    let message =
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"foo\"";
    assert_eq!((strict.code, strict.message()), (400, message));
    let warned = client.post(MAPS, &body).await;
    assert_eq!((warned.code, warned.headers["warning"].to_str().unwrap()), (201, r#"299 - "unknown field \"foo\"""#));
}

#[tokio::test]
async fn what_clients_get_wrong_is_taken() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    for path in ["/version/", "/version", "/readyz", "/livez?verbose", "/api/v1/pods?&limit=5", "/api/v1/pods?"] {
        assert_eq!(client.get(path).await.code, 200, "{path}");
    }
    let made = client.ask(Method::POST, MAPS, &[], &map("m", "1").to_string()).await;
    assert_eq!(made.code, 201, "no Content-Type means JSON");
    assert_eq!(client.delete(&format!("{MAPS}/m"), &Value::Null).await.code, 200);
}

#[tokio::test]
async fn names_are_generated_and_a_dry_run_stores_nothing() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let body = json!({"metadata": {"generateName": "m-"}});
    let made = client.post(MAPS, &body).await;
    let name = made.text("/metadata/name").to_owned();
    assert!(name.starts_with("m-") && name.len() == 7, "{made:?}");
    let dry = client.post(&format!("{MAPS}?dryRun=All"), &map("dry", "1")).await;
    assert_eq!((dry.code, client.get(&format!("{MAPS}/dry")).await.code), (201, 404));
    let dry = client.delete(&format!("{MAPS}/{name}"), &json!({"dryRun": ["All"]})).await;
    assert_eq!((dry.code, client.get(&format!("{MAPS}/{name}")).await.code), (200, 200));
}

#[tokio::test]
async fn lists_come_in_pages_of_one_state() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    for name in ["a", "b", "c", "d", "e"] {
        let mut object = map(name, "1");
        object["metadata"]["labels"] = json!({"of": if name < "d" { "first" } else { "last" }});
        assert_eq!(client.post(MAPS, &object).await.code, 201);
    }
    let first = client.get(&format!("{MAPS}?limit=2")).await;
    assert_eq!(first.body["metadata"]["remainingItemCount"], 3);
    assert_eq!(first.body["kind"], "ConfigMapList");
    assert_eq!(client.delete(&format!("{MAPS}/d"), &Value::Null).await.code, 200);
    let token = first.text("/metadata/continue");
    let second = client.get(&format!("{MAPS}?limit=5&continue={token}")).await;
    let names: Vec<&str> =
        second.body["items"].as_array().unwrap().iter().map(|i| i["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["c", "d", "e"]);
    assert_eq!(second.text("/metadata/resourceVersion"), first.text("/metadata/resourceVersion"));
    let selected = client.get(&format!("{MAPS}?labelSelector=of%3Dfirst&fieldSelector=metadata.name%21%3Da")).await;
    assert_eq!(selected.body["items"].as_array().unwrap().len(), 2);
    let deleted = client.delete(&format!("{MAPS}?labelSelector=of%3Dfirst"), &Value::Null).await;
    assert_eq!((deleted.code, deleted.body["items"].as_array().unwrap().len()), (200, 3));
    assert_eq!(client.get(MAPS).await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn finalizers_hold_an_object_until_they_are_gone() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let mut object = map("m", "1");
    object["metadata"]["finalizers"] = json!(["example.com/hold"]);
    client.post(MAPS, &object).await;
    let path = format!("{MAPS}/m");
    let wrong = client.delete(&path, &json!({"preconditions": {"uid": "other"}})).await;
    assert_eq!((wrong.code, wrong.text("/reason")), (409, "Conflict"));
    let held = client.delete(&path, &Value::Null).await;
    assert_eq!((held.code, held.text("/kind")), (200, "ConfigMap"));
    assert!(!held.text("/metadata/deletionTimestamp").is_empty());
    let patch = json!({"metadata": {"finalizers": null}});
    assert_eq!(client.patch(&path, "merge-patch+json", &patch).await.code, 200);
    assert_eq!(client.get(&path).await.code, 404);
}

#[tokio::test]
async fn a_restart_keeps_every_object() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let made = client.post(MAPS, &map("m", "1")).await;
    drop(client);
    let Server { api, folder } = server;
    api.stop().await;
    let mut config = reprise_api::ApiConfig::new(folder.path());
    config.listen = "127.0.0.1:0".parse().unwrap();
    let server = Server { api: reprise_api::Api::start(config).await.unwrap(), folder };
    assert_eq!(server.admin().await.get(&format!("{MAPS}/m")).await.body, made.body);
}

#[tokio::test]
async fn metrics_count_what_was_asked() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    client.post(MAPS, &map("m", "1")).await;
    let mut watch = server.admin().await.watch(&format!("{MAPS}?watch=true"), "application/json").await;
    watch.next().await.unwrap();
    let metrics = client.get("/metrics").await;
    let text = metrics.body.as_str().unwrap();
    let told = "apiserver_watch_events_total{group=\"\",kind=\"ConfigMap\"} ";
    assert!(text.lines().any(|found| found.starts_with(told) && !found.ends_with(" 0")), "{text}");
    let line =
        "apiserver_request_total{verb=\"CREATE\",group=\"\",resource=\"configmaps\",subresource=\"\",code=\"201\"} 1";
    assert!(text.lines().any(|found| found == line), "{text}");
    assert_eq!(server.client(None).await.get("/metrics").await.code, 403, "strangers see health and version only");
}

#[tokio::test]
async fn who_applies_owns_fields_and_nobody_takes_them_unasked() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let path = format!("{MAPS}/m");
    let apply =
        |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": value}});
    let kind = "apply-patch+yaml";
    let refused = client.patch(&path, kind, &apply("1")).await;
    assert_eq!((refused.code, refused.text("/details/causes/0/field")), (422, "fieldManager"));
    let made = client.patch(&format!("{path}?fieldManager=a"), kind, &apply("1")).await;
    assert_eq!((made.code, made.text("/metadata/managedFields/0/manager")), (201, "a"), "{made:?}");
    let again = client.patch(&format!("{path}?fieldManager=a"), kind, &apply("1")).await;
    assert_eq!((again.code, again.text("/metadata/resourceVersion")), (200, made.text("/metadata/resourceVersion")));
    let conflict = client.patch(&format!("{path}?fieldManager=b"), kind, &apply("2")).await;
    assert_eq!(
        (conflict.code, conflict.message()),
        (409, "Apply failed with 1 conflict: conflict with \"a\": .data.a")
    );
    let forced = client.patch(&format!("{path}?fieldManager=b&force=true"), kind, &apply("2")).await;
    assert_eq!((forced.code, forced.text("/data/a")), (200, "2"));
}
