//! Takes a request for an exec or attach and makes a session of it.

use bytes::Bytes;
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;

use crate::begin::{self, Transport};
use crate::command::{CommandControl, CommandSession, CommandStreams, StatusFormat};
use crate::connection::NewStream;
use crate::error::SessionError;
use crate::link::Link;
use crate::protocol::{CHANNELS_V4, CHANNELS_V4_BASE64, CHANNELS_V5, ERROR, RESIZE, STDERR, STDIN, STDOUT};
use crate::resize::Resizes;
use crate::spdy::Role;
use crate::stream::{StreamReader, StreamWriter};
use crate::timeouts::Timeouts;
use crate::upgrade::{self, PROTOCOL_VERSION, Refusal};
use crate::websocket::{self, ChannelCodec};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    WebSocket { codec: ChannelCodec, format: StatusFormat },
    Spdy { has_resize: bool, format: StatusFormat },
}

const WEBSOCKET: [(&str, Protocol); 5] = [
    ("v5.channel.k8s.io", Protocol::WebSocket { codec: CHANNELS_V5, format: StatusFormat::Json }),
    ("v4.channel.k8s.io", Protocol::WebSocket { codec: CHANNELS_V4, format: StatusFormat::Json }),
    ("v4.base64.channel.k8s.io", Protocol::WebSocket { codec: CHANNELS_V4_BASE64, format: StatusFormat::Json }),
    ("channel.k8s.io", Protocol::WebSocket { codec: CHANNELS_V4, format: StatusFormat::Text }),
    ("base64.channel.k8s.io", Protocol::WebSocket { codec: CHANNELS_V4_BASE64, format: StatusFormat::Text }),
];

const SPDY: [(&str, Protocol); 4] = [
    ("v4.channel.k8s.io", Protocol::Spdy { has_resize: true, format: StatusFormat::Json }),
    ("v3.channel.k8s.io", Protocol::Spdy { has_resize: true, format: StatusFormat::Text }),
    ("v2.channel.k8s.io", Protocol::Spdy { has_resize: false, format: StatusFormat::Text }),
    ("channel.k8s.io", Protocol::Spdy { has_resize: false, format: StatusFormat::Text }),
];

/// A request for an exec or attach that was accepted: becomes a session as soon as the answer is sent.
#[derive(Debug)]
pub struct CommandUpgrade {
    upgrade: OnUpgrade,
    protocol: Protocol,
    streams: CommandStreams,
    timeouts: Timeouts,
}

/// Accepts a request for an exec or attach in any protocol that Kubernetes' clients speak. Send the answer, and await
/// [`CommandUpgrade::session`] in another task. The HTTP server must allow upgrades.
pub fn accept_command<B>(
    request: &mut Request<B>,
    streams: CommandStreams,
    timeouts: Timeouts,
) -> Result<(Response<Full<Bytes>>, CommandUpgrade), Refusal> {
    let (protocol, headers) = if websocket::is_websocket(request.headers()) {
        let offered = websocket::offered_protocols(request.headers());
        // Without any, clients speak the oldest one.
        let (name, protocol) =
            if offered.is_empty() { ("", WEBSOCKET[3].1) } else { upgrade::choose(&offered, &WEBSOCKET)? };
        let headers = websocket::accept_headers(request.headers(), name);
        (protocol, headers.map_err(|message| Refusal::new(StatusCode::BAD_REQUEST, message))?)
    } else if upgrade::is_spdy(request.headers()) {
        let offered: Vec<_> = upgrade::tokens(request.headers(), PROTOCOL_VERSION).map(str::to_owned).collect();
        let (name, protocol) = if offered.is_empty() { ("", SPDY[3].1) } else { upgrade::choose(&offered, &SPDY)? };
        (protocol, upgrade::spdy_headers(name))
    } else {
        return Err(upgrade::no_upgrade());
    };
    let accepted = CommandUpgrade { upgrade: hyper::upgrade::on(request), protocol, streams, timeouts };
    Ok((upgrade::switching(headers), accepted))
}

impl CommandUpgrade {
    /// The session, once the client has opened its streams.
    pub async fn session(self) -> Result<CommandSession, SessionError> {
        let transport = TokioIo::new(self.upgrade.await.map_err(SessionError::Upgrade)?);
        match self.protocol {
            Protocol::WebSocket { codec, format } => {
                websocket_session(transport, codec, format, self.streams, self.timeouts).await
            }
            Protocol::Spdy { has_resize, format } => {
                spdy_session(transport, has_resize, format, self.streams, self.timeouts).await
            }
        }
    }
}

