//! An exec with a client at its other end.

use std::convert::Infallible;
use std::time::Duration;

use reprise_cri::v1::ExecRequest;
use reprise_streaming::{CommandSession, Outcome, Resizes, StreamReader, StreamWriter};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use super::engine::Engine;
use super::exec::{Program, ProgramIo, Wanted};
use super::failure::Failure;
use super::terminal_io::TerminalIo;
use crate::error::chain;

/// How long after a program's end nothing more must have come for its output to count as ended: what it has left
/// running may hold its streams open for ever.
const SILENCE: Duration = Duration::from_secs(1);

/// Why a session did not come to its natural end.
enum Cut {
    /// The program could not be run, or not be waited for.
    Failed(Failure),
    /// The client is gone.
    Gone,
}

impl Engine {
    /// Runs the program and carries its streams. A client that goes away takes the program with it.
    pub async fn exec_session(&self, request: &ExecRequest, session: CommandSession) {
        let CommandSession { stdin, stdout, stderr, resizes, control } = session;
        let started = tokio::select! {
            started = self.start_for(request) => started.map_err(Cut::Failed),
            () = control.closed() => Err(Cut::Gone),
        };
        let ended = match started {
            Ok((mut program, io)) => {
                let ended = tokio::select! {
                    ended = carry(&mut program, io, stdin, stdout, stderr, resizes) => ended.map_err(Cut::Failed),
                    () = control.closed() => Err(Cut::Gone),
                };
                program.end().await;
                ended
            }
            Err(cut) => Err(cut),
        };
        match ended {
            Ok(code) => control.finish(Outcome::Exited(code)).await,
            Err(Cut::Failed(failure)) => control.finish(Outcome::Failed(chain(&failure))).await,
            Err(Cut::Gone) => tracing::debug!(container = request.container_id, "the client of an exec went away"),
        }
    }

    async fn start_for(&self, request: &ExecRequest) -> Result<(Program, ProgramIo), Failure> {
        let ExecRequest { stdin, stdout, stderr, tty, .. } = *request;
        let container = self.running(&request.container_id)?;
        self.run_program(&container, &request.cmd, Wanted { stdin, stdout, stderr, tty }).await
    }
}

/// Carries a program's streams until it has ended and all its output is passed on; its exit code.
async fn carry(
    program: &mut Program,
    io: ProgramIo,
    stdin: Option<StreamReader>,
    stdout: Option<StreamWriter>,
    stderr: Option<StreamWriter>,
    resizes: Resizes,
) -> Result<i32, Failure> {
    let (has_ended, ended) = watch::channel(false);
    let end = async {
        let code = program.wait().await;
        // Nobody needs to know if all output has ended.
        let _ = has_ended.send(true);
        code
    };
    let code = match io {
        ProgramIo::Terminal(terminal) => {
            let outputs = async { tokio::join!(end, pass(Some(terminal.clone()), stdout, ended)).0 };
            let inputs = async {
                tokio::join!(feed(stdin, Some(terminal.clone())), follow_size(resizes, &terminal));
                std::future::pending::<Infallible>().await
            };
            tokio::select! { code = outputs => code, never = inputs => match never {} }
        }
        ProgramIo::Pipes { stdin: into, stdout: out, stderr: err } => {
            let outputs = async { tokio::join!(end, pass(out, stdout, ended.clone()), pass(err, stderr, ended)).0 };
            let input = async {
                feed(stdin, into).await;
                std::future::pending::<Infallible>().await
            };
            tokio::select! { code = outputs => code, never = input => match never {} }
        }
    };
    code.map_err(|e| Failure::Helper("exec", e))
}

/// Passes output on until it ends, or until the program has and nothing comes any more.
async fn pass(from: Option<impl AsyncRead + Unpin>, to: Option<StreamWriter>, ended: watch::Receiver<bool>) {
    let (Some(mut from), Some(mut to)) = (from, to) else { return };
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            () = silence_after(ended.clone()) => Ok(0),
        };
        match read {
            Ok(n) if n > 0 && to.write_all(&buffer[..n]).await.is_ok() => {}
            // The end, or a client that has gone, which ends the session.
            _ => break,
        }
    }
    // It only fails if there is nobody to be told.
    let _ = to.shutdown().await;
}

async fn silence_after(mut ended: watch::Receiver<bool>) {
    // An error means that the program's end is not awaited any more.
    let _ = ended.wait_for(|ended| *ended).await;
    tokio::time::sleep(SILENCE).await;
}

/// Gives the client's input to a program, and its end with it. What is left when the program takes no more is dropped.
pub async fn feed(from: Option<StreamReader>, to: Option<impl AsyncWrite + Unpin>) {
    let (Some(mut from), Some(mut to)) = (from, to) else { return };
    if let Err(error) = tokio::io::copy(&mut from, &mut to).await {
        tracing::debug!(%error, "a program takes no more input, or its client is gone");
    }
}

/// Gives a terminal the size that the client's has.
pub async fn follow_size(mut resizes: Resizes, terminal: &TerminalIo) {
    while let Some(size) = resizes.next().await {
        if let Err(error) = terminal.resize(size.width, size.height) {
            tracing::debug!(%error, "a terminal's size was not changed");
        }
    }
}
