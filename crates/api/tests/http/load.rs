//! Clients that are slow, or ask for much.

use hyper::Method;
use serde_json::{Value, json};

use crate::client::Server;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn large(number: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "large"}, "data": {
        "number": number.to_string(), "text": "x".repeat(900_000),
    }})
}

/// The number of a change that an event tells.
fn number(event: &Value) -> Option<usize> {
    event["object"]["data"]["number"].as_str()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_watcher_hears_everything_in_order_up_to_410_and_one_that_keeps_up_misses_nothing() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    assert_eq!(client.post(MAPS, &large(0)).await.code, 201);
    let begin = client.get(&format!("{MAPS}/large")).await;
    let path = format!("{MAPS}?watch=true&resourceVersion={}", begin.text("/metadata/resourceVersion"));
    let mut slow = server.admin().await.watch(&path, "application/json").await;
    let mut quick = server.admin().await.watch(&path, "application/json").await;
    // More than is remembered, and what the sockets may hold beside it.
    const CHANGES: usize = 80;
    for change in 1..=CHANGES {
        let path = format!("{MAPS}/large");
        assert_eq!(client.put(&path, &large(change)).await.code, 200);
        assert_eq!(number(&quick.next().await.unwrap()), Some(change));
    }
    let mut heard = 0;
    let end = loop {
        let event = slow.next().await.expect("an error before the end");
        match number(&event) {
            Some(number) => {
                assert_eq!(number, heard + 1, "nothing is left out before the end");
                heard = number;
            }
            None => break event,
        }
    };
    assert!(heard < CHANGES);
    let status = &end["object"];
    assert_eq!((&end["type"], &status["code"], &status["reason"]), (&json!("ERROR"), &json!(410), &json!("Expired")));
    assert!(status["message"].as_str().unwrap().starts_with("too old resource version: "), "{status}");
    assert!(slow.next().await.is_none());
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let body = json!({"metadata": {"name": "m"}, "data": {"a": "x".repeat(4 << 20)}}).to_string();
    let refused = client.ask(Method::POST, MAPS, &[], &body).await;
    assert_eq!((refused.code, refused.text("/reason")), (413, "RequestEntityTooLarge"), "{refused:?}");
}
