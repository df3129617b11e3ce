//! Makes the kernel forget where UDP packets to a port of the host went.
//!
//! It remembers that for a sender as long as packets come, and asks the packet filter only about new senders. So a
//! sender that goes on would reach neither a Pod that has just got the port, nor its successor. TCP needs none of
//! this: a new connection is asked about.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with};

const REQUEST: u16 = 0x1;
const ACK: u16 = 0x4;
const DUMP: u16 = 0x300;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const SUBSYSTEM: u16 = 1 << 8;
const GET: u16 = SUBSYSTEM | 1;
const DELETE: u16 = SUBSYSTEM | 2;
/// The bits of an attribute's type that are the type.
const TYPE: u16 = 0x3fff;
const NESTED: u16 = 0x8000;
const TUPLE: u16 = 1;
const ZONE: u16 = 18;
const HEADER: usize = 16;
/// Address family, version, two unused bytes.
const FAMILY_HEADER: usize = 4;
const UDP: u8 = 17;
/// The kernel answers at once.
const LIMIT: Duration = Duration::from_secs(5);

/// What the kernel remembers of one sender.
struct Entry {
    family: u8,
    /// The attribute that names it, as the kernel wrote it.
    tuple: Vec<u8>,
    zone: Option<Vec<u8>>,
}

/// Forgets the senders of UDP packets to one of `ports` of one of the host's addresses.
pub fn forget(ports: &[u16], host: &[IpAddr]) -> io::Result<()> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(netlink::NETFILTER))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(LIMIT))?;
    let mut found = Vec::new();
    ask(&socket, GET, DUMP, &[0; FAMILY_HEADER], |payload| {
        found.extend(entry(payload).filter(|(_, to, port)| ports.contains(port) && is_host(*to, host)));
    })?;
    for (entry, ..) in found {
        let mut payload = vec![entry.family, 0, 0, 0];
        push(&mut payload, TUPLE | NESTED, &entry.tuple);
        if let Some(zone) = &entry.zone {
            push(&mut payload, ZONE, zone);
        }
        match ask(&socket, DELETE, ACK, &payload, |_| {}) {
            // It may have ended meanwhile.
            Err(e) if e.raw_os_error() != Some(libc::ENOENT) => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

fn is_host(ip: IpAddr, host: &[IpAddr]) -> bool {
    ip.is_loopback() || host.contains(&ip)
}

/// Sends one request and hands on the payload of every answer, up to the last one.
fn ask(socket: &OwnedFd, kind: u16, flags: u16, payload: &[u8], mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let length = u32::try_from(HEADER + payload.len()).map_err(io::Error::other)?;
    let mut message = Vec::from(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((REQUEST | flags).to_ne_bytes());
    // Sequence number and sender: one request at a time needs neither.
    message.extend([0; 8]);
    message.extend(payload);
    send(socket, &message, SendFlags::empty())?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let (size, _) = recv(socket, &mut buffer, RecvFlags::empty())?;
        let mut rest = &buffer[..size];
        while let Some((kind, payload, after)) = next_message(rest) {
            match kind {
                DONE => return Ok(()),
                ERROR => return outcome(payload),
                _ => each(payload),
            }
            rest = after;
        }
    }
}

/// Type and payload of the first message, and what comes after it.
fn next_message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let payload = bytes.get(HEADER..length)?;
    Some((kind, payload, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// A message of an error, which is none if its number is 0.
fn outcome(payload: &[u8]) -> io::Result<()> {
    match payload.get(..4).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(number) => Err(io::Error::from_raw_os_error(-number)),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Reads what the kernel says of one sender: the entry, where its packets go, and to which UDP port.
fn entry(payload: &[u8]) -> Option<(Entry, IpAddr, u16)> {
    let family = *payload.first()?;
    let attributes = payload.get(FAMILY_HEADER..)?;
    let tuple = attribute(attributes, TUPLE)?;
    let protocol = attribute(tuple, 2)?;
    if attribute(protocol, 1)? != [UDP] {
        return None;
    }
    let port = u16::from_be_bytes(attribute(protocol, 3)?.try_into().ok()?);
    let ip = attribute(tuple, 1)?;
    let to: IpAddr = match (attribute(ip, 2), attribute(ip, 4)) {
        (Some(v4), _) => Ipv4Addr::from(<[u8; 4]>::try_from(v4).ok()?).into(),
        (None, Some(v6)) => Ipv6Addr::from(<[u8; 16]>::try_from(v6).ok()?).into(),
        (None, None) => return None,
    };
    let zone = attribute(attributes, ZONE).map(<[u8]>::to_vec);
    Some((Entry { family, tuple: tuple.to_vec(), zone }, to, port))
}

/// The value of the attribute of this type.
fn attribute(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(bytes.get(2..4)?.try_into().ok()?);
        let value = bytes.get(4..length)?;
        if kind & TYPE == wanted {
            return Some(value);
        }
        bytes = bytes.get(length.next_multiple_of(4)..)?;
    }
}

fn push(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    // A tuple of two addresses and ports is far below the limit.
    let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(kind: u16, parts: &[(u16, &[u8])]) -> Vec<u8> {
        let mut value = Vec::new();
        parts.iter().for_each(|(kind, part)| push(&mut value, *kind, part));
        let mut all = Vec::new();
        push(&mut all, kind | NESTED, &value);
        all
    }

    #[test]
    fn an_entry_is_read_as_the_kernel_writes_it() {
        let ip = nested(1, &[(1, &[127, 0, 0, 1]), (2, &[127, 0, 0, 1])]);
        let protocol = nested(2, &[(1, &[UDP]), (2, &[0x9c, 0x40]), (3, &[0x14, 0xe9])]);
        let mut payload = vec![2, 0, 0, 0];
        push(&mut payload, 12, &[1, 2, 3, 4]);
        push(&mut payload, TUPLE | NESTED, &[ip.as_slice(), &protocol].concat());
        push(&mut payload, ZONE, &[0, 7]);
        let (entry, to, port) = entry(&payload).unwrap();
        assert_eq!((to.to_string().as_str(), port, entry.family), ("127.0.0.1", 5353, 2));
        assert_eq!((entry.tuple, entry.zone), ([ip, protocol].concat(), Some(vec![0, 7])));
    }

    #[test]
    fn what_is_cut_off_or_not_udp_is_no_entry() {
        let tcp = nested(TUPLE, &[(2, &nested(1, &[])), (1, &[])]);
        for bytes in [&[][..], &[2, 0, 0, 0], &[&[2, 0, 0, 0][..], &tcp].concat(), &[2, 0, 0, 0, 0, 0, 0, 0], &[2; 9]] {
            assert!(entry(bytes).is_none());
        }
        assert!(next_message(&[0; 16]).is_none() && next_message(&[200; 64]).is_none());
    }

    #[test]
    fn only_packets_to_the_host_are_meant() {
        let host = ["192.0.2.1".parse().unwrap()];
        assert!(is_host("192.0.2.1".parse().unwrap(), &host) && is_host("127.0.0.9".parse().unwrap(), &host));
        assert!(!is_host("192.0.2.2".parse().unwrap(), &host));
    }
}
