//! A bridge of our own: a pair of links for each sandbox, addresses from the runtime's networks.

use std::net::IpAddr;

use tokio::sync::Mutex;

use super::NetworkError;
use super::addresses::{Addresses, PodAddresses, Subnets};
use super::filter::Rules;
use super::host_port::{HostPort, Protocol};
use super::links::{LinkAddress, Links};
use super::open_ports::{Held, OpenPorts};
use super::request::Request;
use super::{conntrack, inside, sysctl};
use crate::layout::Layout;

/// The bridge and what is on it.
pub struct Bridge {
    links: Links,
    name: String,
    subnets: Subnets,
    state: Mutex<State>,
}

/// Changed by one call at a time: two sandboxes must not make the bridge at once.
struct State {
    addresses: Addresses,
    ports: OpenPorts,
    /// Whether this process has seen to addresses, parameters and rules of the bridge.
    prepared: bool,
}

impl Bridge {
    /// Makes nothing yet. Must be called within a tokio runtime.
    pub fn open(name: &str, subnets: Subnets, layout: &Layout) -> Result<Self, NetworkError> {
        let addresses = Addresses::open(&layout.addresses(), subnets)?;
        let ports = OpenPorts::open(&layout.host_ports())?;
        let state = Mutex::new(State { addresses, ports, prepared: false });
        Ok(Self { links: Links::open()?, name: name.to_owned(), subnets, state })
    }

    /// Whether bridge and address ranges can be ours.
    pub async fn check(&self) -> Result<(), NetworkError> {
        if let Some(v6) = self.subnets.v6
            && !sysctl::has_ipv6()
        {
            return Err(NetworkError::NoIpv6(v6.to_string()));
        }
        let ours = self.links.find(&self.name).await?.map(|link| link.header.index);
        for taken in self.links.addresses().await?.iter().filter(|a| Some(a.link) != ours) {
            if let Some((subnet, flag, other)) = self.range_with(taken) {
                let link = self.links.name_of(taken.link).await;
                let (address, prefix) = (taken.address, taken.prefix);
                return Err(NetworkError::InUse { subnet, link, address, prefix, flag, other });
            }
        }
        Ok(())
    }

    /// Which of our ranges shares addresses with `taken`, the flag that sets it, and another range.
    fn range_with(&self, taken: &LinkAddress) -> Option<(String, &'static str, &'static str)> {
        let Subnets { v4, v6 } = self.subnets;
        match taken.address {
            IpAddr::V4(ip) if v4.overlaps(ip, taken.prefix) => Some((v4.to_string(), "--subnet", "10.199.0.0/16")),
            IpAddr::V6(ip) => v6
                .filter(|v6| v6.overlaps(ip, taken.prefix))
                .map(|v6| (v6.to_string(), "--subnet6", "fd00:10:199::/64")),
            IpAddr::V4(_) => None,
        }
    }

    /// Connects the network namespace of process `shim`, gives it addresses, and opens the Pod's ports of the host.
    pub async fn attach(&self, request: &Request, shim: i32) -> Result<PodAddresses, NetworkError> {
        let sandbox = &request.sandbox;
        let mut state = self.state.lock().await;
        let bridge = self.ensure(&mut state).await?;
        let addresses = state.addresses.take(sandbox)?;
        let host = link_name(sandbox);
        self.links.make_pair(&host, inside::LINK, bridge, shim).await?;
        if !request.ports.is_empty() {
            let held = Held { pod: request.pod(), addresses, ports: request.ports.clone() };
            state.ports.claim(sandbox, held)?;
            self.links.let_back(&host).await?;
            self.apply(&state, None).await.map_err(NetworkError::Filter)?;
            self.forget_senders(&request.ports).await;
        }
        drop(state);
        inside::configure(shim, addresses, self.subnets).await?;
        Ok(addresses)
    }

    /// Gives back what [`Bridge::attach`] gave, as far as it is there; with the last sandbox goes the bridge.
    pub async fn detach(&self, sandbox: &str) -> Result<(), NetworkError> {
        let mut state = self.state.lock().await;
        self.close(&mut state, sandbox).await?;
        self.links.delete(&link_name(sandbox)).await?;
        if state.addresses.release(sandbox)? {
            self.remove(&mut state).await?;
        }
        Ok(())
    }

    /// Closes the ports of a sandbox whose processes are gone.
    pub async fn close_ports(&self, sandbox: &str) -> Result<(), NetworkError> {
        let mut state = self.state.lock().await;
        self.close(&mut state, sandbox).await
    }

    async fn close(&self, state: &mut State, sandbox: &str) -> Result<(), NetworkError> {
        let Some(ports) = state.ports.of(sandbox) else { return Ok(()) };
        // Where the bridge is gone, so are its rules: after a start of the machine.
        if self.links.our_bridge(&self.name).await?.is_some() {
            self.apply(state, Some(sandbox)).await.map_err(NetworkError::Filter)?;
            self.forget_senders(ports).await;
        }
        Ok(state.ports.release(sandbox)?)
    }

