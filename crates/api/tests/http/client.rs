//! A server of its own for a test, and a client that speaks HTTP over TLS and nothing more.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::client::conn::http2;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reprise_api::security::certificates::Client as Who;
use reprise_api::{Api, ApiConfig};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(20);

/// A running server with its folder.
pub struct Server {
    pub api: Api,
    pub folder: TempDir,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub headers: hyper::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// A text of the answer, by its path.
    pub fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The message of a `Status`.
    pub fn message(&self) -> &str {
        self.text("/message")
    }
}

/// A client with one connection.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
}

/// A client with one connection of HTTP/2, for any number of requests at once.
#[derive(Clone)]
pub struct Many {
    sender: http2::SendRequest<Full<Bytes>>,
}

/// Events of a watch.
pub struct Events {
    body: Incoming,
    rest: Vec<u8>,
}

impl Server {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = ApiConfig::new(folder.path());
        config.listen = "127.0.0.1:0".parse().unwrap();
        Self { api: Api::start(config).await.unwrap(), folder }
    }

    /// A client that may do everything.
    pub async fn admin(&self) -> Client {
        self.client(Some(&Who::Admin)).await
    }

    pub async fn client(&self, who: Option<&Who>) -> Client {
        let stream = self.connect(who, Vec::new()).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), None);
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(async move {
            // A connection that breaks is seen by who has sent a request.
            let _ = connection.with_upgrades().await;
        });
        Client { sender }
    }

    /// The administrator over HTTP/2. What is not read of one answer is little: each has a window of its own.
    pub async fn many(&self) -> Many {
        let stream = self.connect(Some(&Who::Admin), vec![b"h2".to_vec(), b"http/1.1".to_vec()]).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(64 << 10).initial_connection_window_size(64 << 20);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Many { sender }
    }

    async fn connect(&self, who: Option<&Who>, protocols: Vec<Vec<u8>>) -> TlsStream<TcpStream> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(self.api.certificates().roots());
        let mut config = match who {
            None => builder.with_no_client_auth(),
            Some(who) => {
                let (chain, key) = self.api.certificates().client(who).unwrap().for_tls();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = protocols;
        let stream = TcpStream::connect(self.api.address()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }
}

impl Many {
    /// Sends a request; its answer, whose body comes as it is read.
    pub async fn send(&self, method: Method, path: &str, body: &str) -> Response<Incoming> {
        let request = Request::builder().method(method).uri(format!("https://localhost{path}"));
        let request = request.header(CONTENT_TYPE, "application/json").body(Full::new(body.to_owned().into())).unwrap();
        let mut sender = self.sender.clone();
        let sent = tokio::time::timeout(LIMIT, sender.send_request(request));
        sent.await.expect("an answer in time").unwrap()
    }

    /// The code of an answer, and its body.
    pub async fn ask(&self, method: Method, path: &str, body: &str) -> (u16, Value) {
        let (parts, body) = self.send(method, path, body).await.into_parts();
        let body = tokio::time::timeout(LIMIT, body.collect()).await.unwrap().unwrap().to_bytes();
        (parts.status.as_u16(), serde_json::from_slice(&body).unwrap())
    }

    pub async fn watch(&self, path: &str) -> Events {
        let response = self.send(Method::GET, path, "").await;
        assert_eq!(response.status(), 200);
        Events { body: response.into_body(), rest: Vec::new() }
    }
}

impl Client {
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        // The last answer was read; its connection may not be ready yet.
        self.sender.ready().await.unwrap();
        let sent = tokio::time::timeout(LIMIT, self.sender.send_request(request));
        sent.await.expect("an answer in time").unwrap()
    }

    pub async fn ask(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(HOST, "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.send(request.body(Full::new(body.to_owned().into())).unwrap()).await;
        let (parts, body) = response.into_parts();
        let body = tokio::time::timeout(LIMIT, body.collect()).await.unwrap().unwrap().to_bytes();
        let text = || Value::from(String::from_utf8_lossy(&body).into_owned());
        let body = serde_json::from_slice(&body).unwrap_or_else(|_| text());
        Answer { code: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], "").await
    }

    pub async fn get_as(&mut self, path: &str, accept: &str) -> Answer {
        self.ask(Method::GET, path, &[(ACCEPT.as_str(), accept)], "").await
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, &[(CONTENT_TYPE.as_str(), "application/json")], &body.to_string()).await
    }

    pub async fn put(&mut self, path: &str, body: &Value) -> Answer {
        self.ask(Method::PUT, path, &[(CONTENT_TYPE.as_str(), "application/json")], &body.to_string()).await
    }

    pub async fn patch(&mut self, path: &str, kind: &str, body: &Value) -> Answer {
        let kind = format!("application/{kind}");
        self.ask(Method::PATCH, path, &[(CONTENT_TYPE.as_str(), &kind)], &body.to_string()).await
    }

    pub async fn delete(&mut self, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask(Method::DELETE, path, &[], &body).await
    }

    /// A watch. It takes the connection.
    pub async fn watch(mut self, path: &str, accept: &str) -> Events {
        let request = Request::builder().uri(path).header(HOST, "localhost").header(ACCEPT, accept);
        let response = self.send(request.body(Full::default()).unwrap()).await;
        assert_eq!(response.status(), 200);
        Events { body: response.into_body(), rest: Vec::new() }
    }
}

impl Events {
    /// The next event; none if the watch has ended.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = tokio::time::timeout(LIMIT, self.body.frame()).await.expect("an event in time")?;
            self.rest.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
    }

    /// Type and name of the next event.
    pub async fn summary(&mut self) -> String {
        match self.next().await {
            None => "end".to_owned(),
            Some(event) => {
                let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default();
                format!("{} {name}", event["type"].as_str().unwrap()).trim_end().to_owned()
            }
        }
    }
}
