//! Links of the host and their addresses, over netlink.

use std::net::IpAddr;

use futures::TryStreamExt;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage};
use rtnetlink::packet_route::link::{InfoData, InfoVeth, LinkAttribute, LinkMessage};
use rtnetlink::{Handle, LinkBridge, LinkBridgePort, LinkMessageBuilder, LinkUnspec, LinkVeth};

use super::NetworkError;

/// Marks a bridge as ours: no other is ever removed.
const ALIAS: &str = "reprise";

/// The host's links.
pub struct Links(Handle);

/// An address that a link has.
pub struct LinkAddress {
    pub link: u32,
    pub address: IpAddr,
    pub prefix: u8,
}

impl Links {
    /// Opens a netlink socket. Must be called within a tokio runtime.
    pub fn open() -> Result<Self, NetworkError> {
        let (connection, handle, _) = rtnetlink::new_connection().map_err(NetworkError::Socket)?;
        tokio::spawn(connection);
        Ok(Self(handle))
    }

    pub async fn find(&self, name: &str) -> Result<Option<LinkMessage>, NetworkError> {
        match self.0.link().get().match_name(name.to_owned()).execute().try_next().await {
            Ok(found) => Ok(found),
            Err(rtnetlink::Error::NetlinkError(e)) if e.raw_code() == -libc::ENODEV => Ok(None),
            Err(e) => Err(failed("look for the link", name)(e)),
        }
    }

    async fn index(&self, name: &str) -> Result<u32, NetworkError> {
        let found = self.find(name).await?;
        found.map(|l| l.header.index).ok_or_else(|| NetworkError::NotOurs(name.to_owned()))
    }

    /// The name of a link, for messages.
    pub async fn name_of(&self, index: u32) -> String {
        let link = self.0.link().get().match_index(index).execute().try_next().await.ok().flatten();
        let name = link.and_then(|l| {
            l.attributes.into_iter().find_map(|a| match a {
                LinkAttribute::IfName(name) => Some(name),
                _ => None,
            })
        });
        name.unwrap_or_else(|| format!("number {index}"))
    }

    pub async fn addresses(&self) -> Result<Vec<LinkAddress>, NetworkError> {
        let listing = self.0.address().get().execute().try_collect();
        let all: Vec<AddressMessage> = listing.await.map_err(failed("list addresses of", "all links"))?;
        let address = |m: AddressMessage| {
            let address = m.attributes.iter().find_map(|a| match a {
                AddressAttribute::Address(ip) => Some(*ip),
                _ => None,
            });
            address.map(|address| LinkAddress { link: m.header.index, address, prefix: m.header.prefix_len })
        };
        Ok(all.into_iter().filter_map(address).collect())
    }

    /// The bridge `name` if it is there. One that is not ours is an error.
    pub async fn our_bridge(&self, name: &str) -> Result<Option<u32>, NetworkError> {
        let Some(found) = self.find(name).await? else { return Ok(None) };
        let ours = found.attributes.iter().any(|a| matches!(a, LinkAttribute::IfAlias(alias) if alias == ALIAS));
        if ours { Ok(Some(found.header.index)) } else { Err(NetworkError::NotOurs(name.to_owned())) }
    }

    /// Makes a bridge. Its hardware address is its own: otherwise it would be the lowest of its ports', and change
    /// under the Pods that know it.
    pub async fn make_bridge(&self, name: &str) -> Result<u32, NetworkError> {
        let [_, b, c, d, e, f, ..] = *uuid::Uuid::new_v4().as_bytes();
        let bridge = LinkBridge::new(name).address(vec![0x02, b, c, d, e, f]).build();
        self.0.link().add(bridge).execute().await.map_err(failed("make the bridge", name))?;
        let index = self.index(name).await?;
        let alias = LinkUnspec::new_with_index(index).alias(ALIAS).build();
        self.0.link().set(alias).execute().await.map_err(failed("mark", name))?;
        Ok(index)
    }

    pub async fn bring_up(&self, index: u32, name: &str) -> Result<(), NetworkError> {
        let up = LinkUnspec::new_with_index(index).up().build();
        self.0.link().set(up).execute().await.map_err(failed("bring up", name))
    }

    /// Gives a link an address; fine if it has it.
    pub async fn give_address(&self, index: u32, name: &str, ip: IpAddr, prefix: u8) -> Result<(), NetworkError> {
        give_address(&self.0, index, ip, prefix).await.map_err(failed("give an address to", name))
    }

    /// Makes a pair, one end on the bridge and up, the other in the network namespace of process `pid`. All at once: a
    /// link that is moved to another namespace waits for the whole machine's packet
    /// handling, one that is made there does not.
    pub async fn make_pair(&self, host: &str, pod: &str, bridge: u32, pid: i32) -> Result<(), NetworkError> {
        let far = LinkMessageBuilder::<LinkUnspec>::new().name(pod).setns_by_pid(pid.unsigned_abs()).build();
        let near = LinkVeth::new(host, pod).set_info_data(InfoData::Veth(InfoVeth::Peer(far)));
        let pair = near.controller(bridge).up().build();
        self.0.link().add(pair).execute().await.map_err(failed("make the link", host))
    }

    /// Lets packets leave a bridge where they came in: where the bridge's frames pass the packet filter, a Pod that
    /// reaches itself through a port of the host needs that.
    pub async fn let_back(&self, name: &str) -> Result<(), NetworkError> {
        let port = LinkBridgePort::new(self.index(name).await?).hairpin(true).build();
        self.0.link().set_port(port).execute().await.map_err(failed("set up the bridge's port", name))
    }

    /// Removes a link, if it is there.
    pub async fn delete(&self, name: &str) -> Result<(), NetworkError> {
        let Some(found) = self.find(name).await? else { return Ok(()) };
        match self.0.link().del(found.header.index).execute().await {
            Err(rtnetlink::Error::NetlinkError(e)) if e.raw_code() == -libc::ENODEV => Ok(()),
            result => result.map_err(failed("remove the link", name)),
        }
    }
}

/// Gives a link an address; fine if it has it. Nobody else has an address of the Pods' networks, so an IPv6 one can be
/// used at once instead of after a second of asking around.
pub async fn give_address(handle: &Handle, index: u32, ip: IpAddr, prefix: u8) -> Result<(), rtnetlink::Error> {
    let mut add = handle.address().add(index, ip, prefix).replace();
    if ip.is_ipv6() {
        let message = add.message_mut();
        message.header.flags |= AddressHeaderFlags::Nodad;
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    add.execute().await
}

fn failed(operation: &'static str, link: &str) -> impl FnOnce(rtnetlink::Error) -> NetworkError {
    let link = link.to_owned();
    move |source| NetworkError::Netlink { operation, link, source }
}
