//! The Pod's service account, as the kubelet mounts it. Its files are read anew for each use, as they are renewed.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::error::ApiError;

/// The folder of a service account.
#[derive(Debug)]
pub struct Credentials(pub PathBuf);

impl Credentials {
    /// The token of this moment.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn token(&self) -> Result<String, ApiError> {
        let path = self.0.join("token");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(source) => Err(ApiError::Credentials { path, source }),
        }
    }

    /// How the API proves who it is.
    ///
    /// # Errors
    /// If the authority can't be read, or is none.
    pub fn tls(&self) -> Result<Arc<ClientConfig>, ApiError> {
        let path = self.0.join("ca.crt");
        let pem = match fs::read(&path) {
            Ok(pem) => pem,
            Err(source) => return Err(ApiError::Credentials { path, source }),
        };
        let unusable = |problem: String| ApiError::Authority { path: path.clone(), problem };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(unusable("it is empty".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let versions = versions.map_err(|error| unusable(error.to_string()))?;
        Ok(Arc::new(versions.with_root_certificates(roots).with_no_client_auth()))
    }
}
