//! One host, asked about one image.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Request, Response, StatusCode, Url};
use tokio::sync::Mutex;

use super::challenge::Challenge;
use super::credentials::{Credentials, Logins};
use super::refusal::Asked;
use super::token::{Wanted, basic, bearer};
use crate::error::{Error, Result};
use crate::hosts::HostConfig;
use crate::reference::{Reference, is_loopback};

/// Between two pieces of data, not for a whole layer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const AGENT: &str = concat!("reprise/", env!("CARGO_PKG_VERSION"));

/// A host that may have the image.
pub(super) struct Host {
    /// Its place in the order: the registry itself is last.
    pub place: usize,
    /// `host[:port]`, as errors call it.
    name: String,
    config: HostConfig,
    repository: String,
    /// The registry whose images are wanted, if this is another host.
    namespace: Option<String>,
    client: Client,
    credentials: Option<Credentials>,
    /// What let the last request in.
    authorization: Mutex<Option<HeaderValue>>,
    /// Whether it could not be reached.
    silent: AtomicBool,
}

impl Host {
    pub(super) fn new(place: usize, config: HostConfig, reference: &Reference, logins: &Logins) -> Result<Self> {
        let authority = config.base.authority().to_owned();
        let name = if config.is_registry { reference.registry().to_owned() } else { authority };
        let credentials = logins.credentials(reference, &name, config.is_registry)?;
        let authorization = match &credentials {
            Some(Credentials::Token(token)) => Some(bearer(token).ok_or_else(|| Error::InvalidCredentials {
                reference: reference.to_string(),
                reason: "the registry token holds what a header cannot",
            })?),
            _ => None,
        };
        Ok(Self {
            place,
            client: client(&config)?,
            repository: reference.repository().to_owned(),
            namespace: (!config.is_registry).then(|| reference.registry().to_owned()),
            authorization: Mutex::new(authorization),
            silent: AtomicBool::new(false),
            name,
            config,
            credentials,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it may say what a tag stands for.
    pub(super) fn resolves(&self) -> bool {
        self.config.resolve
    }

    /// Whether content may come from it.
    pub(super) fn pulls(&self) -> bool {
        self.config.pull
    }

    /// Whether it could not be reached before, in this pull.
    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// Notes what became of a request: a host that takes its time to be unreachable is asked last from then on.
    pub(super) fn note(&self, error: &Error) {
        if matches!(error, Error::Unreachable { .. }) {
            self.silent.store(true, Ordering::Relaxed);
        }
    }

    /// Whom it asks for `what`, for errors.
    pub(super) fn asked<'a>(&'a self, what: &'a str) -> Asked<'a> {
        Asked { host: &self.name, what, with_credentials: self.credentials.is_some() }
    }

    /// A document or blob of the repository: `kind` is `manifests` or `blobs`. Logs in if the host asks for it.
    pub(super) async fn get(&self, kind: &str, version: &str, accept: &str, what: &str) -> Result<Response> {
        let asked = self.asked(what);
        let url = self.url(kind, version);
        let known = self.authorization.lock().await.clone();
        let mut response = self.send(&url, accept, known.as_ref(), &asked).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(challenge) = Challenge::of(response.headers())
            && let Some(header) = self.log_in(&challenge, known.as_ref(), &asked).await?
        {
            response = self.send(&url, accept, Some(&header), &asked).await?;
        }
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        Err(asked.refused(response).await)
    }

    /// Something of another place, without what lets in here.
    pub(super) async fn get_elsewhere(&self, url: Url, what: &str) -> Result<Response> {
        let asked = self.asked(what);
        let response = self.client.execute(Request::new(reqwest::Method::GET, url)).await;
        let response = response.map_err(|e| asked.unreachable(e))?;
        if response.status() == StatusCode::OK { Ok(response) } else { Err(asked.refused(response).await) }
    }

    fn url(&self, kind: &str, version: &str) -> Url {
        let mut url = self.config.base.clone();
        url.set_path(&format!("{}/{}/{kind}/{version}", url.path().trim_end_matches('/'), self.repository));
        if let Some(namespace) = &self.namespace {
            url.query_pairs_mut().append_pair("ns", namespace);
        }
        url
    }

    async fn send(
        &self,
        url: &Url,
        accept: &str,
        authorization: Option<&HeaderValue>,
        asked: &Asked<'_>,
    ) -> Result<Response> {
        let mut request = self.client.get(url.clone()).header(ACCEPT, accept).headers(self.config.headers.clone());
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.send().await.map_err(|e| asked.unreachable(e))
    }

    /// What lets the next request in, if there is anything. `refused` did not.
    async fn log_in(
        &self,
        challenge: &Challenge,
        refused: Option<&HeaderValue>,
        asked: &Asked<'_>,
    ) -> Result<Option<HeaderValue>> {
        let mut authorization = self.authorization.lock().await;
        // Another layer's request may have logged in meanwhile.
        if authorization.as_ref() != refused {
            return Ok(authorization.clone());
        }
        let header = match (challenge, &self.credentials) {
            (_, Some(Credentials::Token(_))) => return Ok(None),
            (Challenge::Basic, Some(Credentials::Basic { username, password })) => {
                Some(basic(username, password)).flatten().filter(|header| Some(header) != refused)
            }
            (Challenge::Basic, _) => None,
            (Challenge::Bearer { realm, service, scope }, credentials) => {
                let own = format!("repository:{}:pull", self.repository);
                let scope = scope.as_deref().unwrap_or(&own);
                let wanted = Wanted { base: &self.config.base, realm, service: service.as_deref(), scope };
                Some(wanted.fetch(&self.client, credentials.as_ref(), asked).await?)
            }
        };
        authorization.clone_from(&header);
        Ok(header)
    }
}

fn client(config: &HostConfig) -> Result<Client> {
    // Fails only if a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(AGENT)
        .connect_timeout(config.connect_timeout)
        .read_timeout(READ_TIMEOUT)
        .tls_danger_accept_invalid_certs(config.skip_verify);
    if is_loopback(config.base.host_str().unwrap_or_default()) {
        // A proxy cannot reach this machine's loopback.
        builder = builder.no_proxy();
    }
    builder = trust(builder, &config.ca)?;
    builder = show(builder, &config.client)?;
    builder.build().map_err(|source| Error::Client { source })
}

fn trust(builder: ClientBuilder, files: &[PathBuf]) -> Result<ClientBuilder> {
    let mut trusted = Vec::new();
    for path in files {
        let text = fs::read(path).map_err(|e| Error::io("read the certificate", path, e))?;
        let found = Certificate::from_pem_bundle(&text).ok().filter(|found| !found.is_empty());
        trusted.extend(found.ok_or_else(|| Error::RegistryConfig {
            path: path.clone(),
            reason: "it holds no PEM certificate".to_owned(),
        })?);
    }
    Ok(builder.tls_certs_merge(trusted))
}

fn show(builder: ClientBuilder, files: &[PathBuf]) -> Result<ClientBuilder> {
    let Some(certificate) = files.first() else { return Ok(builder) };
    let mut text = Vec::new();
    for path in files {
        text.extend(fs::read(path).map_err(|e| Error::io("read the certificate", path, e))?);
        text.push(b'\n');
    }
    let identity = Identity::from_pem(&text).map_err(|_| Error::RegistryConfig {
        path: certificate.clone(),
        reason: "it holds no PEM certificate with its key".to_owned(),
    })?;
    Ok(builder.identity(identity))
}
