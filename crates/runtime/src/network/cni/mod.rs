//! Pods' networks made by CNI plugins: the first configuration of a folder says which, versions 0.3.0 to 1.1.0 of the
//! specification.
//!
//! What is asked of plugins is on disk before the first one is run, with the configuration of that time, so that DEL
//! and CHECK are told the same whatever has happened since. A namespace that is gone, with the shim that held it, is
//! never named to a plugin again.

mod bandwidth;
mod cache;
mod capabilities;
mod config;
mod plugin;
pub mod result;
mod version;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::inside::LINK;
use super::open_ports::{self, OpenPortError};
use super::request::Request;
use crate::disk::DiskError;
use cache::{Attachment, Cache, Namespace};
pub use config::CniConfig;
use config::NetworkList;
use plugin::{Call, PluginError};
use result::AddResult;
use version::Version;

/// Why plugins did not give a Pod its network, or take it away.
#[derive(Debug, thiserror::Error)]
pub enum CniError {
    /// There is no usable configuration.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// A plugin failed.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The plugins gave no address.
    #[error("the CNI network {0} gave the Pod no IP address")]
    NoAddress(String),
    /// An annotation makes no sense.
    #[error(transparent)]
    Bandwidth(#[from] bandwidth::BandwidthError),
    /// A port of the host can't be had.
    #[error(transparent)]
    Port(#[from] OpenPortError),
    /// The sandbox's process is gone.
    #[error("the sandbox's network namespace")]
    Namespace(#[source] std::io::Error),
    /// The record can't be read or written.
    #[error("the record of what CNI plugins were asked")]
    Disk(#[from] DiskError),
}

/// The plugins, and what was asked of them.
pub struct Cni {
    /// None: no new sandbox gets its network from plugins.
    config: Option<CniConfig>,
    cache: Cache,
    /// Held while it is seen to that no two Pods want one port of the host.
    claiming: Mutex<()>,
}

impl Cni {
    /// With the records of what was asked in `folder`.
    pub fn new(config: Option<CniConfig>, folder: PathBuf) -> Self {
        Self { config, cache: Cache::new(folder), claiming: Mutex::new(()) }
    }

    /// The configuration, if new sandboxes get their network from plugins.
    pub fn config(&self) -> Option<&CniConfig> {
        self.config.as_ref()
    }

    /// Whether sandboxes can be made with `config`: there is a network, its plugins are there, and they say so.
    pub async fn ready(&self, config: &CniConfig) -> Result<(), CniError> {
        let network = load(config)?;
        if Version::of(&network.version) < Some(Version::WITH_STATUS) {
            return Ok(());
        }
        let none = Map::new();
        for plugin in &network.plugins {
            let call = Call {
                command: "STATUS",
                sandbox: "",
                netns: "",
                link: "",
                args: "",
                bin_dirs: &config.bin_dirs,
                timeout: config.timeout,
            };
            plugin::run(kind(plugin), &call, &stdin(plugin, &network, &none, None)).await?;
        }
        Ok(())
    }

    /// Runs the chain's ADD for the network namespace of process `shim`; the Pod's addresses. What a failed chain has
    /// made is undone, or else stays on record for [`Cni::detach`].
    pub async fn attach(&self, config: &CniConfig, request: &Request, shim: i32) -> Result<Vec<IpAddr>, CniError> {
        let network = load(config)?;
        let ports = !request.ports.is_empty();
        if ports && !network.plugins.iter().any(|p| capabilities::declares(p, capabilities::PORT_MAPPINGS)) {
            // Some networks open the ports by other means.
            let network = &network.name;
            tracing::warn!(pod = request.pod(), network, "no CNI plugin is capable of the Pod's host ports");
        }
        let mut attachment = Attachment {
            pod: request.pod(),
            bin_dirs: config.bin_dirs.clone(),
            netns: Namespace::of(shim).map_err(CniError::Namespace)?,
            args: args(request),
            capabilities: capabilities::offered(request)?,
            ports: request.ports.clone(),
            network,
            result: None,
        };
        self.claim(&request.sandbox, &attachment).await?;
        match add(&request.sandbox, &attachment, config.timeout).await {
            Ok(result) => {
                let ips = result.pod_ips(LINK);
                attachment.result = Some(result.raw);
                self.cache.write(&request.sandbox, &attachment)?;
                Ok(ips)
            }
            Err(error) => {
                if let Err(also) = self.detach(&request.sandbox).await {
                    let (pod, error) = (request.pod(), crate::error::chain(&also));
                    tracing::warn!(pod, error, "CNI plugins did not undo what they had made before one failed");
                }
                Err(error)
            }
        }
    }

    /// Puts on record what will be asked, unless another Pod has one of the ports.
    async fn claim(&self, sandbox: &str, attachment: &Attachment) -> Result<(), CniError> {
        let _claiming = self.claiming.lock().await;
        if !attachment.ports.is_empty() {
            let all = self.cache.all()?;
            let others = all.iter().filter(|(id, _)| *id != sandbox);
            let held = others.flat_map(|(_, a)| a.ports.iter().map(|port| (a.pod.as_str(), port)));
            open_ports::check(&attachment.ports, held)?;
        }
        Ok(self.cache.write(sandbox, attachment)?)
    }

    /// Runs the chain's DEL, last plugin first, and forgets the sandbox. Fine if nothing was asked for it.
    pub async fn detach(&self, sandbox: &str) -> Result<(), CniError> {
        let Some(attachment) = self.cache.read(sandbox)? else { return Ok(()) };
        let call = attachment.call("DEL", sandbox, self.timeout());
        for plugin in attachment.network.plugins.iter().rev() {
            match attachment.run(plugin, &call, attachment.result.as_ref()).await {
                Err(e) if attachment.result.is_none() && e.made_nothing() => {
                    tracing::debug!(sandbox, error = %e, "a CNI plugin that never took part has nothing to undo");
                }
                answer => drop(answer?),
            }
        }
        Ok(self.cache.remove(sandbox)?)
    }

    /// Runs the chain's CHECK, where there is one.
    pub async fn check(&self, sandbox: &str) -> Result<(), CniError> {
        let Some(attachment) = self.cache.read(sandbox)? else { return Ok(()) };
        let network = &attachment.network;
        let checks = Version::of(&network.version) >= Some(Version::WITH_CHECK) && !network.disable_check;
        let Some(result) = attachment.result.as_ref().filter(|_| checks) else { return Ok(()) };
        let call = attachment.call("CHECK", sandbox, self.timeout());
        for plugin in &network.plugins {
            attachment.run(plugin, &call, Some(result)).await?;
        }
        Ok(())
    }

    /// Whether plugins said that they gave the sandbox its usual link.
    pub fn made_link(&self, sandbox: &str) -> Result<bool, CniError> {
        let result = self.cache.read(sandbox)?.and_then(|attachment| attachment.result);
        Ok(result.and_then(|raw| AddResult::of(raw).ok()).is_some_and(|result| result.has_link(LINK)))
    }

    /// The sandboxes that something was asked for.
    pub fn sandboxes(&self) -> Result<Vec<String>, CniError> {
        Ok(self.cache.sandboxes()?)
    }

    fn timeout(&self) -> Duration {
        self.config.as_ref().map_or_else(|| CniConfig::default().timeout, |config| config.timeout)
    }
}

/// The network with all its plugins there: a chain that is bound to break is not begun.
fn load(config: &CniConfig) -> Result<NetworkList, CniError> {
    let network = config::load(&config.conf_dir)?;
    for plugin in &network.plugins {
        plugin::program(kind(plugin), &config.bin_dirs)?;
    }
    Ok(network)
}

/// Runs each plugin's ADD with the answer of the one before.
async fn add(sandbox: &str, attachment: &Attachment, timeout: Duration) -> Result<AddResult, CniError> {
    let call = attachment.call("ADD", sandbox, timeout);
    let mut result: Option<AddResult> = None;
    for plugin in &attachment.network.plugins {
        let answer = attachment.run(plugin, &call, result.as_ref().map(|result| &result.raw)).await?;
        let wrong = |source| PluginError::Result { plugin: kind(plugin).to_owned(), command: "ADD", source };
        result = Some(AddResult::parse(&answer).map_err(wrong)?);
    }
    let addressed = result.filter(|result| !result.pod_ips(LINK).is_empty());
    addressed.ok_or_else(|| CniError::NoAddress(attachment.network.name.clone()))
}

impl Attachment {
    fn call<'a>(&'a self, command: &'static str, sandbox: &'a str, timeout: Duration) -> Call<'a> {
        let (netns, args, bin_dirs) = (self.netns.path(), self.args.as_str(), self.bin_dirs.as_slice());
        Call { command, sandbox, netns, link: LINK, args, bin_dirs, timeout }
    }

    async fn run(
        &self,
        plugin: &Map<String, Value>,
        call: &Call<'_>,
        previous: Option<&Value>,
    ) -> Result<Vec<u8>, PluginError> {
        plugin::run(kind(plugin), call, &stdin(plugin, &self.network, &self.capabilities, previous)).await
    }
}

/// Checked when the configuration was read.
fn kind(plugin: &Map<String, Value>) -> &str {
    plugin.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// A plugin's own configuration with what the network adds to it.
fn stdin(
    plugin: &Map<String, Value>,
    network: &NetworkList,
    offered: &Map<String, Value>,
    previous: Option<&Value>,
) -> Vec<u8> {
    let mut config = plugin.clone();
    let runtime = capabilities::declared(plugin, offered);
    config.remove("capabilities");
    config.insert("name".to_owned(), json!(network.name));
    config.insert("cniVersion".to_owned(), json!(network.version));
    if !runtime.is_empty() {
        config.insert("runtimeConfig".to_owned(), Value::Object(runtime));
    }
    if let Some(previous) = previous {
        config.insert("prevResult".to_owned(), previous.clone());
    }
    Value::Object(config).to_string().into_bytes()
}

/// What plugins for Kubernetes look for.
fn args(request: &Request) -> String {
    let pairs = [
        ("IgnoreUnknown", "1"),
        ("K8S_POD_NAMESPACE", &request.namespace),
        ("K8S_POD_NAME", &request.name),
        ("K8S_POD_INFRA_CONTAINER_ID", &request.sandbox),
        ("K8S_POD_UID", &request.uid),
    ];
    // A separator within a value would make another pair of it. No Kubernetes name has one.
    let pairs = pairs.iter().filter(|(_, value)| !value.contains([';', '=']));
    pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests;
