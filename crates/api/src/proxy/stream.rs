//! Streams: exec, attach, port-forward. The client's request for an upgrade goes to the node, and once both have changed over
//! their bytes go to and fro.

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;

use super::log::refusal;
use super::pod;
use crate::http;
use crate::request::Query;
use crate::server::Server;
use crate::status::ApiError;
use crate::verbs::{Answer, Asked, Content};

/// Headers by which client and node agree on a protocol.
const AGREED: [&str; 8] = [
    "connection",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
    "sec-websocket-accept",
    "x-stream-protocol-version",
];
/// Streams in the words of clients and of nodes.
const STREAMS: [(&str, &str); 4] = [("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty")];

/// Joins a client with a process or a port of a Pod.
pub(crate) async fn stream(
    server: &Server,
    asked: &Asked,
    part: &str,
    mut request: Request<Incoming>,
) -> Result<Answer, ApiError> {
    if !request.headers().contains_key(UPGRADE) {
        return Err(ApiError::bad_request("Upgrade request required"));
    }
    let pod = pod::pod(server, asked)?;
    let path = path(asked, part, &pod)?;
    let node = pod::node(server, &pod)?;
    let node =
        node.ok_or_else(|| ApiError::bad_request(format!("pod {} does not have a host assigned", asked.name)))?;
    let headers = agreed(request.headers());
    let mut answer = server.kubelets.ask(&node, request.method().clone(), &path, headers).await?;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(refusal(answer).await);
    }
    let (client, node) = (hyper::upgrade::on(&mut request), hyper::upgrade::on(&mut answer));
    tokio::spawn(join(client, node, server.closing.clone()));
    Ok(Answer::new(101, Content::Response(Box::new(changed_over(&answer)))))
}

/// What the node is asked.
fn path(asked: &Asked, part: &str, pod: &serde_json::Value) -> Result<String, ApiError> {
    let (namespace, name) = (&asked.namespace, &asked.name);
    if part == "portforward" {
        return Ok(format!("/portForward/{namespace}/{name}?{}", ports(&asked.query)));
    }
    let container = pod::container(pod, asked.query.text("container"))?;
    let query = command(&asked.query);
    Ok(format!("/{part}/{namespace}/{name}/{container}?{query}"))
}

fn command(asked: &Query) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for word in asked.all("command") {
        query.append_pair("command", word);
    }
    for (client, node) in STREAMS.iter().filter(|(client, _)| asked.flag(client)) {
        let _: &str = client;
        query.append_pair(node, "1");
    }
    query.finish()
}

fn ports(asked: &Query) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for ports in asked.all("ports") {
        query.append_pair("port", ports);
    }
    query.finish()
}

fn agreed(headers: &HeaderMap) -> HeaderMap {
    let mut agreed = HeaderMap::new();
    for name in AGREED {
        for value in headers.get_all(name) {
            agreed.append(HeaderName::from_static(name), value.clone());
        }
    }
    agreed
}

/// The client is told what the node has told.
fn changed_over(answer: &Response<Incoming>) -> Response<http::Body> {
    let mut response = Response::new(http::whole(bytes::Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = agreed(answer.headers());
    response.headers_mut().entry(CONNECTION).or_insert(HeaderValue::from_static("Upgrade"));
    response
}

/// Until one of them ends, or the server does.
async fn join(client: hyper::upgrade::OnUpgrade, node: hyper::upgrade::OnUpgrade, closing: CancellationToken) {
    let joined = async {
        let (client, node) = tokio::try_join!(client, node)?;
        let (mut client, mut node) = (TokioIo::new(client), TokioIo::new(node));
        // How much it was does not matter.
        let _: (u64, u64) = tokio::io::copy_bidirectional(&mut client, &mut node).await.map_err(Broken::Copy)?;
        Ok::<(), Broken>(())
    };
    tokio::select! {
        joined = joined => if let Err(error) = joined {
            tracing::debug!(%error, "a stream broke");
        },
        () = closing.cancelled() => {}
    }
}

/// Why a stream ended before its time.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the change of protocols failed: {0}")]
    Upgrade(#[from] hyper::Error),
    #[error("{0}")]
    Copy(std::io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_and_commands_are_asked_for_in_the_node_s_words() {
        let query = Query::parse("command=sh&command=-c&command=echo+a&container=c&stdin=true&stdout=true&tty=false");
        assert_eq!(command(&query), "command=sh&command=-c&command=echo+a&input=1&output=1");
    }

    #[test]
    fn ports_are_asked_for_in_the_node_s_words() {
        assert_eq!(ports(&Query::parse("ports=80,443&ports=9")), "port=80%2C443&port=9");
    }
}
