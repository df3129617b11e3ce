//! The Pods' network: a bridge on the host, a veth pair for each sandbox, an address from the node's subnet.
//!
//! Links are made over netlink, nothing is shelled out to but the masquerade rule, once. The pair dies with the
//! sandbox's network namespace, and so with its shim; the bridge goes with the last sandbox.

mod addresses;
mod inside;
mod masquerade;
pub mod subnet;

use std::net::Ipv4Addr;
use std::path::Path;

use futures::TryStreamExt;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{LinkAttribute, LinkMessage};
use rtnetlink::{Handle, LinkBridge, LinkUnspec, LinkVeth};
use tokio::sync::Mutex;

pub use addresses::AddressError;
use addresses::Addresses;
use subnet::Subnet;

/// Marks a bridge as ours: no other is ever removed.
const ALIAS: &str = "reprise";

/// Why a Pod can't have its network.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// Netlink refused.
    #[error("{operation} {link}")]
    Netlink {
        /// What was tried.
        operation: &'static str,
        /// On which link.
        link: String,
        /// Why it failed.
        source: rtnetlink::Error,
    },
    /// Netlink can't be reached.
    #[error("open a netlink socket")]
    Socket(#[source] std::io::Error),
    /// Another link has addresses of the subnet.
    #[error(
        "the Pods' address range {subnet} is already in use: link {link} has {address}/{prefix}; \
         choose another with --subnet, such as --subnet 10.199.0.0/16"
    )]
    InUse {
        /// The range.
        subnet: Subnet,
        /// The other link.
        link: String,
        /// Its address.
        address: Ipv4Addr,
        /// Its prefix.
        prefix: u8,
    },
    /// The bridge's name is taken by something that is not ours.
    #[error("a link {0} exists and is not ours: choose another name with --bridge")]
    NotOurs(String),
    /// No address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The sandbox's side could not be set up.
    #[error("set up the network inside the sandbox")]
    Inside(#[from] inside::InsideError),
}

/// The bridge and what is on it.
pub struct Network {
    handle: Handle,
    bridge: String,
    subnet: Subnet,
    addresses: Mutex<Addresses>,
}

impl Network {
    /// Checks that the bridge and its range can be ours; makes nothing yet. Must be called within a tokio runtime.
    pub async fn open(bridge: &str, subnet: Subnet, record: &Path) -> Result<Self, NetworkError> {
        let (connection, handle, _) = rtnetlink::new_connection().map_err(NetworkError::Socket)?;
        tokio::spawn(connection);
        let addresses = Mutex::new(Addresses::open(record, subnet)?);
        let network = Self { handle, bridge: bridge.to_owned(), subnet, addresses };
        network.check_range().await?;
        Ok(network)
    }

    fn error(&self, operation: &'static str, link: &str) -> impl FnOnce(rtnetlink::Error) -> NetworkError {
        let link = link.to_owned();
        move |source| NetworkError::Netlink { operation, link, source }
    }

    async fn check_range(&self) -> Result<(), NetworkError> {
        let ours = self.find(&self.bridge).await?.map(|link| link.header.index);
        let all: Vec<AddressMessage> = self
            .handle
            .address()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(self.error("list addresses of", "all links"))?;
        for message in all.iter().filter(|m| Some(m.header.index) != ours) {
            let prefix = message.header.prefix_len;
            let address = message.attributes.iter().find_map(|a| match a {
                AddressAttribute::Address(std::net::IpAddr::V4(ip)) => Some(*ip),
                _ => None,
            });
            if let Some(address) = address.filter(|a| self.subnet.overlaps(*a, prefix)) {
                let link = self.name_of(message.header.index).await;
                return Err(NetworkError::InUse { subnet: self.subnet, link, address, prefix });
            }
        }
        Ok(())
    }

    async fn name_of(&self, index: u32) -> String {
        let link = self.handle.link().get().match_index(index).execute().try_next().await.ok().flatten();
        let name = link.and_then(|l| {
            l.attributes.into_iter().find_map(|a| match a {
                LinkAttribute::IfName(name) => Some(name),
                _ => None,
            })
        });
        name.unwrap_or_else(|| format!("number {index}"))
    }

    async fn find(&self, name: &str) -> Result<Option<LinkMessage>, NetworkError> {
        match self.handle.link().get().match_name(name.to_owned()).execute().try_next().await {
            Ok(found) => Ok(found),
            Err(rtnetlink::Error::NetlinkError(e)) if e.raw_code() == -libc::ENODEV => Ok(None),
            Err(e) => Err(self.error("look for the link", name)(e)),
        }
    }

    async fn index(&self, name: &str) -> Result<u32, NetworkError> {
        let found = self.find(name).await?;
        found.map(|l| l.header.index).ok_or_else(|| NetworkError::NotOurs(name.to_owned()))
    }

