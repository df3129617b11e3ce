//! Why the API can't be served.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// An API that can't start.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address can't be had.
    #[error("can't serve the kubelet's API at {address}: choose another address or port")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A file of certificates or keys can't be used.
    #[error("can't use {}: PEM with {wanted} is needed", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        wanted: &'static str,
        /// What is wrong.
        source: rustls::pki_types::pem::Error,
    },
    /// A file of certificates has none.
    #[error("{} has no certificate: PEM with at least one is needed", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The authorities of client certificates can't be used.
    #[error("can't use the certificates in {} to check those of clients", path.display())]
    ClientCa {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Certificate and key don't fit.
    #[error("can't serve with the certificate {}: check that the key belongs to it", path.display())]
    Certificate {
        /// The certificate's file.
        path: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
    /// No certificate could be made.
    #[error("can't make a certificate to serve with: give one with tlsCertFile and tlsPrivateKeyFile")]
    NotMade(#[from] rcgen::Error),
    /// TLS itself can't be set up.
    #[error("can't set up TLS")]
    Tls(#[from] rustls::Error),
    /// A file of the API can't be used.
    #[error("can't {operation} {}", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl HttpError {
    pub(super) fn file(operation: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { operation, path, source }
    }
}
