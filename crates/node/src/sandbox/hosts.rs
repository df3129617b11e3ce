//! `/etc/hosts` of a Pod's containers: managed by the node, shared by all of them, the same in every epoch.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use k8s_openapi::api::core::v1::Pod;

use super::hostname::host_and_domain;
use crate::config::NodeConfig;

/// Where containers see it.
pub(crate) const PATH: &str = "/etc/hosts";

/// Writes the file, unless it has that content already: containers hold the file itself, so it is never replaced.
pub(crate) fn write(pod: &Pod, config: &NodeConfig, ips: &[String], path: &Path) -> io::Result<()> {
    let content = if is_host_network(pod) {
        let of_host = fs::read_to_string(&config.hosts_file)?;
        format!("# Kubernetes-managed hosts file (host network).\n{of_host}{}", aliases(pod))
    } else {
        managed(pod, &config.cluster_domain, ips)
    };
    if fs::read_to_string(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    fs::write(path, content)?;
    fs::set_permissions(path, Permissions::from_mode(0o644))
}

pub(crate) fn is_host_network(pod: &Pod) -> bool {
    pod.spec.as_ref().and_then(|s| s.host_network) == Some(true)
}

fn managed(pod: &Pod, cluster_domain: &str, ips: &[String]) -> String {
    let mut text = "# Kubernetes-managed hosts file.\n\
        127.0.0.1\tlocalhost\n\
        ::1\tlocalhost ip6-localhost ip6-loopback\n\
        fe00::0\tip6-localnet\n\
        fe00::0\tip6-mcastprefix\n\
        fe00::1\tip6-allnodes\n\
        fe00::2\tip6-allrouters\n"
        .to_owned();
    let (host, domain) = host_and_domain(pod, cluster_domain);
    for ip in ips {
        let names = if domain.is_empty() { host.clone() } else { format!("{host}.{domain}\t{host}") };
        text.push_str(&format!("{ip}\t{names}\n"));
    }
    text + &aliases(pod)
}

fn aliases(pod: &Pod) -> String {
    let list = pod.spec.iter().flat_map(|s| s.host_aliases.iter().flatten());
    let lines: String =
        list.map(|a| format!("{}\t{}\n", a.ip, a.hostnames.as_deref().unwrap_or_default().join("\t"))).collect();
    if lines.is_empty() { lines } else { format!("\n# Entries added by HostAliases.\n{lines}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_file_has_the_pods_names_and_aliases_and_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "n"},
            "spec": {"containers": [], "subdomain": "s", "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a", "b"]}]}
        }))
        .unwrap();
        let config = NodeConfig::new(folder.path(), "/none");
        let path = folder.path().join("etc-hosts");
        write(&pod, &config, &["10.0.0.2".to_owned()], &path).unwrap();
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("\n10.0.0.2\tp.s.n.svc.cluster.local\tp\n"), "{text}");
        assert!(text.ends_with("\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n"), "{text}");
        write(&pod, &config, &["10.0.0.2".to_owned()], &path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
    }
}
