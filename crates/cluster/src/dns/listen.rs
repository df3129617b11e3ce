//! The sockets of one address.

use std::io;
use std::net::SocketAddr;

use rustix::net::sockopt::{set_ip_freebind, set_ipv6_freebind};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind as bind_socket, socket_with};
use tokio::net::{TcpListener, TcpSocket, UdpSocket};

use super::DnsError;

/// Connections that wait to be taken.
const BACKLOG: u32 = 64;
/// How often a port is looked for that is free for both.
const TRIES: usize = 16;

pub(super) struct Sockets {
    pub(super) address: SocketAddr,
    pub(super) udp: UdpSocket,
    pub(super) tcp: TcpListener,
}

/// Listens at `address` over both. If it may be `ahead`, the address need not be there yet.
pub(super) async fn bind(address: SocketAddr, ahead: bool) -> Result<Sockets, DnsError> {
    let mut tries = if address.port() == 0 { TRIES } else { 1 };
    loop {
        tries -= 1;
        let failed = |protocol: &'static str| move |source| DnsError::Listen { address, protocol, source };
        let udp = udp(address, ahead).map_err(failed("UDP"))?;
        let own = udp.local_addr().map_err(failed("UDP"))?;
        match tcp(own, ahead) {
            Ok(tcp) => return Ok(Sockets { address: own, udp, tcp }),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 0 => {}
            Err(error) => return Err(failed("TCP")(error)),
        }
    }
}

fn udp(address: SocketAddr, ahead: bool) -> io::Result<UdpSocket> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::DGRAM, flags, None)?;
    free(&socket, address, ahead)?;
    bind_socket(&socket, &address)?;
    UdpSocket::from_std(std::net::UdpSocket::from(socket))
}

fn tcp(address: SocketAddr, ahead: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    free(&socket, address, ahead)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn free(socket: impl std::os::fd::AsFd, address: SocketAddr, ahead: bool) -> io::Result<()> {
    match address {
        _ if !ahead => Ok(()),
        SocketAddr::V4(_) => Ok(set_ip_freebind(socket, true)?),
        SocketAddr::V6(_) => Ok(set_ipv6_freebind(socket, true)?),
    }
}
