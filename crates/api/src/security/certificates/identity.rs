//! A certificate with its key, as TLS and kubeconfig files take them.

use std::fmt;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::pem::Pair;

/// What somebody shows to tell who they are.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    certificate: String,
    key: String,
    der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

impl Identity {
    pub(super) fn new(certificate: String, pair: &Pair) -> Self {
        let key = pair.key.serialize_pem().replace("\r\n", "\n");
        Self { certificate, key, der: pair.certificate.clone(), key_der: pair.key.serialize_der() }
    }

    /// The certificate, in PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// The key (PKCS #8), in PEM.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key
    }

    /// The certificate and the key, as rustls takes them.
    #[must_use]
    pub fn for_tls(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (vec![self.der.clone()], PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key_der.clone())))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key is nobody's to read.
        f.debug_struct("Identity").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// The certificate in a text, in PEM and as bytes.
pub(super) fn certificate_in(text: &str) -> Option<(String, CertificateDer<'static>)> {
    const END: &str = "-----END CERTIFICATE-----";
    let der = CertificateDer::from_pem_slice(text.as_bytes()).ok()?;
    let start = text.find("-----BEGIN CERTIFICATE-----")?;
    let end = start + text.get(start..)?.find(END)? + END.len();
    Some((format!("{}\n", text.get(start..end)?), der))
}
