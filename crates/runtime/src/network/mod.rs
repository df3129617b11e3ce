//! The Pods' network: a bridge of our own, or whatever CNI plugins make.
//!
//! * [`bridge`]: a veth pair for each sandbox, addresses of one or both families from the runtime's own networks, ports
//!   of the host through the packet filter ([`filter`]). Links are made over netlink; `nft` or `iptables` is run once
//!   for the bridge and once for a sandbox with host ports. The pair dies with the sandbox's network namespace, and so
//!   with its shim; the bridge goes with the last sandbox.
//! * [`cni`]: plugins are run as the first configuration of a folder says. That is read for every sandbox, so it may
//!   come later than the runtime, and change.
//!
//! Which of them a new sandbox gets is the runtime's configuration; what a sandbox has is on disk, and both take away
//! what they gave, so that a runtime started with the other one leaves nothing behind.

mod addresses;
mod bridge;
pub mod cni;
mod conntrack;
mod error;
mod filter;
mod host_port;
mod inside;
mod links;
mod open_ports;
mod request;
pub mod subnet;
pub mod subnet6;
mod sysctl;

use std::net::IpAddr;

use addresses::Subnets;
use bridge::Bridge;
use cni::Cni;
pub use error::NetworkError;
pub use request::Request;

use crate::RuntimeConfig;
use crate::error::chain;
use crate::layout::Layout;

/// The network of all sandboxes.
pub struct Network {
    bridge: Bridge,
    cni: Cni,
}

/// A sandbox that was there before this process.
#[derive(Debug, Clone)]
pub struct Known {
    /// The sandbox.
    pub id: String,
    /// Its shim, if that lives.
    pub shim: Option<i32>,
}

impl Network {
    /// Makes nothing yet. Fails where bridge and addresses can't be ours. Must be called within a tokio runtime.
    pub async fn open(config: &RuntimeConfig, layout: &Layout) -> Result<Self, NetworkError> {
        let subnets = Subnets { v4: config.subnet, v6: config.subnet6 };
        let bridge = Bridge::open(&config.bridge, subnets, layout)?;
        if config.cni.is_none() {
            bridge.check().await?;
        }
        Ok(Self { bridge, cni: Cni::new(config.cni.clone(), layout.cni()) })
    }

    /// Why new sandboxes can't have a network now.
    pub async fn ready(&self) -> Result<(), NetworkError> {
        match self.cni.config() {
            Some(config) => Ok(self.cni.ready(config).await?),
            None => Ok(()),
        }
    }

    /// Connects the network namespace of process `shim`; the Pod's addresses, the primary one first.
    pub async fn attach(&self, request: &Request, shim: i32) -> Result<Vec<IpAddr>, NetworkError> {
        match self.cni.config() {
            Some(config) => {
                inside::loopback(shim).await?;
                Ok(self.cni.attach(config, request, shim).await?)
            }
            None => Ok(self.bridge.attach(request, shim).await?.all()),
        }
    }

    /// Takes away what [`Network::attach`] gave, as far as it is there. Best while the sandbox's shim lives.
    pub async fn detach(&self, sandbox: &str) -> Result<(), NetworkError> {
        self.cni.detach(sandbox).await?;
        self.bridge.detach(sandbox).await
    }

    /// A sandbox's processes are gone, and with them its links: its ports of the host lead nowhere.
    pub async fn lost(&self, sandbox: &str) {
        if let Err(e) = self.bridge.close_ports(sandbox).await {
            tracing::warn!(sandbox, error = chain(&e), "the host ports of a lost sandbox are still open");
        }
    }

    /// Takes up what an earlier runtime left, and gives back what sandboxes have that are not among `known`.
    pub async fn recover(&self, known: &[Known]) -> Result<(), NetworkError> {
        let ids: Vec<String> = known.iter().map(|k| k.id.clone()).collect();
        let alive: Vec<String> = known.iter().filter(|k| k.shim.is_some()).map(|k| k.id.clone()).collect();
        for sandbox in self.cni.sandboxes()?.iter().filter(|id| !ids.contains(id)) {
            // A plugin that fails must not keep the runtime from starting: it is asked again at the next start.
            if let Err(e) = self.cni.detach(sandbox).await {
                tracing::warn!(sandbox, error = chain(&e), "CNI plugins did not take back what a lost sandbox had");
            }
        }
        self.bridge.recover(&ids, &alive).await
    }

    /// Whether a sandbox whose shim is alive has lost its link, so that only a new sandbox can have a network.
    pub fn is_cut_off(&self, sandbox: &str, shim: i32) -> bool {
        match inside::has_link(shim) {
            Some(false) => {}
            // With a shim that is gone, more than its link is: that is told elsewhere.
            Some(true) | None => return false,
        }
        let by_plugins = self.cni.sandboxes().is_ok_and(|all| all.iter().any(|id| id == sandbox));
        // Plugins may give a Pod addresses without that link.
        !by_plugins || self.cni.made_link(sandbox).unwrap_or(false)
    }

    /// Has plugins look after what they made. What they find is for people: a network that a plugin is not content
    /// with may well work, and a sandbox that is called broken is thrown away.
    pub async fn check(&self, sandbox: &str) {
        if let Err(e) = self.cni.check(sandbox).await {
            tracing::warn!(sandbox, error = chain(&e), "CNI plugins find fault with the network of a sandbox");
        }
    }
}
