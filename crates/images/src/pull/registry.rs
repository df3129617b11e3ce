//! The hosts of one registry, asked about one image, one after the other.

use std::future::Future;
use std::path::Path;

use super::body::{self, Blob};
use super::credentials::Logins;
use super::host::Host;
use crate::Digest;
use crate::error::{Error, Result};
use crate::hosts::hosts;
use crate::manifest::{DOCUMENT_MAX, Descriptor};
use crate::reference::{Reference, Version};

const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// Who may have an image.
pub(super) struct Registry {
    reference: Reference,
    hosts: Vec<Host>,
}

impl Registry {
    /// The hosts for `reference` as `folder` configures them. Nobody is asked yet.
    pub(super) fn open(folder: Option<&Path>, reference: &Reference, logins: &Logins) -> Result<Self> {
        let configured = hosts(folder, reference)?.into_iter().enumerate();
        let hosts =
            configured.map(|(place, config)| Host::new(place, config, reference, logins)).collect::<Result<_>>()?;
        Ok(Self { reference: reference.clone(), hosts })
    }

    /// How many hosts may have the layers.
    pub(super) fn sources(&self) -> usize {
        self.hosts.iter().filter(|host| host.pulls()).count()
    }

    /// The manifest or index at `reference` and its digest, which is proven.
    pub(super) async fn manifest(&self, reference: &Reference) -> Result<(Vec<u8>, Digest)> {
        let what = reference.to_string();
        let (asked, version) = match reference.version() {
            Version::Tag(tag) => (self.those(Host::resolves), tag.as_str()),
            Version::Digest(digest) => (self.those(Host::pulls), digest.as_str()),
        };
        first(&what, asked, async |host| {
            let response = host.get("manifests", version, MANIFEST_TYPES, &what).await?;
            let text = body::read(response, DOCUMENT_MAX).await.map_err(|e| host.asked(&what).unreachable(e))?;
            let text = text.ok_or_else(|| Error::InvalidImage {
                what: what.clone(),
                reason: format!("its manifest is longer than {DOCUMENT_MAX} bytes"),
            })?;
            let actual = Digest::of(&text);
            match reference.version() {
                Version::Digest(expected) if *expected != actual => {
                    Err(Error::DigestMismatch { what: what.clone(), expected: expected.clone(), actual })
                }
                _ => Ok((text, actual)),
            }
        })
        .await
    }

    /// A small blob as a whole, proven.
    pub(super) async fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        if descriptor.size > DOCUMENT_MAX {
            let reason = format!("its configuration is longer than {DOCUMENT_MAX} bytes");
            return Err(Error::InvalidImage { what: self.reference.to_string(), reason });
        }
        let what = self.part(descriptor);
        first(&what, self.those(Host::pulls), async |host| {
            let mut blob = get_blob(host, descriptor, &what).await?;
            let mut text = Vec::new();
            while let Some(piece) = blob.next().await? {
                text.extend_from_slice(&piece);
            }
            Ok(text)
        })
        .await
    }

    /// A layer's bytes from the first host that has it, or for another `attempt` from the one after that.
    pub(super) async fn blob(&self, descriptor: &Descriptor, attempt: u32) -> Result<Blob> {
        let what = self.part(descriptor);
        let mut asked = self.those(Host::pulls);
        let start = usize::try_from(attempt).unwrap_or_default().saturating_sub(1) % asked.len().max(1);
        asked.rotate_left(start);
        let last = asked.last().copied();
        let failed = match first(&what, asked, async |host| get_blob(host, descriptor, &what).await).await {
            Err(error) if matches!(error.decisive(), Error::NotFound { .. }) => error,
            done => return done,
        };
        // Foreign layers are not in any registry.
        for url in descriptor.urls.iter().flatten().filter_map(|url| reqwest::Url::parse(url).ok()) {
            let is_web = matches!(url.scheme(), "http" | "https");
            if let Some(host) = last.filter(|_| is_web)
                && let Ok(response) = host.get_elsewhere(url, &what).await
            {
                return Ok(Blob::new(response, host.name(), what, descriptor));
            }
        }
        Err(failed)
    }

    fn those(&self, may: fn(&Host) -> bool) -> Vec<&Host> {
        let mut those: Vec<&Host> = self.hosts.iter().filter(|host| may(host)).collect();
        those.sort_by_key(|host| host.is_silent());
        those
    }

    fn part(&self, descriptor: &Descriptor) -> String {
        format!("{} of {}", descriptor.digest, self.reference)
    }
}

async fn get_blob(host: &Host, descriptor: &Descriptor, what: &str) -> Result<Blob> {
    let response = host.get("blobs", descriptor.digest.as_str(), "*/*", what).await?;
    Ok(Blob::new(response, host.name(), what.to_owned(), descriptor))
}

/// Asks one host after the other until one gives what is asked for.
async fn first<'a, T, F>(what: &str, hosts: Vec<&'a Host>, ask: impl Fn(&'a Host) -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let count = hosts.len();
    let mut tried = Vec::new();
    for host in hosts {
        match ask(host).await {
            Ok(found) => return Ok(found),
            Err(error) if count == 1 || !error.is_of_host() => return Err(error),
            Err(error) => {
                host.note(&error);
                tracing::debug!(host = host.name(), what, %error, "a host is passed over");
                tried.push((host, error));
            }
        }
    }
    let reference = what.to_owned();
    tried.sort_by_key(|(host, _)| host.place);
    let Some((last, source)) = tried.pop() else {
        return Err(Error::NoCapableHost { reference });
    };
    let passed = tried.iter().map(|(host, error)| format!("{} ({error})", host.name()));
    let tried = passed.chain([last.name().to_owned()]).collect::<Vec<_>>().join(", ");
    Err(Error::NoHost { reference, tried, source: Box::new(source) })
}
