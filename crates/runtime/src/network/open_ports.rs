//! Which Pod holds which port of the host, on disk. The packet filter's rules are made from this record.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::addresses::PodAddresses;
use super::filter::Forward;
use super::host_port::HostPort;
use crate::disk::{self, DiskError};

/// The ports of the host that lead to Pods.
#[derive(Debug)]
pub struct OpenPorts {
    file: PathBuf,
    held: BTreeMap<String, Held>,
}

/// What one sandbox holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Held {
    /// `namespace/name`, for messages.
    pub pod: String,
    /// Where they lead.
    pub addresses: PodAddresses,
    /// The ports.
    pub ports: Vec<HostPort>,
}

/// Why a port can't be had.
#[derive(Debug, thiserror::Error)]
pub enum OpenPortError {
    /// Another Pod has it.
    #[error("{port} of the host is taken: Pod {holder} has {held}")]
    Taken {
        /// What was asked for.
        port: HostPort,
        /// Who has it.
        holder: String,
        /// What it has.
        held: HostPort,
    },
    /// The Pod wants it twice.
    #[error("{port} of the host can't lead to the Pod's ports {} and {other} at once", port.container_port)]
    Twice {
        /// What was asked for.
        port: HostPort,
        /// The other port of the Pod.
        other: u16,
    },
    /// The Pod has no address of that family.
    #[error("{0} of the host: Pods have no IPv6 addresses here (--subnet6 gives them some)")]
    NoIpv6(HostPort),
    /// The record can't be read or written.
    #[error("the record of host ports")]
    Disk(#[from] DiskError),
}

impl OpenPorts {
    /// Reads the record, if there is one.
    pub fn open(file: &Path) -> Result<Self, OpenPortError> {
        Ok(Self { file: file.to_owned(), held: disk::read(file)?.unwrap_or_default() })
    }

    /// Gives `sandbox` its ports, all or none.
    pub fn claim(&mut self, sandbox: &str, wanted: Held) -> Result<(), OpenPortError> {
        let no_v6 = wanted.addresses.v6.is_none();
        if let Some(port) = wanted.ports.iter().find(|port| no_v6 && port.host_ip.is_some_and(|ip| ip.is_ipv6())) {
            return Err(OpenPortError::NoIpv6(port.clone()));
        }
        let others = self.held.iter().filter(|(id, _)| *id != sandbox);
        check(&wanted.ports, others.flat_map(|(_, held)| held.ports.iter().map(|port| (held.pod.as_str(), port))))?;
        self.held.insert(sandbox.to_owned(), wanted);
        Ok(disk::write(&self.file, &self.held, true)?)
    }

    /// The ports of `sandbox`.
    pub fn of(&self, sandbox: &str) -> Option<&[HostPort]> {
        self.held.get(sandbox).map(|held| held.ports.as_slice())
    }

    /// Takes the ports of `sandbox` back.
    pub fn release(&mut self, sandbox: &str) -> Result<(), OpenPortError> {
        match self.held.remove(sandbox) {
            Some(_) => Ok(disk::write(&self.file, &self.held, true)?),
            None => Ok(()),
        }
    }

    /// The sandboxes that have some.
    pub fn holders(&self) -> impl Iterator<Item = &str> {
        self.held.keys().map(String::as_str)
    }

    /// Where packets to the host are to be led, without those of sandbox `except`.
    pub fn forwards(&self, except: Option<&str>) -> Vec<Forward> {
        let held = self.held.iter().filter(|(id, _)| Some(id.as_str()) != except).map(|(_, held)| held);
        let forwards = held.flat_map(|h| h.ports.iter().flat_map(|port| forwards(port, &h.addresses)));
        // A port of one address comes before the same port of all.
        let (one, all): (Vec<_>, Vec<_>) = forwards.partition(|forward| forward.host_ip.is_some());
        one.into_iter().chain(all).collect()
    }
}

/// Whether a Pod can have the ports `wanted` while others hold `held`, each named with its Pod.
pub fn check<'h>(
    wanted: &[HostPort],
    held: impl Iterator<Item = (&'h str, &'h HostPort)> + Clone,
) -> Result<(), OpenPortError> {
    for (i, port) in wanted.iter().enumerate() {
        if let Some(first) = wanted[..i].iter().find(|first| first.conflicts_with(port)) {
            return Err(OpenPortError::Twice { port: first.clone(), other: port.container_port });
        }
        if let Some((holder, held)) = held.clone().find(|(_, held)| held.conflicts_with(port)) {
            return Err(OpenPortError::Taken { port: port.clone(), holder: holder.to_owned(), held: held.clone() });
        }
    }
    Ok(())
}

