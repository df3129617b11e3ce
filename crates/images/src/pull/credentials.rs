//! Credentials for registries, also from the Docker config file.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::reference::Reference;

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
        }
    }
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
        let name = reference.name();
        if let Some((_, helper)) = self.file.cred_helpers.iter().find(|(key, _)| matches(key, &name).is_some()) {
            return Err(self.helper(reference, helper));
        }
        let entries = self.file.auths.iter();
        let best = entries
            .filter_map(|(key, entry)| matches(key, &name).map(|length| (length, key, entry)))
            .max_by_key(|e| e.0);
        let Some((_, key, entry)) = best else { return Ok(None) };
        self.read_entry(reference, key, entry)
    }

    fn read_entry(&self, reference: &Reference, key: &str, entry: &AuthEntry) -> Result<Option<Credentials>> {
        let invalid =
            |reason: &str| Error::DockerConfig { path: self.path.clone(), reason: format!("auths[{key:?}]: {reason}") };
        if !entry.registrytoken.is_empty() {
            return Ok(Some(Credentials::Token(entry.registrytoken.clone())));
        }
        if !entry.identitytoken.is_empty() {
            return Err(invalid("identity tokens are not supported; log in with user name and password"));
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
            Some(helper) => Err(self.helper(reference, helper)),
            None => Ok(None),
        }
    }

    fn helper(&self, reference: &Reference, helper: &str) -> Error {
        Error::CredentialHelper {
            path: self.path.clone(),
            registry: reference.registry().to_owned(),
            helper: helper.to_owned(),
        }
    }
}

/// How well the entry `key` matches an image's `name`: the longer, the better. A key is a registry,
/// with a scheme and API version in old files, or a registry and the start of a repository.
fn matches(key: &str, name: &str) -> Option<usize> {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = key.trim_end_matches('/');
    let key = key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key);
    let key = match key {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        key => key,
    };
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
