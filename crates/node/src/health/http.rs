//! httpGet: passes if the answer's status is 200 to 399. Certificates are not checked, as in Kubernetes.

use std::time::Duration;

use k8s_openapi::api::core::v1::HTTPGetAction;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, ClientBuilder, Proxy, Response, Url};

use super::target::host_port;
use super::tried::Tried;
use super::words;
use crate::error::NodeError;

/// How many redirects are followed.
const MOST_REDIRECTS: usize = 10;

/// A request that can be made.
#[derive(Debug, Clone)]
pub(super) struct Get {
    url: Url,
    headers: HeaderMap,
}

/// The client of all HTTP probes and hooks. Clones share its connections.
#[derive(Debug, Clone)]
pub struct ProbeClient(Client);

impl ProbeClient {
    /// Asks Pods at their addresses. Each request has a connection of its own.
    ///
    /// # Errors
    /// If the client can't be made.
    pub fn direct() -> Result<Self, NodeError> {
        Self::built(Client::builder().no_proxy().pool_max_idle_per_host(0))
    }

    /// Asks the HTTP proxy at `url`, which knows the Pods' addresses.
    ///
    /// # Errors
    /// If the address is none, or the client can't be made.
    pub fn through_proxy(url: &str) -> Result<Self, NodeError> {
        let proxy = Proxy::http(url).map_err(|source| NodeError::HttpClient { source })?;
        Self::built(Client::builder().no_proxy().proxy(proxy))
    }

    fn built(builder: ClientBuilder) -> Result<Self, NodeError> {
        // Fails only if a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = builder.tls_danger_accept_invalid_certs(true).redirect(Policy::custom(redirect)).http1_only();
        builder.build().map(Self).map_err(|source| NodeError::HttpClient { source })
    }

    pub(crate) fn inner(&self) -> &Client {
        &self.0
    }
}

/// A redirect to another host is an answer in itself.
fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let first_host = attempt.previous().first().and_then(|url| url.host_str());
    if attempt.url().host_str() != first_host {
        return attempt.stop();
    }
    if attempt.previous().len() >= MOST_REDIRECTS {
        return attempt.error(format!("stopped after {MOST_REDIRECTS} redirects"));
    }
    attempt.follow()
}

/// What is to be asked for. The error is a sentence.
pub(super) fn request(host: &str, port: u16, action: &HTTPGetAction, user_agent: &str) -> Result<Get, String> {
    let host = host_port(host, port);
    let scheme = action.scheme.as_deref().filter(|s| !s.is_empty()).unwrap_or("HTTP").to_lowercase();
    let path = action.path.as_deref().unwrap_or_default();
    let slash = if path.starts_with('/') { "" } else { "/" };
    let text = format!("{scheme}://{host}{slash}{path}");
    let url = Url::parse(&text).map_err(|error| format!("parse {text:?}: {error}"))?;
    Ok(Get { url, headers: headers(action, user_agent)? })
}

/// The headers that the Pod names. `Host` among them replaces the address, and an empty `User-Agent` sends none.
fn headers(action: &HTTPGetAction, user_agent: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for header in action.http_headers.iter().flatten() {
        let invalid = |_| format!("invalid header {:?}", header.name);
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|e| invalid(e.to_string()))?;
        let value = HeaderValue::from_bytes(header.value.as_bytes()).map_err(|e| invalid(e.to_string()))?;
        headers.append(name, value);
    }
    match headers.get(USER_AGENT).map(HeaderValue::is_empty) {
        Some(true) => drop(headers.remove(USER_AGENT)),
        Some(false) => {}
        None => {
            let value = HeaderValue::from_str(user_agent).map_err(|e| e.to_string())?;
            headers.insert(USER_AGENT, value);
        }
    }
    Ok(headers)
}

pub(super) async fn probe(client: &Client, get: Get, limit: Duration) -> Tried {
    let url = get.url.clone();
    match tokio::time::timeout(limit, fetch(client, get)).await {
        Ok(Ok((status, body))) => judge(status, &body),
        Ok(Err(error)) => Tried::Failed(failure(&url, &error)),
        Err(_) => Tried::Failed(format!(
            "Get {:?}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            url.as_str()
        )),
    }
}

/// Any answer will do for a hook.
pub(super) async fn ask(client: &Client, get: Get) -> Result<(), String> {
    let url = get.url.clone();
    fetch(client, get).await.map(drop).map_err(|error| failure(&url, &error))
}

async fn fetch(client: &Client, get: Get) -> Result<(u16, Vec<u8>), reqwest::Error> {
    let mut response = client.get(get.url).headers(get.headers).send().await?;
    let body = read(&mut response).await?;
    Ok((response.status().as_u16(), body))
}

async fn read(response: &mut Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while body.len() < words::KEPT_OUTPUT
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn judge(status: u16, body: &[u8]) -> Tried {
    match status {
        200..=299 => Tried::Passed,
        300..=399 => Tried::Warned(format!("Probe terminated redirects, Response body: {}", words::output(body))),
        _ => Tried::Failed(format!("HTTP probe failed with statuscode: {status}")),
    }
}

fn failure(url: &Url, error: &reqwest::Error) -> String {
    let cause = words::first_cause(error);
    let dial = match (error.is_connect(), url.host_str(), url.port_or_known_default()) {
        (true, Some(host), Some(port)) => format!("dial tcp {host}:{port}: connect: "),
        _ => String::new(),
    };
    format!("Get {:?}: {dial}{cause}", url.as_str())
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
