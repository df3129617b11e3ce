//! A client of the API that costs little: HTTP over TLS, with what a kubeconfig says.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::client::conn::http2;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::kubeconfig::Kubeconfig;

/// Makes connections.
#[derive(Clone)]
pub struct Client {
    address: String,
    tls: TlsConnector,
    /// The same for HTTP/2.
    many: TlsConnector,
}

/// One connection of HTTP/2: many requests at once.
#[derive(Clone)]
pub struct Many {
    sender: http2::SendRequest<Full<Bytes>>,
    host: String,
}

/// One connection: one request after the other.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Client {
    /// With what a kubeconfig says.
    pub fn new(kubeconfig: &Kubeconfig) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&kubeconfig.authority) {
            roots.add(certificate.context("the authority's certificate")?).context("the authority's certificate")?;
        }
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&kubeconfig.certificate).collect();
        let key = PrivateKeyDer::from_pem_slice(&kubeconfig.key).context("the client's key")?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("TLS")?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain.context("the client's certificate")?, key)
            .context("the client's certificate")?;
        let mut many = config.clone();
        many.alpn_protocols = vec![b"h2".to_vec()];
        let (tls, many) = (TlsConnector::from(Arc::new(config)), TlsConnector::from(Arc::new(many)));
        Ok(Self { address: kubeconfig.server.clone(), tls, many })
    }

    /// A new connection.
    pub async fn connect(&self) -> Result<Connection> {
        let stream = self.stream(&self.tls).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.context("HTTP")?;
        // Its error is that of the request that is under way.
        tokio::spawn(connection);
        Ok(Connection { sender, host: self.address.clone() })
    }

    /// A new connection of HTTP/2.
    pub async fn connect_many(&self) -> Result<Many> {
        let stream = self.stream(&self.many).await?;
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.context("HTTP/2")?;
        // Its error is that of the requests that are under way.
        tokio::spawn(connection);
        Ok(Many { sender, host: self.address.clone() })
    }

    async fn stream(&self, tls: &TlsConnector) -> Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(&self.address).await.with_context(|| format!("connect to {}", self.address))?;
        stream.set_nodelay(true)?;
        let (host, _) = self.address.rsplit_once(':').context("an address without a port")?;
        let name = ServerName::try_from(host.to_owned()).context("the server's name")?;
        tls.connect(name, stream).await.context("TLS")
    }
}

impl Many {
    /// The head of the answer to a GET.
    pub async fn get(&mut self, path: &str) -> Result<Response<Incoming>> {
        let request = Request::builder().uri(format!("https://{}{path}", self.host));
        let request = request.header("accept", "application/json").body(Full::default())?;
        self.sender.ready().await?;
        self.sender.send_request(request).await.with_context(|| format!("GET {path}"))
    }
}

impl Connection {
    /// Sends a request; the head of its answer.
    pub async fn send(&mut self, method: &str, path: &str, body: &Bytes) -> Result<Response<Incoming>> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("accept", "application/json")
            .header("content-type", if method == "PATCH" { "application/merge-patch+json" } else { "application/json" })
            .body(Full::new(body.clone()))?;
        self.sender.ready().await?;
        self.sender.send_request(request).await.with_context(|| format!("{method} {path}"))
    }

    /// Sends a request; the whole body of an answer that says that all is well.
    pub async fn call(&mut self, method: &str, path: &str, body: &Bytes) -> Result<Bytes> {
        let response = self.send(method, path, body).await?;
        let status = response.status();
        let body = response.into_body().collect().await.with_context(|| format!("{method} {path}"))?.to_bytes();
        ensure!(status.is_success(), "{method} {path}: {status} {}", String::from_utf8_lossy(&body));
        Ok(body)
    }

    /// The same with JSON on both sides.
    pub async fn json(&mut self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = Bytes::from(body.to_string());
        Ok(serde_json::from_slice(&self.call(method, path, &body).await?)?)
    }
}

/// Each watcher is a connection, with a descriptor on both sides.
pub fn allow_many_connections() -> Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current < maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).context("allow many open files")?;
    }
    Ok(())
}
