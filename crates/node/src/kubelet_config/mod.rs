//! Settings from a file in the kubelet's own format, `KubeletConfiguration` of `kubelet.config.k8s.io/v1beta1`.
//!
//! A node that was run by a kubelet can keep its file: fields that mean nothing here are named in warnings, and a value
//! that can't be right is an error.

mod care;
mod fields;
mod resources;

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use reprise_core::image_collection::ImagePolicy;
use reprise_core::log_rotation::LogPolicy;
use reprise_core::manifest::{PlainError, read_plain};
use reprise_core::node_admission::Reservations;
use reprise_core::resources::ResourceList;
use serde_json::Value;

use crate::http::HttpConfig;
use crate::static_pods::StaticPodConfig;
use fields::Fields;
pub use resources::EvictionHard;

const API_VERSION: &str = "kubelet.config.k8s.io/v1beta1";
const KIND: &str = "KubeletConfiguration";
/// What the kubelet lets a longest back-off be.
const RESTART_PERIOD: RangeInclusive<SignedDuration> = SignedDuration::from_secs(1)..=SignedDuration::from_mins(5);
/// Less and the node would give up on calls that go well.
const REQUEST_TIMEOUT: RangeInclusive<SignedDuration> = SignedDuration::from_secs(1)..=SignedDuration::from_hours(24);
/// The kubelet's port.
const DEFAULT_PORT: u16 = 10250;

/// What a file says, as far as it means something here. What it does not say is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KubeletConfiguration {
    /// `crashLoopBackOff.maxContainerRestartPeriod`.
    pub max_restart_period: Option<SignedDuration>,
    /// `runtimeRequestTimeout`.
    pub request_timeout: Option<Duration>,
    /// `podPidsLimit`; 0 and less is no limit.
    pub pod_pids_limit: Option<i64>,
    /// `seccompDefault`.
    pub seccomp_default: Option<bool>,
    /// `maxPods`.
    pub max_pods: Option<i64>,
    /// `systemReserved`.
    pub system_reserved: ResourceList,
    /// `kubeReserved`.
    pub kube_reserved: ResourceList,
    /// `evictionHard`, as far as it says how much Pods can have.
    pub eviction_hard: Option<EvictionHard>,
    /// Whether `enforceNodeAllocatable` has `pods`.
    pub enforce_node_allocatable: Option<bool>,
    /// `cgroupRoot`.
    pub cgroup_root: Option<String>,
    /// `cgroupsPerQOS`.
    pub cgroups_per_qos: Option<bool>,
    /// `allowedUnsafeSysctls`.
    pub allowed_unsafe_sysctls: Option<Vec<String>>,
    /// `clusterDNS`.
    pub cluster_dns: Option<Vec<String>>,
    /// `clusterDomain`.
    pub cluster_domain: Option<String>,
    /// `resolvConf`.
    pub resolv_conf: Option<PathBuf>,
    /// `featureGates`, those that exist here, as `A=true,B=false`.
    pub feature_gates: String,
    /// `imageGCHighThresholdPercent`, `imageGCLowThresholdPercent`, `imageMinimumGCAge` and `imageMaximumGCAge`.
    pub images: ImagePolicy,
    /// `containerLogMaxSize` and `containerLogMaxFiles`.
    pub logs: LogPolicy,
    /// `containerLogMonitorInterval`.
    pub log_monitor_interval: Option<Duration>,
    /// `staticPodPath`, `staticPodURL`, `staticPodURLHeader`, `fileCheckFrequency` and `httpCheckFrequency`.
    pub static_pods: StaticPodConfig,
    /// `address`.
    pub address: Option<IpAddr>,
    /// `port`; 0 is no API.
    pub port: Option<u16>,
    /// `tlsCertFile` and `tlsPrivateKeyFile`.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// `authentication.x509.clientCAFile`.
    pub client_ca_file: Option<PathBuf>,
}

/// A file that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KubeletConfigError {
    /// It can't be read.
    #[error("can't read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is neither YAML nor JSON.
    #[error("{}: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: PlainError,
    },
    /// Values are wrong.
    #[error("{}", problems.iter().map(|p| format!("{}: {p}", path.display())).collect::<Vec<_>>().join("\n"))]
    Values {
        /// The file.
        path: PathBuf,
        /// Each with field and value.
        problems: Vec<String>,
    },
}

