//! Image references, normalised as Docker does: `busybox` means `docker.io/library/busybox:latest`.
//!
//! Own code because registries on IPv6 literals (`[::1]:5000/app`) must work too. The grammar is
//! that of the distribution project's reference format.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::digest::Digest;
use crate::error::{Error, Result};

pub(crate) const DEFAULT_REGISTRY: &str = "docker.io";
const DEFAULT_TAG: &str = "latest";
const NAME_MAX: usize = 255;

/// A normalised image reference. With a digest, the tag says nothing and is dropped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    version: Version,
}

/// What a reference points at within its repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// A name that can move.
    Tag(String),
    /// One manifest for ever.
    Digest(Digest),
}

impl Reference {
    /// Reads a reference as users write it.
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(text).map_err(|reason| Error::InvalidReference { reference: text.to_owned(), reason })
    }

    fn read(text: &str) -> std::result::Result<Self, &'static str> {
        if text.is_empty() {
            return Err("it is empty");
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                (rest, Some(Digest::parse(digest).ok_or("the digest must be sha256 with 64 lower-case hex digits")?))
            }
            None => (text, None),
        };
        let (registry, remainder) = split_registry(rest);
        let (path, tag) = match remainder.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (remainder, None),
        };
        check_registry(&registry)?;
        check_repository(path)?;
        if let Some(tag) = tag {
            check_tag(tag)?;
        }
        if registry == DEFAULT_REGISTRY && Digest::from_hex(path).is_some() {
            return Err("64 hex digits are an image id, not a name");
        }
        let repository = if registry == DEFAULT_REGISTRY && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        if registry.len() + 1 + repository.len() > NAME_MAX {
            return Err("the name is longer than 255 characters");
        }
        let version = match digest {
            Some(digest) => Version::Digest(digest),
            None => Version::Tag(tag.unwrap_or(DEFAULT_TAG).to_owned()),
        };
        Ok(Self { registry, repository, version })
    }

    /// Registry host, with its port if it has one.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Repository within the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Tag or digest.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Registry and repository, without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The same repository at `digest`.
    pub fn at(&self, digest: Digest) -> Self {
        Self { version: Version::Digest(digest), ..self.clone() }
    }

    /// The same repository at `tag`, if that is a tag.
    pub fn tagged(&self, tag: &str) -> Result<Self> {
        check_tag(tag)
            .map_err(|reason| Error::InvalidReference { reference: format!("{}:{tag}", self.name()), reason })?;
        Ok(Self { version: Version::Tag(tag.to_owned()), ..self.clone() })
    }

    /// Whether the registry is on this machine: such ones are spoken to without TLS.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.registry)
    }
}

/// Whether a host, with or without port, is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host_of(host);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The registry that a host speaks for: Docker's has several names.
pub(crate) fn canonical(host: &str) -> &str {
    match host {
        "index.docker.io" | "registry-1.docker.io" => DEFAULT_REGISTRY,
        host => host,
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Version::Tag(tag) => write!(f, "{}/{}:{tag}", self.registry, self.repository),
            Version::Digest(digest) => write!(f, "{}/{}@{digest}", self.registry, self.repository),
        }
    }
}

/// The first component is a registry only if it cannot be a repository of the default one.
fn split_registry(text: &str) -> (String, &str) {
    match text.split_once('/') {
        Some((first, rest)) if looks_like_host(first) => {
            let registry = if first == "index.docker.io" { DEFAULT_REGISTRY } else { first };
            (registry.to_owned(), rest)
        }
        _ => (DEFAULT_REGISTRY.to_owned(), text),
    }
}

fn looks_like_host(text: &str) -> bool {
    text == "localhost" || text.contains(['.', ':']) || text.bytes().any(|b| b.is_ascii_uppercase())
}

/// The host without port and brackets.
fn host_of(registry: &str) -> &str {
    if let Some(rest) = registry.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    registry.split(':').next().unwrap_or(registry)
}

