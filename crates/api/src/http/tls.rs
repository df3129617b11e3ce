//! The certificate that the API shows, and whose clients' certificates it believes.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;

use crate::error::StartError;
use crate::security::certificates::{Certificates, Identity};

/// What a client that speaks HTTP/2 agrees on.
pub(super) const HTTP2: &[u8] = b"h2";

/// What accepts connections. A client without a certificate may still have a token, or be nobody.
pub(super) fn acceptor(certificates: &Certificates, serving: &Identity) -> Result<TlsAcceptor, StartError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(certificates.roots());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
    let verifier = verifier.allow_unauthenticated().build().map_err(|e| StartError::Tls(e.to_string()))?;
    let (chain, key) = serving.for_tls();
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| StartError::Tls(e.to_string()))?.with_client_cert_verifier(verifier);
    let mut server = builder.with_single_cert(chain, key).map_err(|e| StartError::Tls(e.to_string()))?;
    // A client that says nothing of it speaks HTTP/1.1.
    server.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(server)))
}
