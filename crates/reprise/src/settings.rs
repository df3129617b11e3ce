//! What the flags make of a node: its data folder, and the names and numbers it takes of the machine.
//!
//! Names come from the data folder, so that nodes with different ones never meet. A node's bridge, subnet and folder of
//! device plugins are remembered in the folder when it first starts: a verb that later has to start it again for a moment
//! (`exec`, `rm`, `restart` of kept Pods) finds the network that the Pods are on without being told.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::SignedDuration;
use reprise_core::annotations::parse_go_duration;
use reprise_core::backoff::BackoffLimits;
use reprise_core::gates::FeatureGates;
use reprise_node::{HttpConfig, KubeletConfiguration, StaticPodConfig, chain};
use reprise_runtime::{Subnet, Subnet6};
use serde::{Deserialize, Serialize};

use crate::cli::NodeArgs;
use crate::failure::BadInput;
use crate::runtime_choice::RuntimeChoice;

/// Where a node keeps everything unless told otherwise.
pub const DEFAULT_DATA_DIR: &str = "/var/lib/reprise";
/// The addresses for Pods unless told otherwise.
pub const DEFAULT_SUBNET: &str = "10.85.0.0/16";
/// The kernel's limit for names of links.
const LINK_NAME_MAX: usize = 15;

/// One node's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Absolute, without symbolic links.
    pub data_dir: PathBuf,
    /// Which runtime the Pods run with.
    pub runtime: RuntimeChoice,
    /// Which one they ran with before; none for a folder that no node has used.
    pub known_runtime: Option<RuntimeChoice>,
    pub bridge: String,
    pub subnet: Subnet,
    pub subnet6: Option<Subnet6>,
    /// Where registries are described; none takes them as they are.
    pub registry_config: Option<PathBuf>,
    /// Where device plugins register; none is in the data folder.
    pub device_plugin_dir: Option<PathBuf>,
    /// How long Pods wait for plugins after the start, where it is said.
    pub device_plugin_wait: Option<Duration>,
    /// The cgroup below which its runtime's are and, unless told otherwise, those of its Pods.
    pub own_cgroup: String,
    /// The cgroup below which its Pods' are, in `kubepods`.
    pub cgroup_root: String,
    pub gates: FeatureGates,
    pub limits: BackoffLimits,
    pub pids_limit: Option<i64>,
    /// What a file in the kubelet's format says.
    pub kubelet: KubeletConfiguration,
    /// The kubelet's HTTP API, where it is to be served.
    pub http: Option<HttpConfig>,
    /// Where static Pods are from, in a run that has them.
    pub static_pods: Option<StaticPodConfig>,
    /// As what the node is a member of a cluster, if it is.
    pub membership: Option<Membership>,
    /// Name servers of the cluster, for Pods; none leaves it to the file in the kubelet's format.
    pub cluster_dns: Vec<IpAddr>,
}

/// A node's place in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Its name.
    pub name: String,
    /// Its address.
    pub ip: IpAddr,
}

/// The part of the settings that later verbs must agree with.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    /// The socket of a runtime of its own; none is the embedded one.
    #[serde(default, skip_serializing_if = "RuntimeChoice::is_embedded")]
    cri: RuntimeChoice,
    bridge: String,
    subnet: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subnet6: Option<String>,
    /// If it is not the node's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cgroup_root: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device_plugin_dir: Option<PathBuf>,
}

