//! All of security for one server: opened from the data folder, asked with every request.

use std::path::Path;
use std::sync::Arc;

use hyper::HeaderMap;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::authentication::{Credential, PeerCertificate, anonymous, impersonation, unauthorized};
use super::authorization::{Authorizer, bootstrap_objects, updated};
use super::certificates::{CertificateError, Certificates};
use super::escalation;
use super::follow::value;
use super::node_restriction::{Write, node_restriction};
use super::reviews::Reviews;
use super::tokens::{SigningKey, SigningKeyError, Tokens};
use crate::access::{Request, User};
use crate::status::ApiError;
use crate::store::{Change, Expect, Fields, Key, Store, WriteError};

/// The folder of keys and certificates in the data folder.
pub const FOLDER: &str = "pki";
/// The file of encryption keys in the data folder.
pub const ENCRYPTION_KEYS: &str = "encryption-keys";

/// Why security could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    /// A certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The key of tokens.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
    /// The first roles.
    #[error("can't store the role or binding {name}: {source}")]
    Role {
        /// Which.
        name: String,
        /// Why it failed.
        source: WriteError,
    },
}

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who it is; whom they impersonate, if they do.
    pub user: User,
    /// Who they are, if they impersonate somebody.
    pub impersonated_by: Option<String>,
}

/// All of it.
pub struct Security {
    /// The authority of the data folder.
    pub certificates: Certificates,
    /// Service accounts' tokens.
    pub tokens: Tokens,
    /// Who may do what.
    pub authorizer: Authorizer,
    store: Store,
}

