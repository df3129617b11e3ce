//! Takes a request for a port-forward and makes a session of it.

use std::collections::VecDeque;

use bytes::Bytes;
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

use crate::begin;
use crate::error::SessionError;
use crate::link::Link;
use crate::pairing::Pairing;
use crate::port_forward::{PortConnection, PortForwardSession};
use crate::protocol::{CHANNELS_V4, CHANNELS_V4_BASE64, PORT_FORWARD, PORT_FORWARD_TUNNEL};
use crate::spdy::Role;
use crate::timeouts::Timeouts;
use crate::upgrade::{self, PROTOCOL_VERSION, Refusal};
use crate::websocket::{self, ChannelCodec};

/// More ports than anybody forwards at once; a channel's number is one byte.
const MAX_PORTS: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Channels(ChannelCodec),
    Tunnel,
    Spdy,
}

const WEBSOCKET: [(&str, Protocol); 3] = [
    (PORT_FORWARD_TUNNEL, Protocol::Tunnel),
    ("v4.channel.k8s.io", Protocol::Channels(CHANNELS_V4)),
    ("v4.base64.channel.k8s.io", Protocol::Channels(CHANNELS_V4_BASE64)),
];

/// A request for a port-forward that was accepted: becomes a session as soon as the answer is sent.
#[derive(Debug)]
pub struct PortForwardUpgrade {
    upgrade: OnUpgrade,
    protocol: Protocol,
    ports: Vec<u16>,
    timeouts: Timeouts,
}

/// Accepts a request for a port-forward in any protocol that Kubernetes' clients speak. Send the answer, and await
/// [`PortForwardUpgrade::session`] in another task. The HTTP server must allow upgrades.
///
/// `ports` are those that the request named, if it did; only the channels of WebSocket need them.
pub fn accept_port_forward<B>(
    request: &mut Request<B>,
    ports: &[u16],
    timeouts: Timeouts,
) -> Result<(Response<Full<Bytes>>, PortForwardUpgrade), Refusal> {
    let (protocol, headers) = if websocket::is_websocket(request.headers()) {
        let offered = websocket::offered_protocols(request.headers());
        let (name, protocol) =
            if offered.is_empty() { ("", WEBSOCKET[1].1) } else { upgrade::choose(&offered, &WEBSOCKET)? };
        check_ports(protocol, ports)?;
        let headers = websocket::accept_headers(request.headers(), name);
        (protocol, headers.map_err(|message| Refusal::new(StatusCode::BAD_REQUEST, message))?)
    } else if upgrade::is_spdy(request.headers()) {
        let offered: Vec<_> = upgrade::tokens(request.headers(), PROTOCOL_VERSION).map(str::to_owned).collect();
        let spoken = [(PORT_FORWARD, Protocol::Spdy)];
        let (name, protocol) =
            if offered.is_empty() { ("", Protocol::Spdy) } else { upgrade::choose(&offered, &spoken)? };
        (protocol, upgrade::spdy_headers(name))
    } else {
        return Err(upgrade::no_upgrade());
    };
    let upgrade = hyper::upgrade::on(request);
    let accepted = PortForwardUpgrade { upgrade, protocol, ports: ports.to_vec(), timeouts };
    Ok((upgrade::switching(headers), accepted))
}

fn check_ports(protocol: Protocol, ports: &[u16]) -> Result<(), Refusal> {
    if !matches!(protocol, Protocol::Channels(_)) || (1..=MAX_PORTS).contains(&ports.len()) {
        return Ok(());
    }
    let message = format!(
        "the request names {} ports: over WebSocket channels it must name between 1 and {MAX_PORTS}",
        ports.len()
    );
    Err(Refusal::new(StatusCode::BAD_REQUEST, message))
}

impl PortForwardUpgrade {
    /// The session.
    pub async fn session(self) -> Result<PortForwardSession, SessionError> {
        let transport = TokioIo::new(self.upgrade.await.map_err(SessionError::Upgrade)?);
        let idle = self.timeouts.idle;
        let (link, new) = match self.protocol {
            Protocol::Spdy => begin::spdy(transport, Role::Server, idle)?,
            Protocol::Tunnel => begin::spdy_tunnel(transport, Role::Server, idle).await?,
            Protocol::Channels(codec) => {
                let open = |link: &Link| open_channels(link, &self.ports);
                let (link, mut connections) = begin::channels(transport, Role::Server, codec, idle, open).await;
                for connection in &mut connections {
                    announce(connection).await?;
                }
                return Ok(PortForwardSession::fixed(link, connections));
            }
        };
        Ok(PortForwardSession::opened(link, new, Pairing::new(self.timeouts.creation)))
    }
}

/// Two channels for each port: its data, and errors.
fn open_channels(link: &Link, ports: &[u16]) -> VecDeque<PortConnection> {
    let connection = |(channel, port): (u32, &u16)| {
        let (reader, writer) = link.open(channel);
        let (_, error) = link.open(channel + 1);
        PortConnection { port: *port, data: tokio::io::join(reader, writer), half_closes: false, error }
    };
    (0..).step_by(2).zip(ports).map(connection).collect()
}

/// The first message of each channel is the port.
async fn announce(connection: &mut PortConnection) -> std::io::Result<()> {
    let port = connection.port.to_le_bytes();
    connection.data.write_all(&port).await?;
    connection.error.write_all(&port).await
}
