//! The settings of the API.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Where the kubelet's HTTP API is served, and who is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where to listen; port 0 takes any that is free.
    pub address: SocketAddr,
    /// The certificate chain and the key to serve with, both in PEM; none: made at the first start and kept.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Clients with a certificate of an authority in this file are let in.
    pub client_ca_file: Option<PathBuf>,
}

impl HttpConfig {
    /// An API with a certificate of its own, for clients that have the node's token.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, certificate: None, client_ca_file: None }
    }
}
