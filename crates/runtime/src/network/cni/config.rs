//! The network configuration: which plugins are run, and with what.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::version::{SPOKEN_TEXT, Version};

/// Far more than any configuration has.
const MAX_BYTES: u64 = 1 << 20;

/// Where CNI's configuration and plugins are.
#[derive(Debug, Clone)]
pub struct CniConfig {
    /// The folder of network configurations. Its first `.conflist`, `.conf` or `.json` file counts.
    pub conf_dir: PathBuf,
    /// The folders of plugins.
    pub bin_dirs: Vec<PathBuf>,
    /// How long one run of a plugin may take.
    pub timeout: Duration,
}

impl Default for CniConfig {
    fn default() -> Self {
        Self {
            conf_dir: "/etc/cni/net.d".into(),
            bin_dirs: vec!["/opt/cni/bin".into(), "/usr/lib/cni".into()],
            timeout: Duration::from_secs(60),
        }
    }
}

/// A network: plugins that are run one after the other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NetworkList {
    /// Its name.
    pub name: String,
    /// The version of the specification that plugins are spoken to in.
    pub version: String,
    /// Whether its administrator wants no CHECK.
    pub disable_check: bool,
    /// The plugins' own configurations.
    pub plugins: Vec<Map<String, Value>>,
}

/// Why there is no usable network configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is none.
    #[error("no CNI network configuration (a .conflist, .conf or .json file) in {}", .0.display())]
    Missing(PathBuf),
    /// It can't be read.
    #[error("read the CNI network configuration {}", path.display())]
    Read {
        /// File or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is not JSON.
    #[error("the CNI network configuration {} is no JSON object", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// It says something that can't be.
    #[error("the CNI network configuration {}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// Reads the first configuration of a folder. One that is broken is an error and not passed over: the next one may be
/// a network that is not meant for Pods.
pub fn load(folder: &Path) -> Result<NetworkList, ConfigError> {
    let path = first(folder)?;
    let text = read(&path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
    let fields: Map<String, Value> =
        serde_json::from_slice(&text).map_err(|source| ConfigError::Json { path: path.clone(), source })?;
    parse(fields).map_err(|problem| ConfigError::Content { path, problem })
}

fn first(folder: &Path) -> Result<PathBuf, ConfigError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Err(ConfigError::Missing(folder.to_owned())),
        Err(source) => return Err(ConfigError::Read { path: folder.to_owned(), source }),
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| {
        let known = path.extension().is_some_and(|e| e == "conflist" || e == "conf" || e == "json");
        known && path.is_file()
    });
    files.sort();
    files.into_iter().next().ok_or_else(|| ConfigError::Missing(folder.to_owned()))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(std::io::Error::other(format!("it is larger than {MAX_BYTES} bytes")));
    }
    Ok(text)
}

/// A list, or a single plugin, which is a list of one.
fn parse(mut fields: Map<String, Value>) -> Result<NetworkList, String> {
    let name = text(&fields, "name")?;
    if !is_name(&name) {
        return Err(format!(
            "name {name:?} must be letters, digits, '_', '.' and '-', and begin with one of the first"
        ));
    }
    let version = version(&fields)?.text().to_owned();
    let disable_check = flag(&fields, "disableCheck")?;
    let plugins = match fields.remove("plugins") {
        None => vec![fields],
        Some(Value::Array(plugins)) => plugins.into_iter().map(object).collect::<Result<_, _>>()?,
        Some(_) => return Err("plugins must be a list".to_owned()),
    };
    if plugins.is_empty() {
        return Err("plugins is empty".to_owned());
    }
    for plugin in &plugins {
        let kind = text(plugin, "type")?;
        // It is looked for in the plugins' folders, and nowhere else.
        if !is_name(&kind) {
            return Err(format!("type {kind:?} is no plugin's name"));
        }
    }
    Ok(NetworkList { name, version, disable_check, plugins })
}

