//! `hosts.toml`: mirrors in the order of the file, and the registry itself last.

use std::path::Path;

use reqwest::Url;
use toml::Table;

use super::HostConfig;
use super::field::Fields;
use crate::error::{Error, Result};
use crate::reference::{Reference, canonical};

/// What can be said of each host.
const OF_HOSTS: [&str; 7] = ["capabilities", "ca", "client", "skip_verify", "header", "override_path", "dial_timeout"];
const OF_FILES: [&str; 9] =
    ["server", "host", "capabilities", "ca", "client", "skip_verify", "header", "override_path", "dial_timeout"];

/// The hosts that the file at `path` names for the registry of `reference`.
pub(super) fn read(path: &Path, text: &str, reference: &Reference) -> Result<Vec<HostConfig>> {
    let values: Table = text.parse().map_err(|e: toml::de::Error| Error::RegistryConfig {
        path: path.to_path_buf(),
        reason: format!("it is not TOML: {}", e.to_string().trim_end()),
    })?;
    let file = Fields { path, table: String::new(), values: &values };
    file.only(&OF_FILES)?;
    let mut hosts = Vec::new();
    for (name, value) in file.table("host")?.into_iter().flatten() {
        let table = format!("host.{name:?}");
        let Some(values) = value.as_table() else {
            return Err(file.invalid("host", "must be tables, such as [host.\"https://mirror.example\"]"));
        };
        let fields = Fields { path, table, values };
        fields.only(&OF_HOSTS)?;
        let base = base(name, &fields).ok_or_else(|| Error::RegistryConfig {
            path: path.to_path_buf(),
            reason: format!("[{}]: not an address such as \"https://mirror.example\"", fields.table),
        })?;
        hosts.push(fill(HostConfig::new(base, false), &fields)?);
    }
    hosts.push(server(&file, reference)?);
    Ok(hosts)
}

/// The registry, at the address that the file gives it or at its own.
fn server(file: &Fields<'_>, reference: &Reference) -> Result<HostConfig> {
    let own = |tls| HostConfig::registry(reference, tls);
    let host = match file.text("server")?.filter(|server| !server.is_empty()) {
        Some(server) => {
            let wrong = || file.invalid("server", "must be an address such as \"https://registry.example\"");
            let base = base(server, file).ok_or_else(wrong)?;
            // Another host in its place is a mirror like those above: it is told whose images are wanted.
            let is_registry = canonical(base.authority()) == reference.registry();
            HostConfig::new(base, is_registry)
        }
        None => own(["ca", "client", "skip_verify"].iter().any(|field| file.values.contains_key(*field)))?,
    };
    fill(host, file)
}

/// The API's root below an address.
fn base(address: &str, fields: &Fields<'_>) -> Option<Url> {
    let address = if address.contains("://") { address.to_owned() } else { format!("https://{address}") };
    let mut url = Url::parse(&address).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || !plain || url.fragment().is_some() || !url.has_host() {
        return None;
    }
    let path = url.path().trim_end_matches('/').to_owned();
    let is_root = fields.values.get("override_path").and_then(toml::Value::as_bool).unwrap_or(false);
    url.set_path(&if is_root || path.ends_with("/v2") { path } else { format!("{path}/v2") });
    Some(url)
}

fn fill(mut host: HostConfig, fields: &Fields<'_>) -> Result<HostConfig> {
    let abilities = fields.texts("capabilities")?;
    if !abilities.is_empty() {
        (host.pull, host.resolve) = (false, false);
    }
    for ability in abilities {
        match ability.to_ascii_lowercase().as_str() {
            "pull" => host.pull = true,
            "resolve" => host.resolve = true,
            // Nothing here pushes or asks for referrers.
            "push" | "referrers" => {}
            _ => return Err(fields.invalid("capabilities", "known are pull, resolve, push and referrers")),
        }
    }
    fields.flag("override_path")?;
    host.skip_verify = fields.flag("skip_verify")?.unwrap_or(false);
    host.ca = fields.files("ca")?;
    host.client = fields.certificate("client")?;
    host.headers = fields.headers("header")?;
    host.connect_timeout = fields.duration("dial_timeout")?.unwrap_or(host.connect_timeout);
    Ok(host)
}