impl KubeletConfiguration {
    /// Reads a file: the settings, and a warning for each field that changes nothing here.
    ///
    /// # Errors
    /// If the file can't be read or a value is wrong.
    pub fn read(path: &Path) -> Result<(Self, Vec<String>), KubeletConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|source| KubeletConfigError::Unreadable { path: path.to_owned(), source })?;
        let value = read_plain(&text).map_err(|source| KubeletConfigError::Syntax { path: path.to_owned(), source })?;
        let (settings, warnings) =
            Self::of(value).map_err(|problems| KubeletConfigError::Values { path: path.to_owned(), problems })?;
        Ok((settings, warnings.into_iter().map(|warning| format!("{}: {warning}", path.display())).collect()))
    }

    /// Settings and warnings, or all that is wrong.
    fn of(value: Value) -> Result<(Self, Vec<String>), Vec<String>> {
        let mut fields = Fields::of(value)?;
        fields.expect("apiVersion", API_VERSION);
        fields.expect("kind", KIND);
        let settings = Self {
            max_restart_period: fields
                .within("crashLoopBackOff", |f| f.duration("maxContainerRestartPeriod", RESTART_PERIOD)),
            request_timeout: fields
                .duration("runtimeRequestTimeout", REQUEST_TIMEOUT)
                .and_then(|time| Duration::try_from(time).ok()),
            pod_pids_limit: fields.integer("podPidsLimit"),
            seccomp_default: fields.boolean("seccompDefault"),
            max_pods: fields.count("maxPods"),
            system_reserved: fields.within("systemReserved", Fields::reserved).unwrap_or_default(),
            kube_reserved: fields.within("kubeReserved", Fields::reserved).unwrap_or_default(),
            eviction_hard: fields.within("evictionHard", Fields::eviction_hard),
            enforce_node_allocatable: fields.enforces_allocatable(),
            cgroup_root: fields.cgroup("cgroupRoot"),
            cgroups_per_qos: fields.boolean("cgroupsPerQOS"),
            allowed_unsafe_sysctls: fields.sysctl_patterns("allowedUnsafeSysctls"),
            cluster_dns: fields.addresses("clusterDNS"),
            cluster_domain: fields.text("clusterDomain"),
            resolv_conf: fields.text("resolvConf").map(PathBuf::from),
            feature_gates: fields.within("featureGates", Fields::gates).unwrap_or_default(),
            images: care::images(&mut fields),
            logs: care::logs(&mut fields),
            log_monitor_interval: fields
                .duration("containerLogMonitorInterval", care::LOG_PERIOD)
                .and_then(|time| Duration::try_from(time).ok()),
            static_pods: care::static_pods(&mut fields),
            address: fields.address("address"),
            port: fields.port("port"),
            certificate: fields.both("tlsCertFile", "tlsPrivateKeyFile"),
            client_ca_file: fields.within("authentication", |f| {
                f.within("anonymous", Fields::no_strangers);
                f.within("x509", |f| f.path("clientCAFile"))
            }),
        };
        fields.finish().map(|warnings| (settings, warnings))
    }

    /// What the file keeps from Pods; a kubelet's defaults for what it does not say.
    #[must_use]
    pub fn reservations(&self) -> Reservations {
        let defaults = Reservations::default();
        let eviction = self.eviction_hard;
        Reservations {
            system: self.system_reserved.clone(),
            kube: self.kube_reserved.clone(),
            memory_available: eviction.map_or(defaults.memory_available, |hard| hard.memory_available),
            nodefs_available: eviction.map_or(defaults.nodefs_available, |hard| hard.nodefs_available),
        }
    }

    /// The API that the file asks for. `address` is the flag's, which wins; without one, the file asks for an API if it
    /// names an address or a port.
    #[must_use]
    pub fn http(&self, address: Option<SocketAddr>) -> Option<HttpConfig> {
        let of_file = || {
            let named = self.address.is_some() || self.port.is_some();
            let ip = self.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
            let port = self.port.unwrap_or(DEFAULT_PORT);
            (named && port != 0).then(|| SocketAddr::new(ip, port))
        };
        let address = address.or_else(of_file)?;
        let (certificate, client_ca_file) = (self.certificate.clone(), self.client_ca_file.clone());
        Some(HttpConfig { address, certificate, client_ca_file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

    pub(super) fn of(fields: &str) -> Result<(KubeletConfiguration, Vec<String>), Vec<String>> {
        KubeletConfiguration::of(read_plain(&format!("{HEAD}{fields}")).unwrap())
    }

    /// Each of these fields, and nothing else, is wrong, and what is said of it has this in it.
    pub(super) fn assert_wrong<const N: usize>(fields: &str, expected: [(&str, &str); N]) {
        let problems = of(fields).unwrap_err();
        for (field, value) in expected {
            let told = problems.iter().any(|problem| problem.starts_with(field) && problem.contains(value));
            assert!(told, "{field}: {problems:#?}");
        }
        assert_eq!(problems.len(), N, "{problems:#?}");
    }

    #[test]
    fn a_kubelets_file_is_understood() {
        let (settings, warnings) = of("address: 192.0.2.1\nport: 10250\nauthentication:\n  anonymous:\n    enabled: false\n  x509:\n    clientCAFile: /etc/kubernetes/pki/ca.crt\nclusterDNS: [10.96.0.10]\nclusterDomain: cluster.local\ncrashLoopBackOff: {maxContainerRestartPeriod: 60s}\nfeatureGates:\n  RestartAllContainersOnContainerExits: false\npodPidsLimit: 200\nruntimeRequestTimeout: 90s\nseccompDefault: true\nresolvConf: /run/resolv.conf\n").unwrap();
        assert_eq!(warnings, [] as [&str; 0]);
        assert_eq!(settings.max_restart_period, Some(SignedDuration::from_secs(60)));
        assert_eq!((settings.pod_pids_limit, settings.seccomp_default), (Some(200), Some(true)));
        assert_eq!(settings.request_timeout, Some(Duration::from_secs(90)));
        assert_eq!(settings.feature_gates, "RestartAllContainersOnContainerExits=false");
        let http = settings.http(None).unwrap();
        assert_eq!(http.address.to_string(), "192.0.2.1:10250");
        assert_eq!(http.client_ca_file.as_deref(), Some(Path::new("/etc/kubernetes/pki/ca.crt")));
        let flag = "127.0.0.1:1".parse().unwrap();
        assert_eq!(settings.http(Some(flag)).unwrap().address, flag);
    }

    #[test]
    fn a_field_that_changes_nothing_is_named_in_a_warning() {
        let (settings, warnings) =
            of("podsPerCore: 50\nauthentication: {webhook: {enabled: true}}\nfeatureGates: {Foo: true}\n").unwrap();
        assert_eq!(settings, KubeletConfiguration::default());
        for (field, warning) in ["authentication.webhook", "featureGates.Foo", "podsPerCore"].iter().zip(&warnings) {
            assert!(warning.starts_with(&format!("{field}: ")), "{warning}");
        }
        assert_eq!(warnings.len(), 3);
        assert_eq!(settings.http(None), None, "nothing is served that was not asked for");
    }

    #[test]
    fn a_wrong_value_is_an_error_with_field_and_value() {
        let fields = "port: 70000\nseccompDefault: maybe\nclusterDNS: [dns]\ncrashLoopBackOff: {maxContainerRestartPeriod: 10m}\ntlsCertFile: /crt\nauthentication: {anonymous: {enabled: true}}\n";
        assert_wrong(
            fields,
            [
                ("port", "70000"),
                ("seccompDefault", "\"maybe\""),
                ("clusterDNS", "\"dns\""),
                ("crashLoopBackOff.maxContainerRestartPeriod", "\"10m\""),
                ("tlsCertFile", "tlsPrivateKeyFile"),
                ("authentication.anonymous.enabled", "true"),
            ],
        );
    }

    #[test]
    fn what_the_node_does_for_itself_is_set_as_the_kubelet_s() {
        let (settings, warnings) = of("imageGCHighThresholdPercent: 70\nimageGCLowThresholdPercent: 60\nimageMinimumGCAge: 1m\nimageMaximumGCAge: 24h\ncontainerLogMaxSize: 1Mi\ncontainerLogMaxFiles: 3\ncontainerLogMonitorInterval: 3s\nstaticPodPath: /etc/kubernetes/manifests\nstaticPodURL: http://h/p\nstaticPodURLHeader: {X-A: [b, c]}\nfileCheckFrequency: 5s\nhttpCheckFrequency: 7s\n").unwrap();
        assert_eq!(warnings, [] as [&str; 0]);
        let images = settings.images;
        assert_eq!((images.high_percent, images.low_percent), (70, 60));
        assert_eq!(images.maximum_age, Some(SignedDuration::from_hours(24)));
        assert_eq!((settings.logs.max_size, settings.logs.max_files), (1024 * 1024, 3));
        assert_eq!(settings.log_monitor_interval, Some(Duration::from_secs(3)));
        let pods = settings.static_pods;
        assert_eq!(pods.path.as_deref(), Some(Path::new("/etc/kubernetes/manifests")));
        assert_eq!(pods.url_headers, [("X-A", "b"), ("X-A", "c")].map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert_eq!((pods.file_period, pods.http_period), (Duration::from_secs(5), Duration::from_secs(7)));
    }

    #[test]
    fn what_makes_no_sense_together_is_an_error() {
        for (fields, field) in [
            ("imageGCLowThresholdPercent: 90", "imageGCLowThresholdPercent"),
            ("imageGCHighThresholdPercent: 101", "imageGCHighThresholdPercent"),
            ("imageMinimumGCAge: 2h\nimageMaximumGCAge: 1h", "imageMaximumGCAge"),
            ("containerLogMaxFiles: 1", "containerLogMaxFiles"),
            ("containerLogMaxSize: many", "containerLogMaxSize"),
            ("containerLogMonitorInterval: 1s", "containerLogMonitorInterval"),
            ("staticPodPath: manifests", "staticPodPath"),
            ("staticPodURL: ftp://h", "staticPodURL"),
            ("staticPodURLHeader: {a: b}", "staticPodURLHeader"),
        ] {
            let problems = of(&format!("{fields}\n")).unwrap_err();
            assert!(problems.len() == 1 && problems[0].starts_with(field), "{fields}: {problems:?}");
        }
    }

    #[test]
    fn another_kind_of_file_is_refused() {
        let problems = KubeletConfiguration::of(read_plain("apiVersion: v1\nkind: Pod\n").unwrap()).unwrap_err();
        assert!(problems[0].starts_with("apiVersion: Invalid value: \"v1\""), "{problems:?}");
    }
}
