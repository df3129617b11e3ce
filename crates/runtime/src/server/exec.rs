//! Running programs in containers: the runtime's side of the exec helper.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::pipe::{PipeFlags, pipe_with};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use super::engine::Engine;
use super::failure::Failure;
use super::state::Container;
use super::terminal_io::TerminalIo;
use crate::exec::protocol::{PIPES, STARTED, TERMINAL};
use crate::{handover, reexec};

/// How long a program that is ended may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(2);
/// More than a helper has to say.
const LONGEST_WORD: usize = 16 * 1024;

/// Which streams of a program somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    /// All of them are one terminal.
    pub tty: bool,
}

/// The wanted streams of a program.
#[derive(Debug)]
pub enum ProgramIo {
    Pipes { stdin: Option<pipe::Sender>, stdout: Option<pipe::Receiver>, stderr: Option<pipe::Receiver> },
    Terminal(TerminalIo),
}

/// A program that runs. Dropping it ends the program with all that it has started.
#[derive(Debug)]
pub struct Program {
    helper: Child,
    way: UnixStream,
    _folder: SessionFolder,
}

#[derive(Debug)]
struct SessionFolder(PathBuf);

impl Drop for SessionFolder {
    fn drop(&mut self) {
        // Gone with the container already, or to go with it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Program {
    /// Waits for its end: its exit code, or 128 + signal.
    pub async fn wait(&mut self) -> io::Result<i32> {
        Ok(self.helper.wait().await?.code().unwrap_or(137))
    }

    /// Ends it, and waits until it is gone.
    pub async fn end(self) {
        let Self { mut helper, way, _folder } = self;
        drop(way);
        // One that the kernel does not let go yet is the helper's to wait for.
        let _ = tokio::time::timeout(END_LIMIT, helper.wait()).await;
    }
}

impl Engine {
    /// The container, if it runs.
    pub fn running(&self, id: &str) -> Result<Arc<Container>, Failure> {
        let container = self.container(id)?;
        let run = container.run();
        if run.started_at.is_none() || run.exit.is_some() {
            return Err(not_running(&container));
        }
        Ok(container)
    }

    /// Starts `command` in a running container.
    pub async fn run_program(
        &self,
        container: &Container,
        command: &[String],
        wanted: Wanted,
    ) -> Result<(Program, ProgramIo), Failure> {
        let failed = |e| Failure::Helper("exec", e);
        let folder = SessionFolder(container.dir.sessions().join(uuid::Uuid::new_v4().simple().to_string()));
        fs::create_dir_all(&folder.0).map_err(failed)?;
        let (way, far) = StdUnixStream::pair().map_err(failed)?;
        let helper = Command::new(&self.config.program)
            .arg(reexec::EXEC)
            .arg(container.dir.path())
            .arg(&folder.0)
            .args(command)
            .env_clear()
            .stdin(OwnedFd::from(far))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let io = send_streams(&way, wanted).map_err(failed)?;
        way.set_nonblocking(true).map_err(failed)?;
        let program = Program { helper, way: UnixStream::from_std(way).map_err(failed)?, _folder: folder };
        let terminal = tokio::select! {
            started = hear(&program.way) => started?,
            _ = container.wait() => return Err(not_running(container)),
        };
        let io = match (io, terminal) {
            (Some(io), _) => io,
            (None, Some(terminal)) => ProgramIo::Terminal(TerminalIo::new(terminal).map_err(failed)?),
            (None, None) => return Err(Failure::NotRun("its terminal did not come".to_owned())),
        };
        Ok((program, io))
    }
}

fn not_running(container: &Container) -> Failure {
    Failure::State { kind: "container", id: container.id.clone(), state: "is not running" }
}

/// Makes the program's streams and gives the helper its ends. A terminal is made by the helper.
fn send_streams(way: &StdUnixStream, wanted: Wanted) -> io::Result<Option<ProgramIo>> {
    if wanted.tty {
        handover::send(way, TERMINAL, &[])?;
        return Ok(None);
    }
    let null = || fs::OpenOptions::new().read(true).write(true).open("/dev/null").map(OwnedFd::from);
    let pipe = |wanted: bool| wanted.then(|| pipe_with(PipeFlags::CLOEXEC)).transpose();
    let (stdin, stdout, stderr) = (pipe(wanted.stdin)?, pipe(wanted.stdout)?, pipe(wanted.stderr)?);
    let (stdin_out, stdin) = stdin.unzip();
    let (stdout, stdout_in) = stdout.unzip();
    let (stderr, stderr_in) = stderr.unzip();
    let theirs = [stdin_out, stdout_in, stderr_in].map(|end| end.map_or_else(null, Ok));
    let [stdin_out, stdout_in, stderr_in] = theirs;
    handover::send(way, PIPES, &[stdin_out?.as_fd(), stdout_in?.as_fd(), stderr_in?.as_fd()])?;
    let sender = |end: OwnedFd| pipe::Sender::from_file(end.into());
    let receiver = |end: OwnedFd| pipe::Receiver::from_file(end.into());
    Ok(Some(ProgramIo::Pipes {
        stdin: stdin.map(sender).transpose()?,
        stdout: stdout.map(receiver).transpose()?,
        stderr: stderr.map(receiver).transpose()?,
    }))
}

/// Waits for the word of the helper: the terminal's master end if there is one, or why the program does not run.
async fn hear(way: &UnixStream) -> Result<Option<OwnedFd>, Failure> {
    let mut word = vec![0; LONGEST_WORD];
    let (length, descriptors) = way
        .async_io(Interest::READABLE, || handover::receive(way, &mut word))
        .await
        .map_err(|e| Failure::Helper("exec", e))?;
    match &word[..length] {
        STARTED => Ok(descriptors.into_iter().next()),
        b"" => Err(Failure::NotRun("the exec helper died".to_owned())),
        sentence => Err(Failure::NotRun(String::from_utf8_lossy(sentence).into_owned())),
    }
}
