//! Which hosts have a registry's images: mirrors, certificates and plain HTTP, as an administrator has set them down.
//!
//! The layout is containerd's, so that a folder written for it serves here too: below the configuration folder each
//! registry has a folder `host_port_` or `host:port`, others share `_default`, and in it is `hosts.toml` or, as
//! for Docker, certificates alone. It is read for every pull: a change needs no restart.

mod certificates;
mod field;
mod file;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderMap;

use crate::error::{Error, Result};
use crate::reference::{DEFAULT_REGISTRY, Reference};

/// Where the images of `docker.io` are.
const DOCKER_HUB: &str = "registry-1.docker.io";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// A host that may have a registry's images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostConfig {
    /// The API's root, such as `https://registry-1.docker.io/v2`.
    pub base: Url,
    /// Whether it is the registry itself, and not a mirror.
    pub is_registry: bool,
    /// Whether content may come from it.
    pub pull: bool,
    /// Whether it is trusted to say what a tag stands for.
    pub resolve: bool,
    /// Whether any certificate will do.
    pub skip_verify: bool,
    /// Files with certificates to be trusted beside the system's.
    pub ca: Vec<PathBuf>,
    /// Files with the certificate and key to show; together they make one.
    pub client: Vec<PathBuf>,
    /// Sent with every request.
    pub headers: HeaderMap,
    /// How long connecting may take.
    pub connect_timeout: Duration,
}

impl HostConfig {
    fn new(base: Url, is_registry: bool) -> Self {
        Self {
            base,
            is_registry,
            pull: true,
            resolve: true,
            skip_verify: false,
            ca: Vec::new(),
            client: Vec::new(),
            headers: HeaderMap::new(),
            connect_timeout: CONNECT_TIMEOUT,
        }
    }

    /// The registry itself, of which nothing is configured. On this machine it is spoken to by plain HTTP, unless
    /// `tls` says that there is something to verify.
    fn registry(reference: &Reference, tls: bool) -> Result<Self> {
        let registry = reference.registry();
        let host = if registry == DEFAULT_REGISTRY { DOCKER_HUB } else { registry };
        let scheme = if reference.is_loopback() && !tls { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{host}/v2"));
        let invalid = |_| Error::InvalidReference {
            reference: reference.to_string(),
            reason: "the registry is not a host name or address with an optional port",
        };
        Ok(Self::new(base.map_err(invalid)?, true))
    }
}

/// The hosts to ask for an image, in this order.
pub(crate) fn hosts(folder: Option<&Path>, reference: &Reference) -> Result<Vec<HostConfig>> {
    let found = match folder {
        Some(folder) => find(folder, reference.registry())?,
        None => None,
    };
    let Some(found) = found else { return Ok(vec![HostConfig::registry(reference, false)?]) };
    let path = found.join("hosts.toml");
    match fs::read_to_string(&path) {
        Ok(text) => file::read(&path, &text, reference),
        Err(error) if error.kind() == io::ErrorKind::NotFound => certificates::read(&found, reference),
        Err(error) => Err(Error::io("read", &path, error)),
    }
}

/// The registry's own folder, or the one for all others.
fn find(folder: &Path, registry: &str) -> Result<Option<PathBuf>> {
    if !folder.is_dir() {
        let reason = "there is no such folder for registries' hosts".to_owned();
        return Err(Error::RegistryConfig { path: folder.to_path_buf(), reason });
    }
    for name in [port_marked(registry).as_str(), registry, "_default"] {
        let path = folder.join(name);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => return Ok(Some(path)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("look at", &path, error)),
        }
    }
    Ok(None)
}

/// `host:port` for file systems that take no colon.
fn port_marked(registry: &str) -> String {
    match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => format!("{host}_{port}_"),
        _ => registry.to_owned(),
    }
}

#[cfg(test)]
mod tests;