impl Settings {
    /// Checks the flags. Nothing is made yet.
    pub fn of(args: &NodeArgs) -> Result<Self> {
        let given = args.data_dir.as_deref().unwrap_or(Path::new(DEFAULT_DATA_DIR));
        let data_dir = resolve(given)?;
        let remembered = Remembered::read(&data_dir)?;
        let id = fingerprint(&data_dir);
        let known_runtime = remembered.as_ref().map(|known| known.cri.clone());
        let runtime = match &args.cri {
            Some(text) => text.parse().map_err(|e| BadInput::new(format!("--cri {text}: {e}")))?,
            None => known_runtime.clone().unwrap_or_default(),
        };
        runtime.check_flags(args)?;
        let known_bridge = remembered.as_ref().map(|known| known.bridge.clone());
        let bridge = args.bridge.clone().or(known_bridge).unwrap_or_else(|| format!("reprise{:06x}", id & 0xff_ffff));
        let known_subnet = remembered.as_ref().map(|known| known.subnet.as_str());
        let subnet = args.subnet.as_deref().or(known_subnet).unwrap_or(DEFAULT_SUBNET);
        let kubelet = args.config.as_deref().map(read_config).transpose()?.unwrap_or_default();
        let known_subnet6 = remembered.as_ref().and_then(|known| known.subnet6.as_deref());
        let known_cgroup = remembered.as_ref().and_then(|known| known.cgroup_root.clone());
        let own_cgroup = format!("/reprise-{id:016x}");
        let known_plugins = remembered.as_ref().and_then(|known| known.device_plugin_dir.clone());
        Ok(Self {
            bridge: check_bridge(bridge)?,
            subnet: subnet.parse().map_err(|e| BadInput::new(format!("--subnet: {e}")))?,
            registry_config: args.registry_config.clone(),
            device_plugin_dir: args.device_plugin_dir.as_deref().map(device_plugin_dir).transpose()?.or(known_plugins),
            device_plugin_wait: args.device_plugin_wait.as_deref().map(plugin_wait).transpose()?,
            subnet6: subnet6(args.subnet6.as_deref().or(known_subnet6))?,
            cgroup_root: kubelet.cgroup_root.clone().or(known_cgroup).unwrap_or_else(|| own_cgroup.clone()),
            own_cgroup,
            gates: gates(&args.feature_gates, &kubelet.feature_gates)?,
            runtime,
            known_runtime,
            limits: limits(args.restart_backoff.as_deref(), &kubelet)?,
            pids_limit: args.pod_pids_limit.or(kubelet.pod_pids_limit.filter(|limit| *limit > 0)),
            kubelet,
            http: None,
            static_pods: None,
            membership: None,
            cluster_dns: Vec::new(),
            data_dir,
        })
    }

    /// The same with the kubelet's HTTP API, if these flags or the file ask for it.
    pub fn with_http(&self, address: Option<SocketAddr>, client_ca_file: Option<PathBuf>) -> Result<Self> {
        let http = self.kubelet.http(address).map(|http| match &client_ca_file {
            Some(_) => HttpConfig { client_ca_file: client_ca_file.clone(), ..http },
            None => http,
        });
        if http.is_none() && client_ca_file.is_some() {
            return Err(BadInput::new("--client-ca-file: no API is served: give --kubelet-address too").into());
        }
        Ok(Self { http, ..self.clone() })
    }

    /// The same for a node that is a member of a cluster. Its address is the one of its HTTP API.
    pub fn of_member(&self, name: &str, http: HttpConfig) -> Self {
        let ip = Some(http.address.ip()).filter(|ip| !ip.is_unspecified());
        let ip = ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let membership = Membership { name: name.to_owned(), ip };
        Self { http: Some(http), membership: Some(membership), ..self.clone() }
    }

    /// The same with this DNS server for Pods.
    pub fn with_cluster_dns(&self, server: impl IntoIterator<Item = IpAddr>) -> Self {
        Self { cluster_dns: server.into_iter().collect(), ..self.clone() }
    }

    /// The same with static Pods, if these flags or the file name where they are from.
    pub fn with_static_pods(&self, path: Option<&Path>, url: Option<String>) -> Result<Self> {
        let mut static_pods = self.kubelet.static_pods.clone();
        if let Some(path) = path {
            let absolute = std::path::absolute(path);
            let absolute = absolute.with_context(|| format!("can't use --static-pod-path {}", path.display()))?;
            static_pods.path = Some(absolute);
        }
        static_pods.url = url.or(static_pods.url);
        Ok(Self { static_pods: Some(static_pods).filter(StaticPodConfig::is_set), ..self.clone() })
    }

    /// The same as a member of a cluster.
    pub fn with_membership(&self, membership: Membership) -> Self {
        Self { membership: Some(membership), ..self.clone() }
    }

    /// Leaves in the data folder what later verbs need.
    pub fn remember(&self) -> Result<()> {
        let path = Remembered::path(&self.data_dir);
        let text = serde_json::to_vec(&Remembered {
            cri: self.runtime.clone(),
            bridge: self.bridge.clone(),
            subnet: self.subnet.to_string(),
            subnet6: self.subnet6.map(|subnet| subnet.to_string()),
            cgroup_root: Some(self.cgroup_root.clone()).filter(|root| *root != self.own_cgroup),
            device_plugin_dir: self.device_plugin_dir.clone(),
        });
        let written = text.map_err(io::Error::from).and_then(|text| {
            fs::create_dir_all(&self.data_dir)?;
            let new = path.with_extension("new");
            fs::write(&new, text)?;
            fs::rename(&new, &path)
        });
        written.with_context(|| format!("can't write {}", path.display()))
    }
}

