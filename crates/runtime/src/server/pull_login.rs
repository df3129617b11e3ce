//! Who logs in for a pull: what the caller sends, or else the Docker config file.

use reprise_cri::v1::AuthConfig;
use reprise_images::{Credentials, DockerConfig, Error as ImageError, Logins};

use super::failure::Failure;

/// The logins for a pull of `reference`. What the caller sends is for the host in `server_address`, or else for the
/// image's registry; other hosts, such as mirrors, get what the config file has for them.
pub fn logins(auth: Option<AuthConfig>, reference: &str) -> Result<Logins, Failure> {
    let config = DockerConfig::load()?;
    let Some(auth) = auth else { return Ok(Logins::from_config(config)) };
    let server = auth.server_address.clone();
    Ok(match credentials(auth, reference)? {
        Some(credentials) => Logins::given(credentials, Some(&server)).or_config(config),
        None => Logins::from_config(config),
    })
}

/// The first form that is filled in, in containerd's order.
fn credentials(auth: AuthConfig, reference: &str) -> Result<Option<Credentials>, Failure> {
    if !auth.username.is_empty() {
        return Ok(Some(Credentials::Basic { username: auth.username, password: auth.password }));
    }
    if !auth.identity_token.is_empty() {
        return Ok(Some(Credentials::IdentityToken(auth.identity_token)));
    }
    if !auth.auth.is_empty() {
        let reason = "auth is not base64 of user:password";
        let invalid = || ImageError::InvalidCredentials { reference: reference.to_owned(), reason };
        return Ok(Some(Credentials::from_base64(&auth.auth).ok_or_else(invalid)?));
    }
    Ok((!auth.registry_token.is_empty()).then_some(Credentials::Token(auth.registry_token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_credentials_is_understood() {
        let read = |auth| credentials(auth, "app").unwrap();
        let basic = Credentials::Basic { username: "me".into(), password: "p".into() };
        let none = AuthConfig::default();
        assert_eq!(read(none.clone()), None);
        let filled = AuthConfig { username: "me".into(), password: "p".into(), ..none.clone() };
        assert_eq!(read(AuthConfig { registry_token: "t".into(), ..filled }), Some(basic.clone()));
        assert_eq!(read(AuthConfig { auth: "bWU6cA==".into(), ..none.clone() }), Some(basic));
        let identity = AuthConfig { identity_token: "i".into(), auth: "bWU6cA==".into(), ..none.clone() };
        assert_eq!(read(identity), Some(Credentials::IdentityToken("i".into())));
        assert_eq!(
            read(AuthConfig { registry_token: "t".into(), ..none.clone() }),
            Some(Credentials::Token("t".into()))
        );
        let broken = credentials(AuthConfig { auth: "%".into(), ..none }, "app").unwrap_err();
        assert_eq!(tonic::Status::from(broken).code(), tonic::Code::InvalidArgument);
    }
}
