//! The client's side of `exec` and `attach`: this process's standard streams, connected with those of a program in a
//! container.

mod input;
mod terminal;

use std::convert::Infallible;
use std::io::{self, ErrorKind, Write};
use std::pin::pin;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use reprise_node::WantedStreams;
use reprise_streaming::client::{ClientCommand, CommandProtocol, connect_command};
use reprise_streaming::{CommandStreams, Outcome, StreamReader, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::cli::StreamArgs;
use crate::runtime_choice::RuntimeChoice;
use crate::stdout::NOBODY_READS;
use terminal::{RawMode, Window};

/// What of this process is connected.
#[derive(Debug, Clone, Copy)]
pub struct Local {
    stdin: bool,
    tty: bool,
}

impl Local {
    /// What was asked for; a terminal only where there is one.
    pub fn of(asked: StreamArgs) -> Self {
        let tty = asked.tty && terminal::is_there(asked.stdin);
        if asked.tty && !tty {
            eprintln!("note: there is no terminal here, so the program gets none");
        }
        Self { stdin: asked.stdin, tty }
    }

    /// The streams that the program is to have.
    pub fn wanted(self) -> WantedStreams {
        WantedStreams { stdin: self.stdin, stdout: true, stderr: !self.tty, tty: self.tty }
    }
}

/// Connects to what waits at `url` and carries the streams to the end: the program's exit code.
pub async fn run(url: &str, runtime: &RuntimeChoice, local: Local) -> Result<ExitCode> {
    let command = connect(url, protocol(runtime), local).await.context("can't connect to the program's streams")?;
    let raw =
        if local.tty && local.stdin { Some(RawMode::enter().context("can't set up the terminal")?) } else { None };
    let ended = carry(command, local).await;
    // Before anything else is printed.
    drop(raw);
    match ended? {
        Outcome::Exited(code) => Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))),
        Outcome::Failed(sentence) => bail!(sentence),
    }
}

/// SPDY is what every runtime speaks. containerd knows no WebSocket protocol in which input can end.
fn protocol(runtime: &RuntimeChoice) -> CommandProtocol {
    if runtime.is_embedded() { CommandProtocol::WebSocket } else { CommandProtocol::Spdy }
}

async fn connect(url: &str, protocol: CommandProtocol, local: Local) -> Result<ClientCommand> {
    let url: hyper::Uri = url.parse().with_context(|| format!("{url:?} is no URL"))?;
    let authority = url.authority().with_context(|| format!("{url} has no address"))?.as_str();
    let stream = TcpStream::connect(authority).await.with_context(|| format!("connect to {authority}"))?;
    stream.set_nodelay(true)?;
    let request = hyper::Request::builder().uri(url.path()).header(hyper::header::HOST, authority).body(())?;
    let WantedStreams { stdin, stdout, stderr, tty } = local.wanted();
    let streams = CommandStreams::new(stdin, stdout, stderr, tty)?;
    Ok(connect_command(stream, request, protocol, streams, Timeouts::default()).await?)
}

async fn carry(mut command: ClientCommand, local: Local) -> Result<Outcome> {
    let (stdout, stderr) = (command.stdout.take(), command.stderr.take());
    let stdin = command.stdin.take();
    let input = async {
        if let Some(mut stdin) = stdin {
            let mut chunks = input::read();
            while let Some(chunk) = chunks.recv().await {
                if stdin.write_all(&chunk).await.is_err() {
                    // The program takes no more, or has ended, which is told elsewhere.
                    break;
                }
            }
            // Fails only where there is nobody to be told.
            let _ = stdin.shutdown().await;
        }
        std::future::pending::<Infallible>().await
    };
    let mut window = if local.tty { Some(Window::watch()?) } else { None };
    let (sizes, mut size) = mpsc::channel(1);
    let resizing = async {
        while let Some(window) = &mut window {
            if sizes.send(window.next().await).await.is_err() {
                break;
            }
        }
        std::future::pending::<Infallible>().await
    };
    let output = async {
        let mut shown = pin!(async { tokio::try_join!(show(stdout, io::stdout()), show(stderr, io::stderr())) });
        loop {
            tokio::select! {
                shown = &mut shown => {
                    shown?;
                    break;
                }
                Some(size) = size.recv() => command.resize(size).await?,
            }
        }
        Ok(command.outcome().await?)
    };
    tokio::select! {
        outcome = output => outcome,
        never = input => match never {},
        never = resizing => match never {},
    }
}

/// Shows what comes on a stream, as it comes.
async fn show(stream: Option<StreamReader>, mut to: impl Write) -> Result<()> {
    let Some(mut stream) = stream else { return Ok(()) };
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let n = match stream.read(&mut buffer).await {
            Ok(n) => n,
            // The outcome says what became of the program.
            Err(_) => return Ok(()),
        };
        if n == 0 {
            return Ok(());
        }
        match to.write_all(&buffer[..n]).and_then(|()| to.flush()) {
            Err(e) if e.kind() == ErrorKind::BrokenPipe => std::process::exit(NOBODY_READS),
            written => written.context("writing the program's output")?,
        }
    }
}