impl Remembered {
    fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("network.json")
    }

    fn read(data_dir: &Path) -> Result<Option<Self>> {
        let path = Self::path(data_dir);
        match fs::read(&path) {
            Ok(text) => {
                let known = serde_json::from_slice(&text);
                known.with_context(|| format!("{} can't be understood: remove it", path.display()))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            // Whoever may not look into the folder learns it from what comes next, in better words.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Ok(None),
            Err(e) => Err(e).with_context(|| format!("can't read {}", path.display())),
        }
    }
}

/// The path without symbolic links, as far as it exists: one folder must not have two names.
fn resolve(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).with_context(|| format!("can't use --data-dir {}", path.display()))?;
    let mut missing = Vec::new();
    for ancestor in absolute.ancestors() {
        if let Ok(resolved) = ancestor.canonicalize() {
            return Ok(missing.iter().rev().fold(resolved, |path, name| path.join(name)));
        }
        missing.extend(ancestor.file_name());
    }
    Ok(absolute)
}

/// Plugins may have another working directory.
fn device_plugin_dir(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("can't use --device-plugin-dir {}", path.display()))
}

fn plugin_wait(text: &str) -> Result<Duration> {
    let bad = |why: &str| BadInput::new(format!("--device-plugin-wait {text}: {why}, as in 30s"));
    let wait = parse_go_duration(text).map_err(|e| bad(&e.to_string()))?;
    Ok(Duration::try_from(wait).map_err(|_| bad("it must not be below zero"))?)
}