    /// Takes up what an earlier runtime left: gives back what sandboxes outside of `known` hold, closes ports of
    /// those that are not `alive`, and puts the rules for the others in force.
    pub async fn recover(&self, known: &[String], alive: &[String]) -> Result<(), NetworkError> {
        let (holders, openers) = {
            let state = self.state.lock().await;
            let holders: Vec<String> = state.addresses.holders().map(str::to_owned).collect();
            let openers: Vec<String> = state.ports.holders().map(str::to_owned).collect();
            (holders, openers)
        };
        for sandbox in openers.iter().filter(|id| !alive.contains(id)) {
            self.close_ports(sandbox).await?;
        }
        for sandbox in holders.iter().filter(|id| !known.contains(id)) {
            self.detach(sandbox).await?;
        }
        let mut state = self.state.lock().await;
        if self.links.find(&self.name).await?.is_none() {
            return Ok(());
        }
        let rules = self.rules(Vec::new());
        if let Err(e) = tokio::task::spawn_blocking(move || rules.remove_others()).await {
            tracing::warn!(error = %e, "rules of an earlier runtime were not removed");
        }
        if state.addresses.holders().next().is_none() {
            return self.remove(&mut state).await;
        }
        self.ensure(&mut state).await.map(drop)
    }

    /// Makes the bridge if it is not there, and sees to all that belongs to it.
    async fn ensure(&self, state: &mut State) -> Result<u32, NetworkError> {
        let name = &self.name;
        let bridge = match self.links.our_bridge(name).await? {
            Some(bridge) if state.prepared => return Ok(bridge),
            Some(bridge) => bridge,
            None => self.links.make_bridge(name).await?,
        };
        sysctl::believe_no_routers(name)?;
        self.links.bring_up(bridge, name).await?;
        let Subnets { v4, v6 } = self.subnets;
        self.links.give_address(bridge, name, v4.gateway().into(), v4.prefix()).await?;
        if let Some(v6) = v6 {
            sysctl::set(&format!("ipv6/conf/{name}/disable_ipv6"), "0")?;
            self.links.give_address(bridge, name, v6.gateway().into(), v6.prefix()).await?;
        }
        let forwarding = sysctl::set("ipv4/ip_forward", "1").and_then(|()| match v6 {
            Some(_) => sysctl::forward_ipv6(),
            None => Ok(()),
        });
        let sentence = match forwarding {
            Ok(()) => self.apply(state, None).await.err(),
            Err(error) => Some(crate::error::chain(&error)),
        };
        if let Some(sentence) = sentence {
            tracing::warn!("Pods can't reach beyond this host: {sentence}");
        }
        state.prepared = true;
        Ok(bridge)
    }

    /// Puts the rules in force, without the ports of sandbox `except`.
    async fn apply(&self, state: &State, except: Option<&str>) -> Result<(), String> {
        let rules = self.rules(state.ports.forwards(except));
        let loopback = rules.forwards.iter().any(|f| f.to.is_ipv4());
        let applied = tokio::task::spawn_blocking(move || rules.apply()).await;
        applied.map_err(|e| e.to_string())??;
        if loopback {
            // Safe only now: the rules keep Pods from the host's loopback.
            let name = format!("ipv4/conf/{}/route_localnet", self.name);
            sysctl::set(&name, "1").map_err(|e| crate::error::chain(&e))?;
        }
        Ok(())
    }

    /// Senders of UDP packets to these ports are led anew.
    async fn forget_senders(&self, ports: &[HostPort]) {
        let udp = ports.iter().filter(|port| port.protocol == Protocol::Udp);
        let udp: Vec<u16> = udp.map(|port| port.host_port).collect();
        if udp.is_empty() {
            return;
        }
        let forgotten = async {
            let host: Vec<IpAddr> = self.links.addresses().await?.into_iter().map(|a| a.address).collect();
            let forget = move || conntrack::forget(&udp, &host).map_err(NetworkError::Senders);
            tokio::task::spawn_blocking(forget).await.unwrap_or_else(|e| Err(NetworkError::Senders(e.into())))
        };
        if let Err(e) = forgotten.await {
            let error = crate::error::chain(&e);
            tracing::warn!(error, "senders of UDP packets may go on to reach what had the host port before");
        }
    }

    fn rules(&self, forwards: Vec<super::filter::Forward>) -> Rules {
        Rules { bridge: self.name.clone(), subnets: self.subnets, forwards }
    }

    async fn remove(&self, state: &mut State) -> Result<(), NetworkError> {
        state.prepared = false;
        // A link of that name that is not ours stays, and has no rules of ours.
        let Ok(Some(_)) = self.links.our_bridge(&self.name).await else { return Ok(()) };
        let rules = self.rules(Vec::new());
        if let Err(e) = tokio::task::spawn_blocking(move || rules.remove()).await {
            tracing::warn!(error = %e, "the packet filter's rules were not removed");
        }
        self.links.delete(&self.name).await
    }
}

/// The host's end of a sandbox's pair. Link names have at most 15 characters.
fn link_name(sandbox: &str) -> String {
    format!("rpr{}", sandbox.get(..10).unwrap_or(sandbox))
}
