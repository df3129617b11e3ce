//! An exec or attach, as its client sees it.

use std::io;

use hyper::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::error::ClientError;
use super::request;
use crate::begin::{self, Transport};
use crate::command::CommandStreams;
use crate::link::{Link, Outgoing};
use crate::outcome::Outcome;
use crate::protocol::{CHANNELS_V5, ERROR, RESIZE, STDERR, STDIN, STDOUT, STREAM_TYPE, StreamKind};
use crate::resize::TerminalSize;
use crate::spdy::{Headers, Role};
use crate::stream::{StreamReader, StreamWriter};
use crate::timeouts::Timeouts;

/// More than any outcome takes.
const MAX_OUTCOME: u64 = 64 * 1024;

/// How to speak with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandProtocol {
    /// Channels over WebSocket, `v5.channel.k8s.io`.
    WebSocket,
    /// SPDY/3.1, `v4.channel.k8s.io`.
    Spdy,
}

/// A command that runs at the server. Dropping it closes the connection.
#[derive(Debug)]
pub struct ClientCommand {
    /// Input; shut down or drop it to end the command's input.
    pub stdin: Option<StreamWriter>,
    /// The command's output.
    pub stdout: Option<StreamReader>,
    /// The command's error output.
    pub stderr: Option<StreamReader>,
    link: Link,
    error: StreamReader,
    resize: Option<StreamWriter>,
    /// Their ends would be told to the server.
    _unwritten: Vec<StreamWriter>,
}

/// Asks for an exec or attach over this connection. The request names the path, and headers such as `Host`.
pub async fn connect_command(
    transport: impl Transport,
    request: Request<()>,
    protocol: CommandProtocol,
    streams: CommandStreams,
    timeouts: Timeouts,
) -> Result<ClientCommand, ClientError> {
    match protocol {
        CommandProtocol::WebSocket => {
            let transport = request::websocket(transport, request, "v5.channel.k8s.io").await?;
            let open = |link: &Link| Ends::open(streams, |kind| link.open(kind.channel));
            let (link, ends) = begin::channels(transport, Role::Client, CHANNELS_V5, timeouts.idle, open).await;
            Ok(ends.into_command(link))
        }
        CommandProtocol::Spdy => {
            let transport = request::spdy(transport, request, "v4.channel.k8s.io").await?;
            let (link, _) = begin::spdy(transport, Role::Client, timeouts.idle)?;
            let opening = open_spdy(link, streams);
            let timed_out = |_| ClientError::Connection(io::ErrorKind::TimedOut.into());
            tokio::time::timeout(timeouts.creation, opening).await.map_err(timed_out)?
        }
    }
}

/// Opens all streams and waits until the server has accepted them.
async fn open_spdy(link: Link, streams: CommandStreams) -> Result<ClientCommand, ClientError> {
    let mut numbers = (1..).step_by(2);
    let mut opened = Vec::new();
    let ends = Ends::open(streams, |kind| {
        let stream = numbers.next().unwrap_or_default();
        let ends = link.open(stream);
        opened.push((kind, link.table().when_accepted(stream)));
        link.try_send(Outgoing::Open { stream, headers: Headers::new([(STREAM_TYPE, kind.name)]) });
        ends
    });
    let command = ends.into_command(link);
    for (kind, accepted) in opened {
        accepted.await.map_err(|_| ClientError::Stream(kind.name))?;
    }
    Ok(command)
}

type Both = (StreamReader, StreamWriter);

/// The streams in the order in which they are opened.
struct Ends {
    error: Both,
    stdin: Option<Both>,
    stdout: Option<Both>,
    stderr: Option<Both>,
    resize: Option<Both>,
}

impl Ends {
    fn open(streams: CommandStreams, mut open: impl FnMut(StreamKind) -> Both) -> Self {
        Self {
            error: open(ERROR),
            stdin: streams.stdin().then(|| open(STDIN)),
            stdout: streams.stdout().then(|| open(STDOUT)),
            stderr: streams.stderr().then(|| open(STDERR)),
            resize: streams.tty().then(|| open(RESIZE)),
        }
    }

    fn into_command(self, link: Link) -> ClientCommand {
        let (stdout, stdout_writer) = self.stdout.unzip();
        let (stderr, stderr_writer) = self.stderr.unzip();
        let (error, error_writer) = self.error;
        let unwritten = [Some(error_writer), stdout_writer, stderr_writer];
        ClientCommand {
            stdin: self.stdin.map(|(_, writer)| writer),
            stdout,
            stderr,
            link,
            error,
            resize: self.resize.map(|(_, writer)| writer),
            _unwritten: unwritten.into_iter().flatten().collect(),
        }
    }
}

impl ClientCommand {
    /// Tells the command the terminal's size.
    pub async fn resize(&mut self, size: TerminalSize) -> Result<(), ClientError> {
        let Some(resize) = &mut self.resize else { return Ok(()) };
        let text = format!("{{\"Width\":{},\"Height\":{}}}\n", size.width, size.height);
        Ok(resize.write_all(text.as_bytes()).await?)
    }

    /// Waits until the command has ended and tells how. Read all output at the same time, or before.
    pub async fn outcome(&mut self) -> Result<Outcome, ClientError> {
        let mut bytes = Vec::new();
        let read = (&mut self.error).take(MAX_OUTCOME).read_to_end(&mut bytes).await;
        if bytes.is_empty() {
            read?;
            return Err(ClientError::NoOutcome);
        }
        Outcome::from_status(&bytes)
            .map_err(|source| ClientError::Outcome { text: String::from_utf8_lossy(&bytes).into_owned(), source })
    }

    /// Waits until the connection is closed.
    pub async fn closed(&self) {
        self.link.closed().await;
    }
}

impl Drop for ClientCommand {
    fn drop(&mut self) {
        self.link.finish();
    }
}