/// FNV-1a: the same in every version of this program, which the standard library's hash is not.
fn fingerprint(path: &Path) -> u64 {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn check_bridge(name: String) -> Result<String> {
    let fits = (1..=LINK_NAME_MAX).contains(&name.len());
    let printable = name.bytes().all(|b| b.is_ascii_graphic() && b != b'/' && b != b':');
    if fits && printable {
        return Ok(name);
    }
    let rule = format!("a name of at most {LINK_NAME_MAX} characters without spaces, / and : is needed");
    Err(BadInput::new(format!("--bridge {name}: {rule}")).into())
}

fn subnet6(text: Option<&str>) -> Result<Option<Subnet6>> {
    let text = text.filter(|text| !matches!(*text, "" | "none"));
    let parsed = text.map(str::parse::<Subnet6>).transpose();
    parsed.map_err(|e| BadInput::new(format!("--subnet6: {e}")).into())
}

/// The file's settings. What it can't do is said at once.
fn read_config(path: &Path) -> Result<KubeletConfiguration> {
    let read = KubeletConfiguration::read(path);
    let (settings, warnings) = read.map_err(|error| BadInput::new(format!("--config: {}", chain(&error))))?;
    warnings.iter().for_each(|warning| eprintln!("Warning: {warning}"));
    Ok(settings)
}

/// The flag's gates win over the file's.
fn gates(flag: &str, file: &str) -> Result<FeatureGates> {
    let wrong = |e| BadInput::new(format!("--feature-gates: {e}"));
    Ok(format!("{file},{flag}").parse().map_err(wrong)?)
}

/// The file knows a longest delay only; the first one is then no longer than that.
fn limits(flag: Option<&str>, kubelet: &KubeletConfiguration) -> Result<BackoffLimits> {
    if let Some(text) = flag {
        return backoff(text);
    }
    let BackoffLimits { initial, max } = BackoffLimits::default();
    let max = kubelet.max_restart_period.unwrap_or(max);
    Ok(BackoffLimits { initial: initial.min(max), max })
}

fn backoff(text: &str) -> Result<BackoffLimits> {
    let bad = |why: &str| BadInput::new(format!("--restart-backoff {text}: {why}, as in 10s..5m"));
    let (initial, max) = text.split_once("..").ok_or_else(|| bad("two durations are needed"))?;
    let duration = |part: &str| parse_go_duration(part).map_err(|e| bad(&e.to_string()));
    let (initial, max) = (duration(initial)?, duration(max)?);
    if initial <= SignedDuration::ZERO || max < initial {
        return Err(bad("the first delay must be above zero and not above the longest").into());
    }
    Ok(BackoffLimits { initial, max })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn settings(data_dir: &Path, flags: &[&str]) -> Result<Settings> {
        let common = ["reprise", "--data-dir", data_dir.to_str().unwrap()];
        let cli = Cli::try_parse_from(common.iter().chain(flags).chain(["ps"].iter())).unwrap();
        Settings::of(&cli.node)
    }

    #[test]
    fn two_data_folders_share_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let one = settings(&folder.path().join("one"), &[]).unwrap();
        let two = settings(&folder.path().join("two"), &[]).unwrap();
        assert!(one.bridge != two.bridge && one.cgroup_root != two.cgroup_root);
        assert!(one.bridge.len() <= LINK_NAME_MAX);
    }

    #[test]
    fn a_folder_is_the_same_by_whatever_path_and_before_and_after_it_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let before = settings(&real, &[]).unwrap();
        fs::create_dir(&real).unwrap();
        assert_eq!(settings(&link, &[]).unwrap().data_dir, before.data_dir);
    }

    #[test]
    fn a_later_verb_finds_the_network_that_was_chosen_first() {
        let folder = tempfile::tempdir().unwrap();
        let flags = ["--subnet", "10.9.0.0/24", "--subnet6", "fd00:9::/64", "--bridge", "br9"];
        settings(folder.path(), &flags).unwrap().remember().unwrap();
        let later = settings(folder.path(), &[]).unwrap();
        assert_eq!((later.bridge.as_str(), later.subnet.to_string().as_str()), ("br9", "10.9.0.0/24"));
        assert_eq!(later.subnet6.unwrap().to_string(), "fd00:9::/64");
        assert_eq!(settings(folder.path(), &["--subnet6", "none"]).unwrap().subnet6, None);
    }

    #[test]
    fn a_later_verb_finds_the_runtime_that_was_chosen_first() {
        let folder = tempfile::tempdir().unwrap();
        let containerd = "unix:///run/containerd/containerd.sock";
        settings(folder.path(), &["--cri", containerd]).unwrap().remember().unwrap();
        let later = settings(folder.path(), &[]).unwrap();
        assert_eq!(later.runtime.to_string(), containerd);
        assert!(settings(folder.path(), &["--cri", "embedded"]).unwrap().runtime.is_embedded());
    }

    #[test]
    fn flags_win_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubelet.yaml");
        let head = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
        let fields = "podPidsLimit: 7\ncrashLoopBackOff: {maxContainerRestartPeriod: 5s}\n";
        fs::write(&file, format!("{head}{fields}")).unwrap();
        let config = ["--config", file.to_str().unwrap()];
        let of_file = settings(folder.path(), &config).unwrap();
        assert_eq!((of_file.pids_limit, of_file.limits.max), (Some(7), SignedDuration::from_secs(5)));
        let flags = [&config[..], &["--pod-pids-limit", "9", "--restart-backoff", "1s..2s"]].concat();
        let of_flags = settings(folder.path(), &flags).unwrap();
        assert_eq!((of_flags.pids_limit, of_flags.limits.max), (Some(9), SignedDuration::from_secs(2)));
        fs::write(&file, format!("{head}podPidsLimit: many\n")).unwrap();
        let error = settings(folder.path(), &config).unwrap_err().to_string();
        assert!(error.contains("kubelet.yaml: podPidsLimit: Invalid value: \"many\""), "{error}");
    }

    #[test]
    fn flags_that_make_no_sense_are_named() {
        let folder = tempfile::tempdir().unwrap();
        for (flag, value) in [
            ("--subnet", "10.9.0.0"),
            ("--subnet", "10.9.0.0/31"),
            ("--subnet6", "10.9.0.0/24"),
            ("--bridge", "sixteen-letters-"),
            ("--restart-backoff", "5m..10s"),
            ("--restart-backoff", "0s..10s"),
            ("--feature-gates", "Foo=true"),
            ("--cri", "/run/containerd/containerd.sock"),
            ("--cri", "unix://containerd.sock"),
        ] {
            let error = settings(folder.path(), &[flag, value]).unwrap_err();
            assert!(error.is::<BadInput>() && error.to_string().contains(flag), "{flag} {value}: {error}");
        }
    }
}