impl Security {
    /// Reads keys and certificates from the data folder, and makes those that are not there.
    ///
    /// # Errors
    /// Files that can't be read or written, or that hold something else.
    pub fn open(
        data_dir: &Path,
        store: Store,
        now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Result<Self, SecurityError> {
        let folder = data_dir.join(FOLDER);
        let certificates = Certificates::open(&folder, now())?;
        let key = SigningKey::open(&folder.join("service-accounts.pem"))?;
        let tokens = Tokens::new(key, store.clone(), now);
        Ok(Self { certificates, tokens, authorizer: Authorizer::new(store.clone()), store })
    }

    /// Stores the roles and bindings that are always there, as far as they are missing.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn store_roles(&self, now: Timestamp) -> Result<(), SecurityError> {
        for (resource, wanted) in bootstrap_objects() {
            let name = wanted["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let key = Key { resource, namespace: String::new(), name: name.clone() };
            let kept = self.store.get(&key);
            let (object, expect) = match kept.as_deref().and_then(|kept| Some((value(kept)?, kept.revision))) {
                None => (made(wanted, now), Expect::Absent),
                Some((kept, revision)) => match updated(&kept, &wanted) {
                    None => continue,
                    Some(object) => (object, Expect::Revision(revision)),
                },
            };
            let change = Change::Put { key, expect, object, fields: Fields::default(), expires_at: None };
            match self.store.write(change).await {
                // Somebody was faster: the next start looks again.
                Ok(_) | Err(WriteError::Conflict(_) | WriteError::Exists(_)) => {}
                Err(source) => return Err(SecurityError::Role { name, source }),
            }
        }
        Ok(())
    }

    /// Who sends a request. `certificate` is what the connection's client has shown and TLS has checked.
    ///
    /// # Errors
    /// 401 for a credential that tells nobody, 403 for impersonation that is not allowed.
    pub fn authenticate(&self, certificate: Option<&PeerCertificate>, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let user = match Credential::of(certificate, headers)? {
            Credential::Certificate(certificate) => certificate.user()?,
            Credential::Token(token) => {
                self.tokens
                    .user(token, &[])
                    .map_err(|error| {
                        tracing::debug!(%error, "a bearer token was refused");
                        unauthorized()
                    })?
                    .user
            }
            Credential::None => anonymous(),
        };
        let Some(wanted) = impersonation(headers)? else { return Ok(Caller { user, impersonated_by: None }) };
        for need in &wanted.needs {
            self.authorizer.authorize(&user, need)?;
        }
        Ok(Caller { user: wanted.user, impersonated_by: Some(user.name) })
    }

    /// Whether the user may do what is asked for.
    ///
    /// # Errors
    /// 403 in the API server's words.
    pub fn authorize(&self, user: &User, request: &Request) -> Result<(), ApiError> {
        self.authorizer.authorize(user, request)
    }

    /// The answer to a review (`selfsubjectaccessreviews`, `tokenreviews`, ...): the review with its status.
    ///
    /// # Errors
    /// A review that asks nothing clear.
    pub fn review(&self, resource: &str, user: &User, namespace: &str, review: &Value) -> Result<Value, ApiError> {
        let reviews = Reviews { authorizer: &self.authorizer, tokens: &self.tokens };
        reviews.answer(resource, user, namespace, review)
    }

    /// Whether this write may be made, beyond what roles say: nodes write only what is theirs, and nobody gives away more than
    /// they have. Asked with the object as it would be stored.
    ///
    /// # Errors
    /// 403 with what is not allowed.
    pub fn admit(&self, write: &Write<'_>) -> Result<(), ApiError> {
        node_restriction(&self.store, write)?;
        escalation::check(&self.authorizer, write)
    }
}

fn made(mut object: Value, now: Timestamp) -> Value {
    object["metadata"]["uid"] = json!(Uuid::new_v4().to_string());
    object["metadata"]["creationTimestamp"] = json!(now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    object
}

#[cfg(test)]
mod tests {
    use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

    use super::*;
    use crate::access::ResourceRequest;
    use crate::security::certificates::Client;
    use crate::security::follow::SERVICE_ACCOUNTS;
    use crate::security::testing::{account, put, store};

    async fn security() -> (Security, tempfile::TempDir) {
        let (store, folder) = store();
        put(&store, SERVICE_ACCOUNTS, account("n", "robot")).await;
        let security = Security::open(folder.path(), store, Arc::new(Timestamp::now)).unwrap();
        security.store_roles(Timestamp::now()).await.unwrap();
        (security, folder)
    }

    fn headers(all: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        all.iter().map(pair).collect()
    }

    fn list_secrets() -> Request {
        Request::Resource(ResourceRequest {
            verb: "list".to_owned(),
            resource: "secrets".to_owned(),
            namespace: "n".to_owned(),
            ..ResourceRequest::default()
        })
    }

    #[tokio::test]
    async fn the_admin_may_do_all_a_token_its_account_s_part_and_a_bad_token_nothing() {
        let (security, _folder) = security().await;
        let (mut chain, _) = security.certificates.client(&Client::Admin).unwrap().for_tls();
        let shown = PeerCertificate::new(chain.remove(0));
        let admin = security.authenticate(Some(&shown), &headers(&[])).unwrap();
        assert_eq!(security.authorize(&admin.user, &list_secrets()), Ok(()));
        let made = security.tokens.request("n", "robot", &json!({"spec": {"audiences": []}})).unwrap();
        let bearer = format!("Bearer {}", made["status"]["token"].as_str().unwrap());
        let robot = security.authenticate(None, &headers(&[(AUTHORIZATION.as_str(), &bearer)])).unwrap();
        assert_eq!(security.authorize(&robot.user, &list_secrets()).unwrap_err().code(), 403);
        let path = Request::Path { verb: "get".to_owned(), path: "/apis".to_owned() };
        assert_eq!(security.authorize(&robot.user, &path), Ok(()));
        let bad = security.authenticate(None, &headers(&[(AUTHORIZATION.as_str(), "Bearer bad")])).unwrap_err();
        assert_eq!((bad.code(), bad.status().message.as_deref()), (401, Some("Unauthorized")));
    }

    #[tokio::test]
    async fn only_who_may_impersonates_others() {
        let (security, _folder) = security().await;
        let (mut chain, _) = security.certificates.client(&Client::Admin).unwrap().for_tls();
        let shown = PeerCertificate::new(chain.remove(0));
        let as_ann = headers(&[("Impersonate-User", "ann"), ("Impersonate-Group", "dev")]);
        let caller = security.authenticate(Some(&shown), &as_ann).unwrap();
        assert_eq!((caller.user.name.as_str(), caller.impersonated_by.as_deref()), ("ann", Some("kubernetes-admin")));
        assert_eq!(security.authorize(&caller.user, &list_secrets()).unwrap_err().code(), 403);
        let (mut chain, _) = security.certificates.client(&Client::Controllers).unwrap().for_tls();
        let shown = PeerCertificate::new(chain.remove(0));
        let refused = security.authenticate(Some(&shown), &as_ann).unwrap_err();
        assert_eq!(
            refused.status().message.as_deref(),
            Some(
                "users \"ann\" is forbidden: User \"system:reprise-controllers\" cannot impersonate resource \"users\" in API group \
                 \"\" at the cluster scope"
            )
        );
        assert_eq!(security.authenticate(None, &as_ann).unwrap_err().code(), 403);
    }

    #[tokio::test]
    async fn a_restart_stores_no_role_again() {
        let (security, _folder) = security().await;
        let before = security.store.revision();
        security.store_roles(Timestamp::now()).await.unwrap();
        assert_eq!(security.store.revision(), before);
    }
}
