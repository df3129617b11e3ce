//! Talking to one registry about one image.

use std::time::Duration;

use futures::TryStreamExt;
use oci_client::client::{Client, ClientConfig, ClientProtocol};
use oci_client::errors::{DigestError, OciDistributionError, OciErrorCode};
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
    OciDescriptor,
};
use oci_client::secrets::RegistryAuth;
use oci_client::{Reference as OciReference, RegistryOperation};

use super::credentials::Credentials;
use crate::Digest;
use crate::error::{Error, Result};
use crate::manifest::{DOCUMENT_MAX, Descriptor};
use crate::reference::{Reference, Version};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Between two pieces of data, not for a whole layer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const MANIFEST_TYPES: [&str; 4] =
    [OCI_IMAGE_INDEX_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE];

/// A registry, asked about one image.
pub(super) struct Registry {
    client: Client,
    reference: Reference,
    auth: RegistryAuth,
}

/// The bytes of a blob as they come.
pub(super) type BlobStream = futures::stream::BoxStream<'static, std::io::Result<bytes::Bytes>>;

impl Registry {
    /// Logs in where the registry asks for it.
    pub(super) async fn connect(reference: &Reference, credentials: Option<Credentials>) -> Result<Self> {
        // Fails only if a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::try_from(client_config(reference)).map_err(|e| Error::Client { source: Box::new(e) })?;
        let auth = match credentials {
            None => RegistryAuth::Anonymous,
            Some(Credentials::Basic { username, password }) => RegistryAuth::Basic(username, password),
            Some(Credentials::Token(token)) => RegistryAuth::Bearer(token),
        };
        let registry = Self { client, reference: reference.clone(), auth };
        let image = registry.address(reference);
        let login = registry.client.auth(&image, &registry.auth, RegistryOperation::Pull).await;
        login.map_err(|e| registry.error(&reference.to_string(), e))?;
        Ok(registry)
    }

    /// The manifest or index at `reference` and its digest, which is proven.
    pub(super) async fn manifest(&self, reference: &Reference) -> Result<(Vec<u8>, Digest)> {
        let what = reference.to_string();
        let pulled = self.client.pull_manifest_raw(&self.address(reference), &self.auth, &MANIFEST_TYPES).await;
        let (text, _) = pulled.map_err(|e| self.error(&what, e))?;
        let actual = Digest::of(&text);
        match reference.version() {
            Version::Digest(expected) if *expected != actual => {
                Err(Error::DigestMismatch { what, expected: expected.clone(), actual })
            }
            _ => Ok((text.to_vec(), actual)),
        }
    }

