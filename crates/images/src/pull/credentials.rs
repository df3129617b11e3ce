//! Credentials for registries, also from the Docker config file.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::reference::{Reference, canonical};

/// How to log in to a registry. `Debug` shows no secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// User name and password, or a token in its place.
    Basic {
        /// User name.
        username: String,
        /// Password.
        password: String,
    },
    /// A bearer token for the registry itself.
    Token(String),
    /// What a token server gives tokens for, without a password.
    IdentityToken(String),
}

impl Credentials {
    /// Reads `base64(username:password)`, the form of config files and of the CRI.
    pub fn from_base64(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches('\0');
        let bytes = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()?;
        let plain = String::from_utf8(bytes).ok()?;
        let (username, password) = plain.split_once(':')?;
        let password = password.trim_end_matches('\0');
        Some(Self::Basic { username: username.to_owned(), password: password.to_owned() })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { username, .. } => f.debug_struct("Basic").field("username", username).finish_non_exhaustive(),
            Self::Token(_) => f.debug_tuple("Token").finish(),
            Self::IdentityToken(_) => f.debug_tuple("IdentityToken").finish(),
        }
    }
}

/// Who logs in where in one pull. A registry may have mirrors on other hosts, and each gets only what is meant for it.
#[derive(Clone, Debug, Default)]
pub struct Logins {
    given: Option<Given>,
    config: Option<DockerConfig>,
}

#[derive(Clone, Debug)]
struct Given {
    credentials: Credentials,
    /// The host that they are for; none means the image's registry.
    server: Option<String>,
}

impl Logins {
    /// Nobody logs in.
    pub fn none() -> Self {
        Self::default()
    }

    /// These credentials, for the host in `server` (with or without scheme and path), or else for the image's registry
    /// itself: never for its mirrors.
    pub fn given(credentials: Credentials, server: Option<&str>) -> Self {
        let server = server.filter(|server| !server.is_empty()).map(|server| host_in(server).to_owned());
        Self { given: Some(Given { credentials, server }), config: None }
    }

    /// What a Docker config file has for each host.
    pub fn from_config(config: DockerConfig) -> Self {
        Self { given: None, config: Some(config) }
    }

    /// The same, with what the config file has for the hosts that these are not for.
    #[must_use]
    pub fn or_config(self, config: DockerConfig) -> Self {
        Self { config: Some(config), ..self }
    }

    /// What `host` gets to see in a pull of `reference`.
    pub(super) fn credentials(
        &self,
        reference: &Reference,
        host: &str,
        is_registry: bool,
    ) -> Result<Option<Credentials>> {
        if let Some(given) = &self.given {
            let meant = match &given.server {
                Some(server) => canonical(server) == canonical(host),
                None => is_registry,
            };
            if meant {
                return Ok(Some(given.credentials.clone()));
            }
        }
        match &self.config {
            Some(config) => config.credentials_at(canonical(host), reference.repository()),
            None => Ok(None),
        }
    }
}

/// The host of an address that may have a scheme and a path.
fn host_in(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// A Docker config file.
#[derive(Clone, Debug)]
pub struct DockerConfig {
    path: PathBuf,
    file: ConfigFile,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ConfigFile {
    auths: BTreeMap<String, AuthEntry>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct AuthEntry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

impl fmt::Debug for AuthEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthEntry").finish_non_exhaustive()
    }
}

impl DockerConfig {
    /// `$DOCKER_CONFIG/config.json`, or `~/.docker/config.json`; an empty one if there is none.
    pub fn load() -> Result<Self> {
        let folder = std::env::var_os("DOCKER_CONFIG")
            .filter(|folder| !folder.is_empty())
            .map(PathBuf::from)
            .or_else(|| std::env::home_dir().map(|home| home.join(".docker")));
        match folder {
            Some(folder) => Self::read(&folder.join("config.json")),
            None => Ok(Self { path: PathBuf::new(), file: ConfigFile::default() }),
        }
    }

    /// The config file at `path`; an empty one if there is none.
    pub fn read(path: &Path) -> Result<Self> {
        let file = match std::fs::read(path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|e| Error::DockerConfig { path: path.to_path_buf(), reason: e.to_string() })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => ConfigFile::default(),
            Err(error) => return Err(Error::io("read", path, error)),
        };
        Ok(Self { path: path.to_path_buf(), file })
    }

    /// The credentials for an image: those of the most specific entry for its registry.
    pub fn credentials_for(&self, reference: &Reference) -> Result<Option<Credentials>> {
        self.credentials_at(reference.registry(), reference.repository())
    }

    /// The same for a repository on any host.
    fn credentials_at(&self, host: &str, repository: &str) -> Result<Option<Credentials>> {
        let name = format!("{host}/{repository}");
        if let Some((_, helper)) = self.file.cred_helpers.iter().find(|(key, _)| matches(key, &name).is_some()) {
            return Err(self.helper(host, helper));
        }
        let entries = self.file.auths.iter();
        let best = entries
            .filter_map(|(key, entry)| matches(key, &name).map(|length| (length, key, entry)))
            .max_by_key(|e| e.0);
        let Some((_, key, entry)) = best else { return Ok(None) };
        self.read_entry(host, key, entry)
    }

    fn read_entry(&self, host: &str, key: &str, entry: &AuthEntry) -> Result<Option<Credentials>> {
        let invalid =
            |reason: &str| Error::DockerConfig { path: self.path.clone(), reason: format!("auths[{key:?}]: {reason}") };
        if !entry.registrytoken.is_empty() {
            return Ok(Some(Credentials::Token(entry.registrytoken.clone())));
        }
        if !entry.identitytoken.is_empty() {
            return Ok(Some(Credentials::IdentityToken(entry.identitytoken.clone())));
        }
        if !entry.username.is_empty() {
            let (username, password) = (entry.username.clone(), entry.password.clone());
            return Ok(Some(Credentials::Basic { username, password }));
        }
        if !entry.auth.is_empty() {
            let read = Credentials::from_base64(&entry.auth);
            return read.map(Some).ok_or_else(|| invalid("auth is not base64 of user:password"));
        }
        // Docker leaves an empty entry for what it gave to the helper.
        match &self.file.creds_store {
            Some(helper) => Err(self.helper(host, helper)),
            None => Ok(None),
        }
    }

    fn helper(&self, host: &str, helper: &str) -> Error {
        Error::CredentialHelper { path: self.path.clone(), registry: host.to_owned(), helper: helper.to_owned() }
    }
}

