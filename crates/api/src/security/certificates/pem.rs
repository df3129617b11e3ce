//! A certificate and its key in one text.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

/// What is read of a file.
pub(super) struct Pair {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: rcgen::KeyPair,
}

impl Pair {
    /// Reads both and checks that they belong together.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let certificate =
            CertificateDer::from_pem_slice(text.as_bytes()).map_err(|e| format!("no certificate: {e}"))?;
        let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|e| format!("no private key: {e}"))?;
        let key = rcgen::KeyPair::try_from(&key).map_err(|e| format!("no usable private key: {e}"))?;
        let (_, parsed) = parsed(&certificate)?;
        if parsed.public_key().subject_public_key.data.as_ref() != key.public_key_raw() {
            return Err("the private key is not the certificate's".to_owned());
        }
        Ok(Self { certificate, key })
    }

    /// When the certificate ends, in seconds since 1970.
    pub(super) fn ends(&self) -> Result<i64, String> {
        Ok(parsed(&self.certificate)?.1.validity().not_after.timestamp())
    }
}

pub(super) fn parsed<'a>(der: &'a CertificateDer<'_>) -> Result<(&'a [u8], X509Certificate<'a>), String> {
    X509Certificate::from_der(der).map_err(|e| format!("no certificate: {e}"))
}

/// Both in one text.
pub(super) fn text(certificate: &str, key: &str) -> String {
    // Lines end the same whatever made them.
    format!("{}\n{}\n", certificate.trim_end(), key.trim_end()).replace("\r\n", "\n")
}