    /// A small blob as a whole, proven.
    pub(super) async fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let mut stream = self.blob(descriptor).await?;
        let mut text = Vec::new();
        while let Some(piece) = stream.try_next().await.map_err(|e| self.stream_error(descriptor, e))? {
            text.extend_from_slice(&piece);
            if text.len() as u64 > DOCUMENT_MAX {
                let reason = format!("its configuration is longer than {DOCUMENT_MAX} bytes");
                return Err(Error::InvalidImage { what: self.reference.to_string(), reason });
            }
        }
        Ok(text)
    }

    /// A blob's bytes. The stream ends with an error if they do not have the blob's digest.
    pub(super) async fn blob(&self, descriptor: &Descriptor) -> Result<BlobStream> {
        let blob = OciDescriptor {
            digest: descriptor.digest.to_string(),
            media_type: descriptor.media_type.clone(),
            size: i64::try_from(descriptor.size).unwrap_or(i64::MAX),
            urls: descriptor.urls.clone(),
            ..OciDescriptor::default()
        };
        let pulled = self.client.pull_blob_stream(&self.address(&self.reference), &blob).await;
        let stream = pulled.map_err(|e| self.error(&format!("{} of {}", descriptor.digest, self.reference), e))?;
        Ok(stream.stream)
    }

    /// What an error in the middle of a blob means.
    pub(super) fn stream_error(&self, descriptor: &Descriptor, error: std::io::Error) -> Error {
        if let Some(DigestError::VerificationError { actual, .. }) = error.get_ref().and_then(|e| e.downcast_ref())
            && let Some(actual) = Digest::parse(actual)
        {
            let what = format!("a layer of {}", self.reference);
            return Error::DigestMismatch { what, expected: descriptor.digest.clone(), actual };
        }
        Error::Unreachable { registry: self.reference.registry().to_owned(), source: Box::new(error) }
    }

    fn address(&self, reference: &Reference) -> OciReference {
        let (registry, repository) = (reference.registry().to_owned(), reference.repository().to_owned());
        match reference.version() {
            Version::Tag(tag) => OciReference::with_tag(registry, repository, tag.clone()),
            Version::Digest(digest) => OciReference::with_digest(registry, repository, digest.to_string()),
        }
    }

    /// What the client's error means for the image or blob `what`.
    fn error(&self, what: &str, error: OciDistributionError) -> Error {
        let (reference, registry) = (what.to_owned(), self.reference.registry().to_owned());
        match error {
            OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
                self.unauthorized(what)
            }
            OciDistributionError::ImageManifestNotFoundError(_) => Error::NotFound { reference },
            OciDistributionError::RegistryError { envelope, .. } => {
                match envelope.errors.first().map(|error| &error.code) {
                    Some(code) if is_missing(code) => Error::NotFound { reference },
                    Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => self.unauthorized(what),
                    Some(OciErrorCode::Toomanyrequests) => Error::TooManyRequests { registry },
                    _ => Error::Registry { registry, reference, message: envelope.to_string() },
                }
            }
            OciDistributionError::ServerError { code: 404, .. } => Error::NotFound { reference },
            OciDistributionError::ServerError { code: 401 | 403, .. } => self.unauthorized(what),
            OciDistributionError::ServerError { code: 429, .. } => Error::TooManyRequests { registry },
            OciDistributionError::ServerError { code, message, .. } => {
                let message = message.lines().next().unwrap_or_default();
                Error::Registry { registry, reference, message: format!("status {code}: {message}") }
            }
            OciDistributionError::DigestError(DigestError::VerificationError { expected, actual }) => {
                match (Digest::parse(&expected), Digest::parse(&actual)) {
                    (Some(expected), Some(actual)) => Error::DigestMismatch { what: reference, expected, actual },
                    _ => Error::Registry { registry, reference, message: "digest is not SHA-256".to_owned() },
                }
            }
            OciDistributionError::RequestError(source) => Error::Unreachable { registry, source: Box::new(source) },
            OciDistributionError::IoError(source) => Error::Unreachable { registry, source: Box::new(source) },
            other => Error::Registry { registry, reference, message: other.to_string() },
        }
    }

    fn unauthorized(&self, what: &str) -> Error {
        let hint = match self.auth {
            RegistryAuth::Anonymous => "it does not exist or needs a login, and no credentials were given",
            _ => "it does not exist, or the credentials are wrong or not sufficient",
        };
        Error::Unauthorized { reference: what.to_owned(), registry: self.reference.registry().to_owned(), hint }
    }
}

fn is_missing(code: &OciErrorCode) -> bool {
    matches!(
        code,
        OciErrorCode::ManifestUnknown
            | OciErrorCode::NameUnknown
            | OciErrorCode::NotFound
            | OciErrorCode::BlobUnknown
            | OciErrorCode::ManifestBlobUnknown
    )
}

fn client_config(reference: &Reference) -> ClientConfig {
    let mut config = ClientConfig {
        connect_timeout: Some(CONNECT_TIMEOUT),
        read_timeout: Some(READ_TIMEOUT),
        user_agent: concat!("reprise/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    };
    if reference.is_loopback() {
        config.protocol = ClientProtocol::HttpsExcept(vec![reference.registry().to_owned()]);
        // A proxy cannot reach this machine's loopback, but the client takes proxies from the
        // environment unless it is given one: so it is given one that these hosts are exempt from.
        config.http_proxy = Some("http://127.0.0.1:9".to_owned());
        config.no_proxy = Some("localhost,127.0.0.0/8,::1".to_owned());
    }
    config
}
