//! Credentials for registries from a Pod's `imagePullSecrets`, in the two formats of Docker's configuration file.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::Secret;
use serde::Deserialize;
use thiserror::Error;

use crate::unset::text;

/// A secret type with its key, and whether the registries are below `auths` there.
const FORMATS: [(&str, &str, bool); 2] =
    [("kubernetes.io/dockerconfigjson", ".dockerconfigjson", true), ("kubernetes.io/dockercfg", ".dockercfg", false)];
/// The registry of an image that names none.
const DEFAULT_REGISTRY: &str = "index.docker.io";
/// Other names of it.
const ITS_OTHER_NAMES: [&str; 2] = ["docker.io", "registry-1.docker.io"];

/// What a registry is given.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credential {
    /// The user.
    pub username: String,
    /// Its password.
    pub password: String,
    /// A token in their place; may be empty.
    pub identity_token: String,
}

impl std::fmt::Debug for Credential {
    /// Without what is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("username", &self.username).finish_non_exhaustive()
    }
}

/// A secret that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("secret {secret:?} has no credentials for registries: {problem}")]
pub struct CredentialError {
    /// Its name.
    pub secret: String,
    /// What is wrong with it.
    pub problem: String,
}

#[derive(Deserialize)]
struct Config {
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    auth: String,
    #[serde(default, rename = "identitytoken")]
    identity_token: String,
}

/// The credentials in these secrets that are for `image`, those for the longest path first.
///
/// # Errors
/// Beside what can be used: the secrets that can't be.
#[must_use]
pub fn for_image(image: &str, secrets: &[Secret]) -> (Vec<Credential>, Vec<CredentialError>) {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for secret in secrets {
        let failed = |problem| CredentialError { secret: text(&secret.metadata.name).to_owned(), problem };
        match entries(secret) {
            Ok(entries) => {
                for (place, entry) in entries {
                    let place = normal_place(&place);
                    if !is_below(image, &place) {
                        continue;
                    }
                    match credential(entry) {
                        Ok(credential) => found.push((place, credential)),
                        Err(problem) => errors.push(failed(problem)),
                    }
                }
            }
            Err(problem) => errors.push(failed(problem)),
        }
    }
    found.sort_by_key(|(place, _)| std::cmp::Reverse(place.len()));
    let mut credentials: Vec<Credential> = Vec::new();
    for (_, credential) in found {
        if !credentials.contains(&credential) {
            credentials.push(credential);
        }
    }
    (credentials, errors)
}

fn entries(secret: &Secret) -> Result<BTreeMap<String, Entry>, String> {
    let kind = text(&secret.type_);
    let format = FORMATS.into_iter().find(|(name, ..)| *name == kind);
    let (_, key, nested) = format.ok_or_else(|| format!("its type is {kind:?}"))?;
    let content = secret.data.as_ref().and_then(|data| data.get(key)).ok_or_else(|| format!("it has no {key}"))?;
    let parsed = if nested {
        serde_json::from_slice(&content.0).map(|config: Config| config.auths)
    } else {
        serde_json::from_slice(&content.0)
    };
    // The parser's words may repeat what is secret.
    parsed.map_err(|error| format!("{key} is not what it should be at line {} column {}", error.line(), error.column()))
}

fn credential(entry: Entry) -> Result<Credential, String> {
    let Entry { username, password, auth, identity_token } = entry;
    if auth.is_empty() {
        return Ok(Credential { username, password, identity_token });
    }
    let wrong = || "an auth is not the base64 of user:password".to_owned();
    let decoded = STANDARD.decode(auth.trim().trim_end_matches('\0')).map_err(|_| wrong())?;
    let pair = String::from_utf8(decoded).map_err(|_| wrong())?;
    let (username, password) = pair.split_once(':').ok_or_else(wrong)?;
    Ok(Credential {
        username: username.to_owned(),
        password: password.trim_end_matches('\0').to_owned(),
        identity_token,
    })
}

