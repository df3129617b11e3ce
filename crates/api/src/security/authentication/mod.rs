//! Who asks: a client certificate that TLS has checked, or a service account's token.

mod bearer;
mod certificate;
mod impersonation;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use crate::access::User;
use crate::status::ApiError;

pub use certificate::{PeerCertificate, certificate_user};
pub use impersonation::{Impersonation, impersonation};

/// Everybody whom a credential tells.
pub const AUTHENTICATED: &str = "system:authenticated";
/// Everybody who has none.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The user without a credential.
pub const ANONYMOUS: &str = "system:anonymous";

/// A credential, as a request brings it.
#[derive(Debug, Clone)]
pub enum Credential<'a> {
    /// A client certificate.
    Certificate(&'a PeerCertificate),
    /// A bearer token.
    Token(&'a str),
    /// None.
    None,
}

impl<'a> Credential<'a> {
    /// The credential of a request over a connection whose client has shown this certificate, which TLS has checked.
    ///
    /// # Errors
    /// 401 for an `Authorization` that is there and no bearer token: it is not passed over.
    pub fn of(certificate: Option<&'a PeerCertificate>, headers: &'a HeaderMap) -> Result<Self, ApiError> {
        if let Some(certificate) = certificate {
            return Ok(Self::Certificate(certificate));
        }
        let mut all = headers.get_all(AUTHORIZATION).iter();
        match (all.next(), all.next()) {
            (None, _) => Ok(Self::None),
            (Some(one), None) => bearer::token(one).map(Self::Token).ok_or_else(unauthorized),
            (Some(_), Some(_)) => Err(unauthorized()),
        }
    }
}

/// The user without a credential.
#[must_use]
pub fn anonymous() -> User {
    let groups = vec![UNAUTHENTICATED.to_owned()];
    User { name: ANONYMOUS.to_owned(), uid: String::new(), groups, extra: Vec::new() }
}

/// 401: a credential that tells nobody.
#[must_use]
pub fn unauthorized() -> ApiError {
    ApiError::new(401, "Unauthorized", "Unauthorized")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, value.parse().unwrap())).collect()
    }

    #[test]
    fn a_certificate_counts_first_then_a_token_and_without_both_the_user_is_anonymous() {
        let token = headers(&["Bearer abc"]);
        let certificate = PeerCertificate::new(b"der".to_vec().into());
        assert!(matches!(Credential::of(Some(&certificate), &token), Ok(Credential::Certificate(_))));
        assert!(matches!(Credential::of(None, &token), Ok(Credential::Token("abc"))));
        assert!(matches!(Credential::of(None, &headers(&[])), Ok(Credential::None)));
    }

    #[test]
    fn a_credential_of_another_kind_or_two_of_them_are_refused_and_not_passed_over() {
        for wrong in [&["Basic abc"][..], &["Bearer"], &["Bearer "], &["Bearer a b"], &["Bearer a", "Bearer b"], &[""]]
        {
            let headers = wrong.iter().map(|value| (AUTHORIZATION, value.parse().unwrap()));
            let mut all = HeaderMap::new();
            headers.for_each(|(name, value)| {
                all.append(name, value);
            });
            assert_eq!(Credential::of(None, &all).unwrap_err().code(), 401, "{wrong:?}");
        }
    }
}