/// How well the entry `key` matches an image's `name`: the longer, the better. A key is a registry,
/// with a scheme and API version in old files, or a registry and the start of a repository.
fn matches(key: &str, name: &str) -> Option<usize> {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = key.trim_end_matches('/');
    let key = key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key);
    let key = canonical(key);
    let rest = name.strip_prefix(key)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(key.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> DockerConfig {
        DockerConfig { path: "config.json".into(), file: serde_json::from_str(text).unwrap() }
    }

    fn lookup(config: &DockerConfig, image: &str) -> Result<Option<Credentials>> {
        config.credentials_for(&Reference::parse(image).unwrap())
    }

    fn basic(username: &str, password: &str) -> Option<Credentials> {
        Some(Credentials::Basic { username: username.into(), password: password.into() })
    }

    #[test]
    fn credentials_go_to_their_own_registry_only() {
        let config = config(
            r#"{"auths": {
                "https://index.docker.io/v1/": {"auth": "aHViOnBhc3M="},
                "localhost:5000": {"username": "me", "password": "secret"},
                "quay.io/team": {"username": "team", "password": "t"},
                "quay.io": {"username": "all", "password": "a"}
            }}"#,
        );
        assert_eq!(lookup(&config, "busybox").unwrap(), basic("hub", "pass"));
        assert_eq!(lookup(&config, "localhost:5000/app").unwrap(), basic("me", "secret"));
        assert_eq!(lookup(&config, "quay.io/team/app").unwrap(), basic("team", "t"));
        assert_eq!(lookup(&config, "quay.io/teams/app").unwrap(), basic("all", "a"));
        assert_eq!(lookup(&config, "localhost:5001/app").unwrap(), None);
        assert_eq!(lookup(&config, "quay.io.evil.com/app").unwrap(), None);
    }

    #[test]
    fn what_is_given_goes_to_the_host_it_is_meant_for() {
        let image = Reference::parse("r.example/app").unwrap();
        let given = Credentials::Token("t".into());
        let shown = |logins: &Logins, host: &str, is_registry| logins.credentials(&image, host, is_registry).unwrap();
        let logins = Logins::given(given.clone(), None);
        assert_eq!(shown(&logins, "r.example", true), Some(given.clone()));
        assert_eq!(shown(&logins, "mirror.example", false), None);
        let logins = Logins::given(given.clone(), Some("https://mirror.example/v2/"));
        assert_eq!(shown(&logins, "r.example", true), None);
        assert_eq!(shown(&logins, "mirror.example", false), Some(given.clone()));
        assert_eq!(shown(&logins, "mirror.example.evil.com", false), None);

        let file =
            r#"{"auths": {"mirror.example": {"username": "m", "password": "p"}, "r.example": {"identitytoken": "i"}}}"#;
        let logins = Logins::given(given.clone(), None).or_config(config(file));
        assert_eq!(shown(&logins, "mirror.example", false), basic("m", "p"));
        assert_eq!(shown(&logins, "r.example", true), Some(given.clone()));
        let logins = Logins::from_config(config(file));
        assert_eq!(shown(&logins, "r.example", true), Some(Credentials::IdentityToken("i".into())));

        let hub = Reference::parse("busybox").unwrap();
        let logins = Logins::given(given.clone(), Some("https://index.docker.io/v1/"));
        assert_eq!(logins.credentials(&hub, "docker.io", true).unwrap(), Some(given));
    }

    #[test]
    fn a_helper_is_an_error_where_it_is_needed_and_only_there() {
        let store = config(r#"{"auths": {"a.io": {}}, "credsStore": "desktop"}"#);
        assert!(matches!(lookup(&store, "a.io/x"), Err(Error::CredentialHelper { .. })));
        assert_eq!(lookup(&store, "b.io/x").unwrap(), None);
        let helpers = config(r#"{"credHelpers": {"gcr.io": "gcloud"}}"#);
        assert!(matches!(lookup(&helpers, "gcr.io/x"), Err(Error::CredentialHelper { .. })));
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", basic("me", "secret"));
        assert!(shown.contains("me") && !shown.contains("secret"));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_a_missing_file_is_not() {
        let broken = config(r#"{"auths": {"a.io": {"auth": "%%%"}}}"#);
        assert!(matches!(lookup(&broken, "a.io/x"), Err(Error::DockerConfig { .. })));
        let none = DockerConfig::read(Path::new("/nonexistent/config.json")).unwrap();
        assert_eq!(lookup(&none, "a.io/x").unwrap(), None);
    }
}