/// Host and path of an entry's key: schemes and the versions of old registries are no part of it.
fn normal_place(key: &str) -> String {
    let place = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let place = place.strip_suffix("/v1").or_else(|| place.strip_suffix("/v2")).unwrap_or(place);
    let (host, path) = place.split_once('/').map_or((place, None), |(host, path)| (host, Some(path)));
    let host = if ITS_OTHER_NAMES.contains(&host) { DEFAULT_REGISTRY } else { host };
    path.map_or_else(|| host.to_owned(), |path| format!("{host}/{path}"))
}

/// Whether the image lies below a place. A host's parts may be `*`.
fn is_below(image: &str, place: &str) -> bool {
    let image = full_name(image);
    let (image_host, image_path) = image.split_once('/').unwrap_or((&image, ""));
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    let path_fits = path.is_empty()
        || image_path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':', '@']));
    let (image_parts, parts): (Vec<&str>, Vec<&str>) = (image_host.split('.').collect(), host.split('.').collect());
    let fits = |(part, image_part): (&&str, &&str)| *part == "*" || part == image_part;
    path_fits && image_parts.len() == parts.len() && parts.iter().zip(&image_parts).all(fits)
}

fn full_name(image: &str) -> String {
    match image.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => {
            let host = if ITS_OTHER_NAMES.contains(&host) { DEFAULT_REGISTRY } else { host };
            format!("{host}/{rest}")
        }
        Some(_) => format!("{DEFAULT_REGISTRY}/{image}"),
        None => format!("{DEFAULT_REGISTRY}/library/{image}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn secret(kind: &str, key: &str, content: &Value) -> Secret {
        let data = STANDARD.encode(content.to_string());
        serde_json::from_value(json!({"metadata": {"name": "s"}, "type": kind, "data": {key: data}})).unwrap()
    }

    fn users(image: &str, auths: &Value) -> Vec<String> {
        let secret = secret("kubernetes.io/dockerconfigjson", ".dockerconfigjson", &json!({"auths": auths}));
        let (found, errors) = for_image(image, &[secret]);
        assert!(errors.is_empty(), "{errors:?}");
        found.into_iter().map(|credential| credential.username).collect()
    }

    #[test]
    fn the_longest_path_that_fits_comes_first() {
        let auths = json!({
            "r.example": {"username": "all", "password": "p"},
            "https://r.example/team/": {"auth": STANDARD.encode("team:p:q")},
            "other.example": {"username": "other"}
        });
        assert_eq!(users("r.example/team/app:1", &auths), ["team", "all"]);
        assert_eq!(users("r.example/teams/app:1", &auths), ["all"]);
        assert!(users("r.example:5000/team/app", &auths).is_empty());
    }

    #[test]
    fn docker_hub_has_several_names_and_hosts_can_have_wildcards() {
        for key in ["https://index.docker.io/v1/", "docker.io", "registry-1.docker.io"] {
            assert_eq!(users("busybox", &json!({key: {"username": "hub"}})), ["hub"], "{key}");
        }
        let any = json!({"*.example.org": {"username": "any"}});
        assert_eq!(users("r.example.org/a", &any), ["any"]);
        assert!(users("a.r.example.org/a", &any).is_empty());
    }

    #[test]
    fn the_old_format_is_read_and_what_can_not_be_used_is_told_without_its_content() {
        let old = secret("kubernetes.io/dockercfg", ".dockercfg", &json!({"r.example": {"username": "u"}}));
        assert_eq!(for_image("r.example/a", std::slice::from_ref(&old)).0[0].username, "u");
        let opaque = secret("Opaque", "k", &json!({}));
        let broken = secret("kubernetes.io/dockerconfigjson", ".dockerconfigjson", &json!({"auths": "hidden"}));
        let auth = json!({"auths": {"r.example": {"auth": "hidden"}}});
        let wrong = secret("kubernetes.io/dockerconfigjson", ".dockerconfigjson", &auth);
        let (found, errors) = for_image("r.example/a", &[opaque, broken, wrong]);
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(found.is_empty() && told.len() == 3 && told.iter().all(|t| !t.contains("hidden")), "{told:?}");
        let shown = format!("{:?}", Credential { password: "hidden".to_owned(), ..Credential::default() });
        assert!(!shown.contains("hidden"));
    }
}
