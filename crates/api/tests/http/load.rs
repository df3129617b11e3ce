//! Clients that are slow, or ask for much.

use futures::future::join_all;
use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Events, Server};

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
    let path = watch_of_large(&server).await;
    let slow = server.admin().await.watch(&path, "application/json").await;
    let quick = server.admin().await.watch(&path, "application/json").await;
    keeps_up_and_falls_behind(&server, slow, quick).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_watcher_holds_up_nobody_on_its_own_connection() {
    let server = Server::start().await;
    let path = watch_of_large(&server).await;
    let client = server.many().await;
    let (slow, quick) = (client.watch(&path).await, client.watch(&path).await);
    keeps_up_and_falls_behind(&server, slow, quick).await;
}

/// Makes the object, and says how it is watched from there on.
async fn watch_of_large(server: &Server) -> String {
    let made = server.admin().await.post(MAPS, &large(0)).await;
    assert_eq!(made.code, 201);
    format!("{MAPS}?watch=true&resourceVersion={}", made.text("/metadata/resourceVersion"))
}

/// The object changes more often than is remembered: `slow` is not read meanwhile.
async fn keeps_up_and_falls_behind(server: &Server, mut slow: Events, mut quick: Events) {
    let mut client = server.admin().await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_has_room_for_many_watches_and_for_requests_beside_them() {
    const WATCHES: usize = 2000;
    let server = Server::start().await;
    let client = server.many().await;
    let (code, made) = client.ask(Method::POST, MAPS, &json!({"metadata": {"name": "m"}}).to_string()).await;
    assert_eq!(code, 201, "{made}");
    let version = made["metadata"]["resourceVersion"].as_str().unwrap();
    let path = format!("{MAPS}?watch=true&fieldSelector=metadata.name%3Dm&resourceVersion={version}");
    let mut watches = join_all((0..WATCHES).map(|_| client.watch(&path))).await;
    for number in 1..=2 {
        let body = json!({"metadata": {"name": "m"}, "data": {"number": number.to_string()}}).to_string();
        assert_eq!(client.ask(Method::PUT, &format!("{MAPS}/m"), &body).await.0, 200);
        let events = join_all(watches.iter_mut().map(Events::next)).await;
        assert!(events.iter().all(|event| event.as_ref().and_then(self::number) == Some(number)));
    }
    // More than may be served at once, with more in their bodies than one connection might take.
    let writes = (0..600).map(|number| {
        let text = "x".repeat(40_000);
        let body = json!({"metadata": {"name": format!("m-{number}")}, "data": {"text": text}}).to_string();
        let client = client.clone();
        async move { client.ask(Method::POST, MAPS, &body).await.0 }
    });
    assert!(join_all(writes).await.iter().all(|code| *code == 201));
}
