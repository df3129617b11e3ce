//! A client certificate as a user: the common name is the name, the organisations are the groups.

use std::sync::OnceLock;

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

use super::{AUTHENTICATED, unauthorized};
use crate::access::User;
use crate::status::ApiError;

/// The certificate of a connection's client. Many requests come with it, so whose it is is read once.
#[derive(Debug)]
pub struct PeerCertificate {
    der: CertificateDer<'static>,
    user: OnceLock<Result<User, ApiError>>,
}

impl PeerCertificate {
    /// One that TLS has checked.
    #[must_use]
    pub fn new(der: CertificateDer<'static>) -> Self {
        Self { der, user: OnceLock::new() }
    }

    /// The certificate itself.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whose it is.
    ///
    /// # Errors
    /// 401 for one without a name.
    pub fn user(&self) -> Result<User, ApiError> {
        self.user.get_or_init(|| certificate_user(&self.der)).clone()
    }
}

/// The user of a certificate that TLS has checked to be of our authority.
///
/// # Errors
/// 401 for one without a name.
pub fn certificate_user(der: &[u8]) -> Result<User, ApiError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| unauthorized())?;
    let name = common_name(certificate.subject()).ok_or_else(unauthorized)?;
    let organisations = certificate.subject().iter_organization().map(|each| each.as_str().map(str::to_owned));
    // A group that can't be read might be one that takes something away.
    let mut groups = organisations.collect::<Result<Vec<_>, _>>().map_err(|_| unauthorized())?;
    groups.push(AUTHENTICATED.to_owned());
    Ok(User { name, uid: String::new(), groups, extra: Vec::new() })
}

/// The one name; with two of them, nobody knows which is meant.
fn common_name(subject: &X509Name<'_>) -> Option<String> {
    let mut all = subject.iter_common_name();
    let name = all.next()?.as_str().ok()?;
    (all.next().is_none() && !name.is_empty()).then(|| name.to_owned())
}