fn object(value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(fields) => Ok(fields),
        other => Err(format!("plugins must be a list of objects, not of {other}")),
    }
}

fn text(fields: &Map<String, Value>, name: &str) -> Result<String, String> {
    match fields.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(format!("{name} must be a text")),
        None => Err(format!("{name} is missing")),
    }
}

/// Written as `true` or as `"true"`.
fn flag(fields: &Map<String, Value>, name: &str) -> Result<bool, String> {
    match fields.get(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(Value::String(text)) if text == "true" => Ok(true),
        Some(Value::String(text)) if text == "false" => Ok(false),
        Some(_) => Err(format!("{name} must be true or false")),
    }
}

/// The newest version that both the configuration and we speak.
fn version(fields: &Map<String, Value>) -> Result<Version, String> {
    let mut offered: Vec<String> = Vec::new();
    if fields.contains_key("cniVersion") {
        offered.push(text(fields, "cniVersion")?);
    }
    let more = fields.get("cniVersions").and_then(Value::as_array).into_iter().flatten();
    offered.extend(more.filter_map(Value::as_str).map(str::to_owned));
    let spoken = offered.iter().filter_map(|text| Version::of(text)).max();
    spoken.ok_or_else(|| match offered.as_slice() {
        [] => "cniVersion is missing".to_owned(),
        _ => format!("cniVersion {} is none of {SPOKEN_TEXT}", offered.join(", ")),
    })
}

fn is_name(name: &str) -> bool {
    let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<NetworkList, String> {
        parse(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn the_first_file_by_name_counts_and_others_are_passed_over() {
        let folder = std::env::temp_dir().join(format!("reprise-cni-conf-{}", std::process::id()));
        let absent = load(&folder).unwrap_err().to_string();
        assert!(absent.starts_with("no CNI network configuration"), "{absent}");
        fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write("00-readme.txt", "not one");
        assert!(matches!(load(&folder), Err(ConfigError::Missing(_))));
        write("20.conf", r#"{"name": "single", "cniVersion": "0.3.1", "type": "ptp"}"#);
        let single = load(&folder).unwrap();
        assert_eq!((single.name.as_str(), single.plugins.len()), ("single", 1));
        write("10.conflist", r#"{"name": "list", "cniVersion": "1.0.0", "plugins": [{"type": "a"}, {"type": "b"}]}"#);
        assert_eq!(load(&folder).unwrap().name, "list");
        write("05.json", "{");
        let broken = load(&folder).unwrap_err().to_string();
        assert!(broken.contains("05.json is no JSON object"), "{broken}");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_newest_common_version_is_spoken() {
        let list = said(r#"{"name": "n", "cniVersion": "0.4.0", "cniVersions": ["1.0.0", "9.0.0"], "type": "a"}"#);
        assert_eq!(list.unwrap().version, "1.0.0");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, problem) in [
            (r#"{"cniVersion": "1.0.0", "type": "a"}"#, "name is missing"),
            (r#"{"name": "../x", "cniVersion": "1.0.0", "type": "a"}"#, "name \"../x\" must be"),
            (r#"{"name": "n", "type": "a"}"#, "cniVersion is missing"),
            (r#"{"name": "n", "cniVersion": "0.2.0", "type": "a"}"#, "cniVersion 0.2.0 is none of 0.3.0"),
            (r#"{"name": "n", "cniVersion": "1.0.0", "plugins": []}"#, "plugins is empty"),
            (r#"{"name": "n", "cniVersion": "1.0.0", "plugins": [{"type": "../../bin/sh"}]}"#, "is no plugin's name"),
            (r#"{"name": "n", "cniVersion": "1.0.0", "plugins": [1]}"#, "a list of objects"),
            (r#"{"name": "n", "cniVersion": "1.0.0", "plugins": [{}]}"#, "type is missing"),
        ] {
            let error = said(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
