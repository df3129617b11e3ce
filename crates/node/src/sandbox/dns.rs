//! The Pod's name resolution, from its `dnsPolicy` and `dnsConfig`, the node's settings and the host's resolv.conf.

use std::fs;
use std::io;

use k8s_openapi::api::core::v1::Pod;
use reprise_cri::v1::DnsConfig;

use super::hosts::is_host_network;
use crate::config::NodeConfig;
use crate::pod_key::PodKey;

/// How many name servers resolvers look at.
const MAX_SERVERS: usize = 3;

/// The Pod's DNS configuration.
pub(crate) fn config(pod: &Pod, node: &NodeConfig) -> io::Result<DnsConfig> {
    let spec = pod.spec.as_ref();
    let policy = spec.and_then(|s| s.dns_policy.as_deref()).unwrap_or("ClusterFirst");
    let of_host = || fs::read_to_string(&node.resolv_conf).map(|text| parse(&text));
    let mut dns = match policy {
        "None" => DnsConfig::default(),
        "ClusterFirstWithHostNet" if !node.cluster_dns.is_empty() => of_cluster(pod, node, of_host()?),
        "ClusterFirst" if !node.cluster_dns.is_empty() && !is_host_network(pod) => of_cluster(pod, node, of_host()?),
        _ => of_host()?,
    };
    if let Some(own) = spec.and_then(|s| s.dns_config.as_ref()) {
        append_new(&mut dns.servers, own.nameservers.iter().flatten().cloned());
        append_new(&mut dns.searches, own.searches.iter().flatten().cloned());
        for option in own.options.iter().flatten() {
            let name = option.name.clone().unwrap_or_default();
            dns.options.retain(|o| o.split(':').next() != Some(name.as_str()));
            dns.options.push(match &option.value {
                Some(value) => format!("{name}:{value}"),
                None => name,
            });
        }
    }
    dns.servers.truncate(MAX_SERVERS);
    Ok(dns)
}

fn of_cluster(pod: &Pod, node: &NodeConfig, of_host: DnsConfig) -> DnsConfig {
    let (namespace, domain) = (PodKey::of(pod).namespace, &node.cluster_domain);
    let mut searches = vec![format!("{namespace}.svc.{domain}"), format!("svc.{domain}"), domain.clone()];
    append_new(&mut searches, of_host.searches.into_iter());
    DnsConfig { servers: node.cluster_dns.clone(), searches, options: vec!["ndots:5".to_owned()] }
}

fn append_new(list: &mut Vec<String>, more: impl Iterator<Item = String>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}

/// Reads resolv.conf: comments are lines that begin with `#` or `;`, the last `search` and each `options` count.
fn parse(text: &str) -> DnsConfig {
    let mut dns = DnsConfig::default();
    for line in text.lines().filter(|l| !l.starts_with(['#', ';'])) {
        let mut words = line.split_whitespace().map(str::to_owned);
        match words.next().as_deref() {
            Some("nameserver") => dns.servers.extend(words.next()),
            Some("search") => dns.searches = words.map(|w| w.trim_end_matches('.').to_owned()).collect(),
            Some("options") => append_new(&mut dns.options, words),
            _ => {}
        }
    }
    dns
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(spec: Value, cluster: &[&str]) -> DnsConfig {
        let folder = tempfile::tempdir().unwrap();
        let mut node = NodeConfig::new(folder.path(), "/none");
        node.resolv_conf = folder.path().join("resolv.conf");
        node.cluster_dns = cluster.iter().map(|s| (*s).to_owned()).collect();
        fs::write(&node.resolv_conf, "# x\nnameserver 9.9.9.9\nsearch example.org\noptions edns0\n").unwrap();
        let mut spec = spec;
        spec["containers"] = json!([]);
        let pod = serde_json::from_value(json!({"metadata": {"namespace": "n"}, "spec": spec})).unwrap();
        config(&pod, &node).unwrap()
    }

    #[test]
    fn without_a_cluster_a_pod_resolves_as_the_host_does() {
        let dns = of(json!({}), &[]);
        assert_eq!(
            (dns.servers, dns.searches, dns.options),
            (vec!["9.9.9.9".to_owned()], vec!["example.org".to_owned()], vec!["edns0".to_owned()])
        );
    }

    #[test]
    fn in_a_cluster_the_clusters_names_come_first() {
        let dns = of(json!({"dnsConfig": {"options": [{"name": "ndots", "value": "2"}]}}), &["10.96.0.10"]);
        assert_eq!(dns.servers, ["10.96.0.10"]);
        assert_eq!(dns.searches, ["n.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.org"]);
        assert_eq!(dns.options, ["ndots:2"]);
    }

    #[test]
    fn none_leaves_only_what_the_pod_gives() {
        let dns = of(json!({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"]}}), &["10.96.0.10"]);
        assert_eq!((dns.servers, dns.searches), (vec!["1.1.1.1".to_owned()], Vec::new()));
    }
}