    /// Makes the bridge if it is not there. Some sentence if Pods will not reach beyond the host.
    async fn ensure_bridge(&self) -> Result<u32, NetworkError> {
        let name = &self.bridge;
        if let Some(found) = self.find(name).await? {
            let ours = found.attributes.iter().any(|a| matches!(a, LinkAttribute::IfAlias(alias) if alias == ALIAS));
            return if ours { Ok(found.header.index) } else { Err(NetworkError::NotOurs(name.clone())) };
        }
        let link = self.handle.link();
        link.add(LinkBridge::new(name).build()).execute().await.map_err(self.error("make the bridge", name))?;
        let index = self.index(name).await?;
        let up = LinkUnspec::new_with_index(index).alias(ALIAS).up().build();
        link.set(up).execute().await.map_err(self.error("bring up", name))?;
        let gateway = self.subnet.gateway().into();
        let add = self.handle.address().add(index, gateway, self.subnet.prefix());
        add.execute().await.map_err(self.error("give an address to", name))?;
        let (bridge, subnet) = (name.clone(), self.subnet);
        let masquerade = tokio::task::spawn_blocking(move || masquerade::set_up(&bridge, subnet)).await;
        if let Ok(Err(sentence)) = masquerade {
            tracing::warn!("{sentence}");
        }
        Ok(index)
    }

    /// Connects the network namespace of process `shim` and gives it an address.
    pub async fn attach(&self, sandbox: &str, shim: i32) -> Result<Ipv4Addr, NetworkError> {
        // Held to the end: two sandboxes must not make the bridge at the same time.
        let mut addresses = self.addresses.lock().await;
        let bridge = self.ensure_bridge().await?;
        let address = addresses.take(sandbox)?;
        let (host, pod) = link_names(sandbox);
        let link = self.handle.link();
        link.add(LinkVeth::new(&host, &pod).build()).execute().await.map_err(self.error("make the link", &host))?;
        let pod_index = self.index(&pod).await?;
        let away = LinkUnspec::new_with_index(pod_index).setns_by_pid(shim.unsigned_abs()).build();
        link.set(away).execute().await.map_err(self.error("move into the sandbox", &pod))?;
        let host_index = self.index(&host).await?;
        let up = LinkUnspec::new_with_index(host_index).controller(bridge).up().build();
        link.set(up).execute().await.map_err(self.error("bring up", &host))?;
        drop(addresses);
        inside::configure(shim, pod, address, self.subnet).await?;
        Ok(address)
    }

    /// Gives back what [`Network::attach`] gave, as far as it is there; with the last sandbox goes the bridge.
    pub async fn detach(&self, sandbox: &str) -> Result<(), NetworkError> {
        let mut addresses = self.addresses.lock().await;
        let (host, _) = link_names(sandbox);
        self.delete(&host).await?;
        if addresses.release(sandbox)? {
            self.remove_bridge().await?;
        }
        Ok(())
    }

    /// Gives back the addresses of sandboxes that are not in `known`.
    pub async fn forget_others(&self, known: &[String]) -> Result<(), NetworkError> {
        let holders: Vec<String> = self.addresses.lock().await.holders().map(str::to_owned).collect();
        for sandbox in holders.iter().filter(|h| !known.contains(h)) {
            self.detach(sandbox).await?;
        }
        Ok(())
    }

    async fn delete(&self, name: &str) -> Result<(), NetworkError> {
        let Some(found) = self.find(name).await? else { return Ok(()) };
        match self.handle.link().del(found.header.index).execute().await {
            Err(rtnetlink::Error::NetlinkError(e)) if e.raw_code() == -libc::ENODEV => Ok(()),
            result => result.map_err(self.error("remove the link", name)),
        }
    }

    async fn remove_bridge(&self) -> Result<(), NetworkError> {
        let Some(found) = self.find(&self.bridge).await? else { return Ok(()) };
        let ours = found.attributes.iter().any(|a| matches!(a, LinkAttribute::IfAlias(alias) if alias == ALIAS));
        if !ours {
            return Ok(());
        }
        let (bridge, subnet) = (self.bridge.clone(), self.subnet);
        if let Err(e) = tokio::task::spawn_blocking(move || masquerade::tear_down(&bridge, subnet)).await {
            tracing::warn!(error = %e, "the masquerade rule was not removed");
        }
        self.delete(&self.bridge).await
    }
}

/// The two ends of a sandbox's pair. Link names have at most 15 characters.
fn link_names(sandbox: &str) -> (String, String) {
    let short = sandbox.get(..10).unwrap_or(sandbox);
    (format!("rpr{short}"), format!("rpp{short}"))
}
