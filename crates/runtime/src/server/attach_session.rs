//! An attach with a client at its other end.

use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use reprise_cri::v1::AttachRequest;
use reprise_streaming::{CommandSession, Outcome, Resizes, StreamReader, StreamWriter};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::Notify;

use super::engine::Engine;
use super::exec_session::{feed, follow_size};
use super::failure::Failure;
use super::state::Container;
use super::terminal_io::TerminalIo;
use crate::error::chain;
use crate::shim::protocol::Call;
use crate::shim_attach::{Attached, InputEnd, Output, OutputReader, attach};

impl Engine {
    /// Connects the client with the container's streams until one of the two ends.
    pub async fn attach_session(&self, request: &AttachRequest, session: CommandSession) {
        let CommandSession { stdin, stdout, stderr, resizes, control } = session;
        let work = async {
            let (container, attached) = self.attached(request).await?;
            let stdin = stdin.filter(|_| container.config.stdin);
            converse(&container, attached, stdin, stdout, stderr, resizes).await
        };
        let ended = tokio::select! {
            ended = work => ended,
            () = control.closed() => return,
        };
        let outcome = match ended {
            Ok(()) => Outcome::Exited(0),
            Err(failure) => Outcome::Failed(chain(&failure)),
        };
        control.finish(outcome).await;
    }

    async fn attached(&self, request: &AttachRequest) -> Result<(Arc<Container>, Attached), Failure> {
        let container = self.running(&request.container_id)?;
        let AttachRequest { stdout, stderr, .. } = *request;
        let stdin = request.stdin && container.config.stdin;
        let call = Call::Attach { id: container.id.clone(), stdin, stdout, stderr };
        let attached = attach(&container.sandbox.id, &container.sandbox.dir, call).await?;
        Ok((container, attached))
    }
}

/// Carries the streams until the container's output ends.
async fn converse(
    container: &Container,
    mut attached: Attached,
    stdin: Option<StreamReader>,
    stdout: Option<StreamWriter>,
    stderr: Option<StreamWriter>,
    resizes: Resizes,
) -> Result<(), Failure> {
    let descriptor = attached.descriptor.take();
    let (output, input_end) = attached.split();
    let closed = Notify::new();
    let inputs = async {
        let fed = give_input(container, stdin, descriptor, input_end, resizes, &closed).await;
        if let Err(error) = fed {
            tracing::debug!(container = container.id, %error, "a client's input can't be passed on");
        }
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        ended = show_output(container, output, stdout, stderr, &closed) => ended,
        never = inputs => match never {},
    }
}

/// Passes input on, until it ends or the container's input is closed; then the shim is told, by dropping `input_end`.
async fn give_input(
    container: &Container,
    stdin: Option<StreamReader>,
    descriptor: Option<OwnedFd>,
    input_end: InputEnd,
    resizes: Resizes,
    closed: &Notify,
) -> std::io::Result<()> {
    if container.config.tty {
        let Some(terminal) = descriptor.map(TerminalIo::new).transpose()? else { return Ok(()) };
        let input = async {
            feed(stdin, Some(terminal.clone())).await;
            drop(input_end);
        };
        tokio::join!(input, follow_size(resizes, &terminal));
        return Ok(());
    }
    let pipe = descriptor.map(|end| pipe::Sender::from_file(end.into())).transpose()?;
    tokio::select! {
        () = feed(stdin, pipe) => {}
        () = closed.notified() => {}
    }
    drop(input_end);
    Ok(())
}

/// Passes output on until the container ends.
async fn show_output(
    container: &Container,
    mut output: OutputReader,
    mut stdout: Option<StreamWriter>,
    mut stderr: Option<StreamWriter>,
    closed: &Notify,
) -> Result<(), Failure> {
    loop {
        let (bytes, stream) = match output.next().await {
            Ok(Output::Stdout(bytes)) => (bytes, &mut stdout),
            Ok(Output::Stderr(bytes)) => (bytes, &mut stderr),
            Ok(Output::StdinClosed) => {
                closed.notify_one();
                continue;
            }
            Ok(Output::End) => return Ok(()),
            Err(_) if container.run().exit.is_some() => return Ok(()),
            Err(_) => return Err(Failure::TooSlow(container.id.clone())),
        };
        if let Some(writer) = stream
            && writer.write_all(&bytes).await.is_err()
        {
            // The client has ended this stream, or is gone, which ends the session.
            *stream = None;
        }
    }
}
