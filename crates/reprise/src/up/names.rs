//! The names of Pods and services, for Pods: a DNS server at the address of the Pods' bridge.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result};
use reprise_api::Api;
use reprise_api::security::certificates::Client as Who;
use reprise_cluster::dns::{self, DnsError, DnsOptions, DnsServer, Network};
use reprise_node::chain;

use super::kubeconfig;
use crate::cli::UpArgs;
use crate::settings::Settings;

/// The server, where there is one.
pub struct UpNames {
    server: Option<DnsServer>,
}

impl UpNames {
    /// Serves names where it is said, else at the Pods' gateway. If it can't be done there, Pods resolve as the host does.
    pub async fn start(api: &Api, args: &UpArgs, settings: &Settings) -> Result<Self> {
        let Some(options) = options(args, settings) else { return Ok(Self { server: None }) };
        let domain = options.domain.clone();
        let address = options.listen.first().copied();
        let client = kubeconfig::client(api, &Who::Dns).await?;
        match (dns::serve(client, options).await, args.dns_listen) {
            (Ok(server), None) => Ok(Self { server: Some(server) }),
            (Ok(server), Some(_)) => {
                let addresses: Vec<String> = server.addresses().iter().map(ToString::to_string).collect();
                outln!("names in {domain} at {}", addresses.join(", "));
                Ok(Self { server: Some(server) })
            }
            (Err(error), Some(_)) => Err(error).context("names can't be served at --dns-listen"),
            (Err(error), None) => {
                warn(&error, address);
                Ok(Self { server: None })
            }
        }
    }

    /// The server that Pods are told of. A resolv.conf can't say a port.
    pub fn for_pods(&self) -> Option<IpAddr> {
        let addresses = self.server.as_ref().map(DnsServer::addresses).unwrap_or_default();
        let usable = |address: &&SocketAddr| address.port() == dns::PORT && !address.ip().is_unspecified();
        addresses.iter().find(usable).map(SocketAddr::ip)
    }

    /// Ends it.
    pub async fn stop(self) {
        if let Some(server) = self.server {
            server.shutdown().await;
        }
    }
}

/// None where names are not ours to serve: without a node, with a network of another runtime, or if the configuration has
/// another server.
fn options(args: &UpArgs, settings: &Settings) -> Option<DnsOptions> {
    let node = settings.node();
    let here = args.dns_listen.is_some();
    if !here && (args.no_node || !settings.runtime.is_embedded() || !node.cluster_dns.is_empty()) {
        return None;
    }
    let gateway = SocketAddr::new(settings.subnet.gateway().into(), dns::PORT);
    let v4 = Network::new(settings.subnet.gateway().into(), settings.subnet.prefix());
    let v6 = settings.subnet6.map(|subnet| Network::new(subnet.gateway().into(), subnet.prefix()));
    Some(DnsOptions {
        listen: vec![args.dns_listen.unwrap_or(gateway)],
        // The bridge is made with its first Pod.
        bind_ahead: !here,
        domain: node.cluster_domain,
        clients: if here { Vec::new() } else { std::iter::once(v4).chain(v6).collect() },
        resolv_conf: node.resolv_conf,
    })
}

fn warn(error: &DnsError, address: Option<SocketAddr>) {
    let what_to_do = match (error.is_taken(), address) {
        (true, Some(address)) => format!(
            ": another DNS server of this machine has port {}; have it leave {} alone, \
            or give --subnet or --dns-listen",
            address.port(),
            address.ip()
        ),
        _ => String::new(),
    };
    eprintln!(
        "Warning: Pods resolve names as this machine does, without those of Pods and services: {}{what_to_do}",
        chain(error)
    );
}
