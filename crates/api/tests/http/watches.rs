//! What watchers see.

use serde_json::{Value, json};

use crate::client::Server;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

fn map(name: &str, label: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"l": label}}})
}

#[tokio::test]
async fn a_watch_begins_with_what_there_is_or_after_a_version() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    client.post(MAPS, &map("a", "x")).await;
    let list = client.get(MAPS).await;
    let version = list.text("/metadata/resourceVersion").to_owned();
    let mut all = server.admin().await.watch(&format!("{MAPS}?watch=true"), "application/json").await;
    let after = format!("{MAPS}?watch=true&resourceVersion={version}");
    let mut after = server.admin().await.watch(&after, "application/json").await;
    assert_eq!(all.summary().await, "ADDED a");
    client.post(MAPS, &map("b", "x")).await;
    client.delete(&format!("{MAPS}/a"), &Value::Null).await;
    for events in [&mut all, &mut after] {
        assert_eq!(events.summary().await, "ADDED b");
        let gone = events.next().await.unwrap();
        assert_eq!((gone["type"].as_str(), gone["object"]["metadata"]["name"].as_str()), (Some("DELETED"), Some("a")));
    }
}

#[tokio::test]
async fn initial_events_end_with_a_bookmark_that_says_so() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    client.post(MAPS, &map("a", "x")).await;
    let query =
        "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1";
    let mut events = server.admin().await.watch(&format!("{MAPS}?{query}"), "application/json").await;
    assert_eq!(events.summary().await, "ADDED a");
    let bookmark = events.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(events.summary().await, "end", "after its time a watch ends");
    let refused = client.get(&format!("{MAPS}?watch=true&sendInitialEvents=true")).await;
    assert_eq!(refused.code, 422);
}

#[tokio::test]
async fn what_is_selected_no_longer_is_gone_for_the_watcher() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let mut events =
        server.admin().await.watch(&format!("{MAPS}?watch=1&labelSelector=l%3Dx"), "application/json").await;
    client.post(MAPS, &map("a", "x")).await;
    client.post(MAPS, &map("b", "y")).await;
    let set = |label: &str| json!({"metadata": {"labels": {"l": label}}});
    client.patch(&format!("{MAPS}/a"), "merge-patch+json", &set("y")).await;
    client.patch(&format!("{MAPS}/b"), "merge-patch+json", &set("x")).await;
    for expected in ["ADDED a", "DELETED a", "ADDED b"] {
        assert_eq!(events.summary().await, expected);
    }
}

#[tokio::test]
async fn a_version_that_is_too_old_ends_the_watch_with_an_error() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    client.post(MAPS, &map("a", "x")).await;
    let crate::client::Server { api, folder } = server;
    drop(client);
    api.stop().await;
    let mut config = reprise_api::ApiConfig::new(folder.path());
    config.listen = "127.0.0.1:0".parse().unwrap();
    let server = Server { api: reprise_api::Api::start(config).await.unwrap(), folder };
    let mut events = server.admin().await.watch(&format!("{MAPS}?watch=1&resourceVersion=1"), "application/json").await;
    let error = events.next().await.unwrap();
    assert_eq!((error["type"].as_str(), error["object"]["code"].as_u64()), (Some("ERROR"), Some(410)));
    assert_eq!(error["object"]["reason"], "Expired");
    assert_eq!(events.summary().await, "end");
}

#[tokio::test]
async fn a_table_watch_names_its_columns_once() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let mut events = server.admin().await.watch(&format!("{MAPS}?watch=1"), TABLE).await;
    client.post(MAPS, &map("a", "x")).await;
    client.post(MAPS, &map("b", "x")).await;
    let first = events.next().await.unwrap();
    assert_eq!(
        (first["object"]["kind"].as_str(), first["object"]["rows"][0]["cells"][0].as_str()),
        (Some("Table"), Some("a"))
    );
    assert!(first["object"]["columnDefinitions"].as_array().is_some_and(|columns| columns.len() == 3));
    assert_eq!(events.next().await.unwrap()["object"]["columnDefinitions"], Value::Null);
    let list = client.get_as(MAPS, TABLE).await;
    assert_eq!(list.body["rows"].as_array().unwrap().len(), 2);
}
