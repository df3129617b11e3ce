//! Requests to kubelets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::destination::Destination;
use super::verifier::KubeletVerifier;
use crate::error::StartError;
use crate::security::certificates::{Certificates, Client};
use crate::status::ApiError;

/// A kubelet that takes longer to be reached is away.
const CONNECT: Duration = Duration::from_secs(10);
/// What a stream begins with. All else (credentials, whom one impersonates) is between a client and the API only.
const FORWARDED: [HeaderName; 7] = [
    CONNECTION,
    UPGRADE,
    SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION,
    SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_EXTENSIONS,
    HeaderName::from_static("x-stream-protocol-version"),
];

/// Asks kubelets as the API.
pub(crate) struct KubeletClient {
    connector: TlsConnector,
}

impl KubeletClient {
    /// With the certificate that the API shows to kubelets.
    ///
    /// # Errors
    /// If it can't be read or made.
    pub fn new(certificates: &Certificates) -> Result<Self, StartError> {
        let tls = |error: rustls::Error| StartError::Tls(error.to_string());
        let (chain, key) = certificates.client(&Client::KubeletClient)?.for_tls();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            KubeletVerifier::new(certificates.roots(), &provider).map_err(|e| StartError::Tls(e.to_string()))?;
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(tls)?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = builder.with_client_auth_cert(chain, key).map_err(tls)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }

    /// The kubelet's answer, whatever it is.
    pub(super) async fn send(
        &self,
        to: &Destination,
        path: &str,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Response<Incoming>, ApiError> {
        let (stream, host) = self.connect(to).await?;
        let lost = |error: &dyn std::error::Error| {
            ApiError::internal(format!("error dialing backend: the kubelet of node {:?}: {error}", to.node))
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| lost(&e))?;
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to a kubelet broke");
            }
        });
        let mut forwarded = Request::builder().method(method.clone()).uri(path).header(HOST, host);
        if let Some(all) = forwarded.headers_mut() {
            let others = headers.iter().filter(|(name, _)| FORWARDED.contains(name));
            all.extend(others.map(|(name, value)| (name.clone(), value.clone())));
        }
        let forwarded = forwarded.body(Empty::<Bytes>::new()).map_err(|e| lost(&e))?;
        sender.send_request(forwarded).await.map_err(|e| lost(&e))
    }

    /// The first of its addresses that answers.
    async fn connect(&self, to: &Destination) -> Result<(TlsStream<TcpStream>, String), ApiError> {
        let mut problems = Vec::new();
        for host in &to.hosts {
            match tokio::time::timeout(CONNECT, self.connect_to(&to.node, host, to.port)).await {
                Ok(Ok(stream)) => return Ok((stream, format!("{host}:{}", to.port))),
                Ok(Err(error)) => problems.push(format!("{host}:{}: {error}", to.port)),
                Err(_) => problems.push(format!("{host}:{}: no answer", to.port)),
            }
        }
        let why = problems.join("; ");
        Err(ApiError::internal(format!("error dialing backend: the kubelet of node {:?}: {why}", to.node)))
    }

    async fn connect_to(&self, node: &str, host: &str, port: u16) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect((host, port)).await?;
        // Keystrokes should not wait for more of them.
        stream.set_nodelay(true)?;
        // The certificate is for the node's name, by whatever address it is reached.
        let name = ServerName::try_from(node.to_owned()).map_err(std::io::Error::other)?;
        self.connector.connect(name, stream).await
    }
}
