//! Connections to nodes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::trust::Anyone;
use crate::security::certificates::Identity;
use crate::status::ApiError;

/// How long a node may take to be reached.
const CONNECT: Duration = Duration::from_secs(10);
/// The port of a kubelet that tells none.
const PORT: u64 = 10250;
/// Kinds of addresses, the one to use first.
const ADDRESSES: [&str; 5] = ["InternalIP", "InternalDNS", "Hostname", "ExternalIP", "ExternalDNS"];

/// Reaches the nodes.
pub(crate) struct Kubelets {
    tls: TlsConnector,
}

impl Kubelets {
    /// With the certificate by which nodes know this server.
    ///
    /// # Errors
    /// If the certificate can't be used.
    pub(crate) fn new(identity: &Identity) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider)));
        let (chain, key) = identity.for_tls();
        let config = builder.with_client_auth_cert(chain, key)?;
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Asks a node, and answers with what it says first. Its connection lives as long as what is read of it.
    ///
    /// # Errors
    /// 500 if the node can't be reached, in the words of a real server.
    pub(super) async fn ask(
        &self,
        node: &Value,
        method: Method,
        path: &str,
        headers: HeaderMap,
    ) -> Result<Response<Incoming>, ApiError> {
        let (host, port) = address(node)?;
        let dialing = tokio::time::timeout(CONNECT, self.connect(&host, port)).await;
        let late = || "i/o timeout".to_owned();
        let mut sender = dialing
            .map_err(|_| late())
            .and_then(|dialed| dialed)
            .map_err(|error| ApiError::internal(format!("error dialing backend: dial tcp {host}:{port}: {error}")))?;
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|error| ApiError::bad_request(format!("{path}: {error}")))?;
        *request.headers_mut() = headers;
        let authority = HeaderValue::from_str(&format!("{host}:{port}")).map_err(ApiError::internal)?;
        request.headers_mut().insert(HOST, authority);
        sender.send_request(request).await.map_err(|error| {
            ApiError::internal(format!("error dialing backend: {host}:{port} does not answer: {error}"))
        })
    }

    async fn connect(&self, host: &str, port: u16) -> Result<SendRequest<Empty<Bytes>>, String> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        let stream = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| error.to_string())?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to a node broke");
            }
        });
        Ok(sender)
    }
}

/// Where a node's kubelet listens.
fn address(node: &Value) -> Result<(String, u16), ApiError> {
    let addresses = node.pointer("/status/addresses").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let of = |kind: &&str| addresses.iter().find(|address| address["type"] == **kind)?["address"].as_str();
    let host = ADDRESSES.iter().find_map(of);
    let name = node.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let host =
        host.ok_or_else(|| ApiError::internal(format!("no preferred addresses found; known addresses: [] ({name})")))?;
    let port = node.pointer("/status/daemonEndpoints/kubeletEndpoint/Port").and_then(Value::as_u64);
    let port = port.filter(|port| *port != 0).unwrap_or(PORT);
    let port =
        u16::try_from(port).map_err(|_| ApiError::internal(format!("node {name} has the kubelet port {port}")))?;
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_is_reached_inside_the_cluster_first_at_the_port_that_it_tells() {
        let addresses = json!([{"type": "Hostname", "address": "edge"}, {"type": "InternalIP", "address": "10.0.0.1"}]);
        let mut node = json!({"metadata": {"name": "edge"}, "status": {"addresses": addresses}});
        assert_eq!(address(&node), Ok(("10.0.0.1".to_owned(), 10250)));
        node["status"]["daemonEndpoints"] = json!({"kubeletEndpoint": {"Port": 4000}});
        assert_eq!(address(&node), Ok(("10.0.0.1".to_owned(), 4000)));
        node["status"]["addresses"] = json!([]);
        assert_eq!(address(&node).unwrap_err().code(), 500);
    }
}
