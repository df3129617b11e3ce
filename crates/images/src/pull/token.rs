//! Getting a token from the server that a registry names.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, Request, Url};
use serde::Deserialize;

use super::body;
use super::credentials::Credentials;
use super::refusal::Asked;
use crate::error::Result;

const ANSWER_MAX: u64 = 1 << 20;
const CLIENT: &str = "reprise";

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

/// What a token is asked for.
pub(super) struct Wanted<'a> {
    /// The registry's own address: where it speaks TLS, secrets do not go out without.
    pub base: &'a Url,
    pub realm: &'a str,
    pub service: Option<&'a str>,
    pub scope: &'a str,
}

impl Wanted<'_> {
    /// The header that lets in.
    pub(super) async fn fetch(
        &self,
        client: &Client,
        credentials: Option<&Credentials>,
        asked: &Asked<'_>,
    ) -> Result<HeaderValue> {
        let realm = Url::parse(self.realm).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let realm = realm.ok_or_else(|| asked.odd("its token server has no valid address"))?;
        let in_clear = self.base.scheme() == "https" && realm.scheme() != "https";
        if in_clear && credentials.is_some() {
            return Err(asked.odd("it wants credentials sent to its token server without encryption"));
        }
        let request = self.request(realm, credentials).ok_or_else(|| asked.odd("credentials that cannot be sent"))?;
        let response = client.execute(request).await.map_err(|e| asked.unreachable(e))?;
        match response.status().as_u16() {
            200 => {}
            400..=403 => return Err(asked.unauthorized()),
            _ => return Err(asked.refused(response).await),
        }
        let text = body::read(response, ANSWER_MAX).await.map_err(|e| asked.unreachable(e))?;
        let answer: Option<Answer> = text.and_then(|text| serde_json::from_slice(&text).ok());
        let token = answer.and_then(|answer| answer.token.or(answer.access_token)).unwrap_or_default();
        bearer(&token).filter(|_| !token.is_empty()).ok_or_else(|| asked.odd("its token server gave no token"))
    }

    fn request(&self, mut url: Url, credentials: Option<&Credentials>) -> Option<Request> {
        let mut fields = vec![("scope", self.scope)];
        fields.extend(self.service.map(|service| ("service", service)));
        if let Some(Credentials::IdentityToken(token)) = credentials {
            fields.extend([("grant_type", "refresh_token"), ("client_id", CLIENT), ("refresh_token", token)]);
            return Some(form(url, &fields));
        }
        url.query_pairs_mut().extend_pairs(fields);
        let mut request = Request::new(Method::GET, url);
        if let Some(Credentials::Basic { username, password }) = credentials {
            request.headers_mut().insert(AUTHORIZATION, basic(username, password)?);
        }
        Some(request)
    }
}

/// OAuth 2 wants its fields in the body.
fn form(url: Url, fields: &[(&str, &str)]) -> Request {
    let mut encoded = url.clone();
    encoded.query_pairs_mut().clear().extend_pairs(fields);
    let mut request = Request::new(Method::POST, url);
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    *request.body_mut() = Some(encoded.query().unwrap_or_default().to_owned().into());
    request
}

/// `None` if it holds what a header cannot.
pub(super) fn bearer(token: &str) -> Option<HeaderValue> {
    secret(&format!("Bearer {token}"))
}

/// `None` if it holds what a header cannot.
pub(super) fn basic(username: &str, password: &str) -> Option<HeaderValue> {
    secret(&format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
}

fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
