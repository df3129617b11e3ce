//! `serviceaccounts/token`: a new token.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use uuid::Uuid;

use super::claims::{Bound, Claims, Private};
use super::{ISSUER, Tokens, jwt};
use crate::security::follow::{SERVICE_ACCOUNTS, get};
use crate::status::ApiError;

/// How long a token is good if nobody says otherwise, in seconds.
const DEFAULT_SECONDS: i64 = 3600;
/// The least and the most that one may ask for (Kubernetes' own limits).
const LEAST_SECONDS: i64 = 600;
const MOST_SECONDS: i64 = 1 << 32;

impl Tokens {
    /// Answers a `TokenRequest` for an account.
    ///
    /// # Errors
    /// An account or bound object that is not there, and times that can't be.
    pub fn request(&self, namespace: &str, account: &str, request: &Value) -> Result<Value, ApiError> {
        let mut request: TokenRequest = serde::Deserialize::deserialize(request)
            .map_err(|error| ApiError::bad_request(format!("TokenRequest can't be read: {error}")))?;
        let kept = get(&self.store, SERVICE_ACCOUNTS, namespace, account);
        let kept = kept.ok_or_else(|| ApiError::not_found("", SERVICE_ACCOUNTS, account))?;
        let spec = request.spec.get_or_insert_default();
        check_seconds(spec.expiration_seconds)?;
        let seconds = *spec.expiration_seconds.get_or_insert(DEFAULT_SECONDS);
        let audiences = spec.audiences.get_or_insert_default();
        if audiences.is_empty() {
            audiences.push(ISSUER.to_owned());
        }
        let audiences = audiences.clone();
        let uid = kept["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let serviceaccount = Bound { name: account.to_owned(), uid };
        let namespace = namespace.to_owned();
        let mut private = Private { namespace, node: None, pod: None, secret: None, serviceaccount };
        if let Some(bound) = &spec.bound_object_ref {
            self.bind(&mut private, bound)?;
        }
        let now = (self.now)();
        let (token, expires) = self.token(private, audiences, seconds, now)?;
        request.metadata.name = Some(account.to_owned());
        request.metadata.namespace = kept["metadata"]["namespace"].as_str().map(str::to_owned);
        request.metadata.creation_timestamp = Some(Time(now));
        request.status = Some(TokenRequestStatus { expiration_timestamp: Some(Time(expires)), token: Some(token) });
        Ok(json!(request))
    }

    fn token(
        &self,
        kubernetes: Private,
        aud: Vec<String>,
        seconds: i64,
        now: Timestamp,
    ) -> Result<(String, Timestamp), ApiError> {
        let expires = now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
        let claims = Claims {
            aud,
            exp: expires.as_second(),
            iat: now.as_second(),
            iss: ISSUER.to_owned(),
            jti: Uuid::new_v4().to_string(),
            nbf: now.as_second(),
            sub: format!("system:serviceaccount:{}:{}", kubernetes.namespace, kubernetes.serviceaccount.name),
            kubernetes,
        };
        let token = jwt::signed(&self.key, &claims).ok_or_else(|| ApiError::internal("the token can't be signed"))?;
        Ok((token, expires))
    }

    /// `/.well-known/openid-configuration`: how others can check tokens.
    #[must_use]
    pub fn openid_configuration(&self, server: &str) -> Value {
        json!({
            "issuer": ISSUER,
            "jwks_uri": format!("{server}/openid/v1/jwks"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }

    /// `/openid/v1/jwks`: the key that others can check tokens with.
    #[must_use]
    pub fn public_keys(&self) -> Value {
        json!({"keys": [self.key.public()]})
    }
}

fn check_seconds(seconds: Option<i64>) -> Result<(), ApiError> {
    let why = match seconds {
        Some(seconds) if seconds < LEAST_SECONDS => "may not specify a duration less than 10 minutes",
        Some(seconds) if seconds > MOST_SECONDS => "may not specify a duration larger than 2^32 seconds",
        _ => return Ok(()),
    };
    let text = format!("Invalid value: {}: {why}", seconds.unwrap_or_default());
    let field = "spec.expirationSeconds";
    let message = format!("TokenRequest.authentication.k8s.io \"\" is invalid: {field}: {text}");
    let error = ApiError::new(422, "Invalid", message).about("authentication.k8s.io", "TokenRequest", "");
    Err(error.because("FieldValueInvalid", &text, field))
}