fn check_registry(registry: &str) -> std::result::Result<(), &'static str> {
    const REASON: &str = "the registry is not a host name or address with an optional port";
    let port = if let Some(rest) = registry.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or(REASON)?;
        address.parse::<Ipv6Addr>().map_err(|_| REASON)?;
        match port {
            "" => None,
            port => Some(port.strip_prefix(':').ok_or(REASON)?),
        }
    } else {
        let (host, port) = match registry.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (registry, None),
        };
        host.split('.').all(is_host_label).then_some(()).ok_or(REASON)?;
        port
    };
    match port {
        None => Ok(()),
        Some(port) if port.parse::<u16>().is_ok() && port.bytes().all(|b| b.is_ascii_digit()) => Ok(()),
        Some(_) => Err(REASON),
    }
}

fn is_host_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn check_repository(path: &str) -> std::result::Result<(), &'static str> {
    if path.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("the repository name must be lower case");
    }
    if path.split('/').all(is_path_component) {
        Ok(())
    } else {
        Err("a name consists of letters and digits, separated by single '.', '/', one or two '_', or '-'")
    }
}

/// `[a-z0-9]+ ( ( '.' | '_' | '__' | '-'+ ) [a-z0-9]+ )*`
fn is_path_component(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if !text.bytes().next().is_some_and(alphanumeric) || !text.bytes().last().is_some_and(alphanumeric) {
        return false;
    }
    text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-'))
}

fn check_tag(tag: &str) -> std::result::Result<(), &'static str> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let valid = tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-');
    if valid {
        Ok(())
    } else {
        Err("a tag has at most 128 letters, digits, '_', '.' and '-', and does not start with '.' or '-'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn names_are_completed_as_docker_does() {
        for (given, normal) in [
            ("busybox", "docker.io/library/busybox:latest"),
            ("busybox:1.36", "docker.io/library/busybox:1.36"),
            ("team/app", "docker.io/team/app:latest"),
            ("index.docker.io/app", "docker.io/library/app:latest"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/app:x", "localhost:5000/app:x"),
            ("ghcr.io/a/b/c__d-e.f", "ghcr.io/a/b/c__d-e.f:latest"),
            ("[::1]:5000/app", "[::1]:5000/app:latest"),
            ("Registry/app", "Registry/app:latest"),
        ] {
            assert_eq!(Reference::parse(given).unwrap().to_string(), normal, "{given}");
        }
    }

    #[test]
    fn a_digest_wins_over_a_tag() {
        let reference = Reference::parse(&format!("busybox:1@{DIGEST}")).unwrap();
        assert_eq!(reference.to_string(), format!("docker.io/library/busybox@{DIGEST}"));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        let id = &DIGEST[7..];
        let long = format!("a.io/{}", "x".repeat(260));
        for text in [
            "",
            ":tag",
            "App",
            "a..b",
            "a___b",
            "-a",
            "a/",
            "/a",
            "a//b",
            "a:",
            "a:-x",
            "a:b:c",
            "a b",
            "a@sha256:12",
            "a@",
            "http://a.io/b",
            "a.io:port/b",
            "[::1/b",
            "[zz]:1/b",
            "../etc/passwd",
            "a.io/../b",
            id,
            long.as_str(),
        ] {
            assert!(Reference::parse(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn only_registries_on_this_machine_are_loopback() {
        for (text, loopback) in [
            ("localhost:5000/a", true),
            ("127.0.0.1/a", true),
            ("127.9.9.9:1/a", true),
            ("[::1]:5000/a", true),
            ("a.localhost/a", true),
            ("docker.io/a", false),
            ("10.0.0.1:5000/a", false),
            ("[::2]/a", false),
            ("127.evil.com/a", false),
            ("localhost.evil.com/a", false),
        ] {
            assert_eq!(Reference::parse(text).unwrap().is_loopback(), loopback, "{text}");
        }
    }
}