/// One per family that the port is open for and the Pod has.
fn forwards(port: &HostPort, addresses: &PodAddresses) -> Vec<Forward> {
    let of_family = |ip: &IpAddr| port.host_ip.is_none_or(|host| host.is_ipv4() == ip.is_ipv4());
    let to = addresses.all().into_iter().filter(of_family);
    let host_ip = port.host_ip.filter(|ip| !ip.is_unspecified());
    let forward = |ip| Forward {
        protocol: port.protocol,
        host_ip,
        host_port: port.host_port,
        to: SocketAddr::new(ip, port.container_port),
    };
    to.map(forward).collect()
}

#[cfg(test)]
mod tests {
    use super::super::host_port::Protocol;
    use super::*;

    fn ports(name: &str) -> OpenPorts {
        let file = std::env::temp_dir().join(format!("reprise-ports-{name}-{}.json", std::process::id()));
        OpenPorts::open(&file).unwrap()
    }

    fn held(pod: &str, v6: bool, ports: &[(Option<&str>, u16, u16)]) -> Held {
        let port = |(ip, host_port, container_port): &(Option<&str>, u16, u16)| HostPort {
            protocol: Protocol::Tcp,
            host_ip: ip.map(|ip| ip.parse().unwrap()),
            host_port: *host_port,
            container_port: *container_port,
        };
        let v6 = v6.then(|| "fd00::2".parse().unwrap());
        let addresses = PodAddresses { v4: [10, 0, 0, 2].into(), v6 };
        Held { pod: pod.to_owned(), addresses, ports: ports.iter().map(port).collect() }
    }

    #[test]
    fn a_port_has_one_holder_who_is_named_and_gives_it_back() {
        let mut open = ports("holder");
        open.claim("a", held("default/web", false, &[(None, 80, 8080)])).unwrap();
        let mut again = OpenPorts::open(&open.file).unwrap();
        let refused = again.claim("b", held("default/other", false, &[(Some("127.0.0.1"), 80, 80)])).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "TCP port 80 of 127.0.0.1 of the host is taken: Pod default/web has TCP port 80"
        );
        again.claim("a", held("default/web", false, &[(None, 80, 8080)])).expect("its own port is no conflict");
        again.release("a").unwrap();
        again.claim("b", held("default/other", false, &[(Some("127.0.0.1"), 80, 80)])).unwrap();
        std::fs::remove_file(&open.file).unwrap();
    }

    #[test]
    fn a_pod_that_contradicts_itself_or_lacks_the_family_gets_none() {
        let mut open = ports("contradiction");
        let twice = open.claim("a", held("p", false, &[(None, 80, 1), (None, 80, 2)])).unwrap_err();
        assert_eq!(twice.to_string(), "TCP port 80 of the host can't lead to the Pod's ports 1 and 2 at once");
        let v6 = open.claim("a", held("p", false, &[(None, 81, 1), (Some("::1"), 80, 1)])).unwrap_err();
        assert!(v6.to_string().contains("no IPv6 addresses here (--subnet6"), "{v6}");
        assert_eq!(open.holders().count(), 0);
    }

    #[test]
    fn forwards_follow_the_families_of_port_and_pod() {
        let mut open = ports("families");
        let wanted = [(None, 80, 8080), (Some("0.0.0.0"), 81, 81), (Some("fd00::1"), 82, 82)];
        open.claim("a", held("p", true, &wanted)).unwrap();
        let text = |f: &Forward| format!("{:?} {} {}", f.host_ip.map(|ip| ip.to_string()), f.host_port, f.to);
        let forwards: Vec<_> = open.forwards(None).iter().map(text).collect();
        assert_eq!(
            forwards,
            [
                "Some(\"fd00::1\") 82 [fd00::2]:82",
                "None 80 10.0.0.2:8080",
                "None 80 [fd00::2]:8080",
                "None 81 10.0.0.2:81",
            ]
        );
        assert!(open.forwards(Some("a")).is_empty());
        std::fs::remove_file(&open.file).unwrap();
    }
}