async fn websocket_session(
    transport: impl Transport,
    codec: ChannelCodec,
    format: StatusFormat,
    streams: CommandStreams,
    timeouts: Timeouts,
) -> Result<CommandSession, SessionError> {
    let open = |link: &Link| Opened {
        stdin: streams.stdin().then(|| link.open(STDIN.channel)),
        stdout: streams.stdout().then(|| link.open(STDOUT.channel)),
        stderr: streams.stderr().then(|| link.open(STDERR.channel)),
        error: Some(link.open(ERROR.channel)),
        resize: streams.tty().then(|| link.open(RESIZE.channel)),
    };
    let (link, opened) = begin::channels(transport, Role::Server, codec, timeouts.idle, open).await;
    // An empty message tells the client that the session has begun.
    let first = [(streams.stdout(), STDOUT), (streams.stderr(), STDERR), (true, ERROR)];
    if let Some((_, first)) = first.into_iter().find(|(is_open, _)| *is_open) {
        link.send_empty(first.channel).await;
    }
    opened.session(link, format).ok_or(SessionError::Closed)
}

async fn spdy_session(
    transport: impl Transport,
    has_resize: bool,
    format: StatusFormat,
    streams: CommandStreams,
    timeouts: Timeouts,
) -> Result<CommandSession, SessionError> {
    let (link, mut new) = begin::spdy(transport, Role::Server, timeouts.idle)?;
    let collected = tokio::time::timeout(timeouts.creation, Opened::collect(&mut new, streams, has_resize)).await;
    let opened = match collected {
        Ok(Some(opened)) => opened,
        failed => {
            link.close();
            return Err(if failed.is_err() { SessionError::Creation(timeouts.creation) } else { SessionError::Closed });
        }
    };
    opened.session(link, format).ok_or(SessionError::Closed)
}

type Both = (StreamReader, StreamWriter);

/// The streams of a command that are open.
#[derive(Default)]
struct Opened {
    stdin: Option<Both>,
    stdout: Option<Both>,
    stderr: Option<Both>,
    error: Option<Both>,
    resize: Option<Both>,
}

impl Opened {
    /// Accepts streams until all are there.
    async fn collect(new: &mut mpsc::Receiver<NewStream>, streams: CommandStreams, has_resize: bool) -> Option<Self> {
        let mut opened = Self::default();
        while !opened.is_complete(streams, has_resize) {
            let stream = new.recv().await?;
            match opened.place(&stream, streams) {
                Some(place) => *place = Some(stream.accept()),
                None => stream.refuse(),
            }
        }
        Some(opened)
    }

    fn is_complete(&self, streams: CommandStreams, has_resize: bool) -> bool {
        self.error.is_some()
            && self.stdin.is_some() == streams.stdin()
            && self.stdout.is_some() == streams.stdout()
            && self.stderr.is_some() == streams.stderr()
            && self.resize.is_some() == (streams.tty() && has_resize)
    }

    /// Where a stream of this kind goes, if it is wanted and not there yet.
    fn place(&mut self, stream: &NewStream, streams: CommandStreams) -> Option<&mut Option<Both>> {
        let kind = stream.headers.get(crate::protocol::STREAM_TYPE)?;
        let place = match kind {
            kind if kind == STDIN.name => streams.stdin().then_some(&mut self.stdin),
            kind if kind == STDOUT.name => streams.stdout().then_some(&mut self.stdout),
            kind if kind == STDERR.name => streams.stderr().then_some(&mut self.stderr),
            kind if kind == ERROR.name => Some(&mut self.error),
            kind if kind == RESIZE.name => streams.tty().then_some(&mut self.resize),
            _ => None,
        };
        place.filter(|place| place.is_none())
    }

    fn session(self, link: Link, format: StatusFormat) -> Option<CommandSession> {
        let (stdin, stdin_writer) = self.stdin.unzip();
        let (resize, resize_writer) = self.resize.unzip();
        let (_, error) = self.error?;
        let unwritten = stdin_writer.into_iter().chain(resize_writer).collect();
        Some(CommandSession {
            stdin,
            stdout: self.stdout.map(|(_, writer)| writer),
            stderr: self.stderr.map(|(_, writer)| writer),
            resizes: Resizes::new(resize),
            control: CommandControl::new(link, error, format, unwritten),
        })
    }
}
