use std::sync::Arc;

use k8s_openapi::api::core::v1::HTTPGetAction;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::*;

const LIMIT: Duration = Duration::from_secs(5);

/// Answers one request: `/status/N` with that status, `/to/URL` with a redirect there, `/echo` with 200 if the request
/// has the header line that a test sent as `Want`, `/silent` not at all.
async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    let mut line = String::new();
    while reader.read_line(&mut line).await? > 2 {
        head.push(std::mem::take(&mut line).trim_end().to_lowercase());
    }
    let path = head[0].split(' ').nth(1).unwrap().to_owned();
    let (status, location) = if let Some(status) = path.strip_prefix("/status/") {
        (status.to_owned(), String::new())
    } else if let Some(to) = path.strip_prefix("/to/") {
        ("302".to_owned(), format!("Location: {to}\r\n"))
    } else if path == "/silent" {
        std::future::pending().await
    } else {
        let want = head.iter().find_map(|line| line.strip_prefix("want: "));
        let has = want.is_none_or(|want| head.iter().any(|line| line == want));
        (if has { "200" } else { "400" }.to_owned(), String::new())
    };
    let text = format!("HTTP/1.1 {status} X\r\n{location}Content-Length: 4\r\nConnection: close\r\n\r\nbody");
    reader.into_inner().write_all(text.as_bytes()).await
}

async fn serve() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    port
}

async fn serve_tls() -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let signed = rcgen::generate_simple_self_signed(vec!["somebody.else".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()).into();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(answer(stream));
            }
        }
    });
    port
}

fn get(port: u16, action: Value) -> Get {
    let mut action = action;
    action["port"] = json!(port);
    let action: HTTPGetAction = serde_json::from_value(action).unwrap();
    request("127.0.0.1", port, &action, "kube-probe/1.36").unwrap()
}

async fn tried(port: u16, action: Value) -> Tried {
    probe(ProbeClient::direct().unwrap().inner(), get(port, action), LIMIT).await
}

#[tokio::test]
async fn a_status_from_200_to_399_passes() {
    let port = serve().await;
    for (status, passed) in [(200, true), (204, true), (399, true), (400, false), (503, false)] {
        let tried = tried(port, json!({"path": format!("/status/{status}")})).await;
        assert_eq!(tried.passed(), Some(passed), "{status}: {tried:?}");
    }
    let failed = Tried::Failed("HTTP probe failed with statuscode: 503".to_owned());
    assert_eq!(tried(port, json!({"path": "status/503"})).await, failed);
}

#[tokio::test]
async fn redirects_are_followed_on_the_same_host_and_are_an_answer_elsewhere() {
    let port = serve().await;
    assert_eq!(tried(port, json!({"path": "/to//status/200"})).await, Tried::Passed);
    assert_eq!(tried(port, json!({"path": "/to//status/500"})).await.passed(), Some(false));
    let elsewhere = tried(port, json!({"path": "/to/http://192.0.2.1/"})).await;
    assert_eq!(elsewhere, Tried::Warned("Probe terminated redirects, Response body: body".to_owned()));
    let around = tried(port, json!({"path": "/to//to//to//to//to//to//to//to//to//to//to//to//status/200"})).await;
    assert!(matches!(&around, Tried::Failed(why) if why.ends_with("stopped after 10 redirects")), "{around:?}");
}

#[tokio::test]
async fn headers_are_sent_and_host_replaces_the_address() {
    let port = serve().await;
    let with = |want: &str, headers: Value| {
        let mut all = vec![json!({"name": "Want", "value": want})];
        all.extend(headers.as_array().unwrap().clone());
        tried(port, json!({"path": "/echo", "httpHeaders": all}))
    };
    assert_eq!(with("x-a: 1", json!([{"name": "X-A", "value": "1"}])).await, Tried::Passed);
    assert_eq!(with("host: web.test", json!([{"name": "Host", "value": "web.test"}])).await, Tried::Passed);
    assert_eq!(with("user-agent: kube-probe/1.36", json!([])).await, Tried::Passed);
    assert_eq!(with("accept: */*", json!([])).await, Tried::Passed);
    let own = json!([{"name": "User-Agent", "value": "me"}]);
    assert_eq!(with("user-agent: me", own).await, Tried::Passed);
}

#[tokio::test]
async fn certificates_are_not_checked() {
    let port = serve_tls().await;
    assert_eq!(tried(port, json!({"scheme": "HTTPS", "path": "/status/200"})).await, Tried::Passed);
}

#[tokio::test]
async fn no_server_and_no_answer_fail_in_the_kubelets_words() {
    let port = serve().await;
    let url = format!("http://127.0.0.1:{port}/silent");
    let late =
        probe(ProbeClient::direct().unwrap().inner(), get(port, json!({"path": "/silent"})), Duration::from_millis(50))
            .await;
    let why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
    assert_eq!(late, Tried::Failed(format!("Get \"{url}\": {why}")));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let why = format!("Get \"http://127.0.0.1:{port}/\": dial tcp 127.0.0.1:{port}: connect: connection refused");
    assert_eq!(tried(port, json!({})).await, Tried::Failed(why));
}
