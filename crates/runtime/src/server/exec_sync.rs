//! Running a program in a container to its end and returning what it wrote.

use std::pin::pin;
use std::time::Duration;

use reprise_cri::client::MAX_MESSAGE_BYTES;
use reprise_cri::v1::ExecSyncResponse;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::engine::Engine;
use super::exec::{ProgramIo, Wanted};
use super::failure::Failure;

/// What is kept of both streams: as much as fits an answer. The program may write more; it is read and dropped.
const KEPT: usize = MAX_MESSAGE_BYTES - 1024;
/// How long output is waited for after the program's end: what it has left running may hold its streams open for ever.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

impl Engine {
    /// Runs `command` in a running container. `timeout` in seconds; 0 is none. When the time is up, or nobody waits any
    /// more, the program is ended with all that it has started.
    pub async fn exec_sync(&self, id: &str, command: Vec<String>, timeout: i64) -> Result<ExecSyncResponse, Failure> {
        let container = self.running(id)?;
        if command.is_empty() {
            return Err(Failure::Missing("command"));
        }
        let seconds = u64::try_from(timeout).unwrap_or_default();
        let limit = if seconds == 0 { Duration::MAX } else { Duration::from_secs(seconds) };
        let end = tokio::time::Instant::now().checked_add(limit);
        let wanted = Wanted { stdin: false, stdout: true, stderr: true, tty: false };
        let late = || Failure::Timeout("exec", seconds);
        let started = until(end, self.run_program(&container, &command, wanted)).await;
        let (mut program, io) = started.ok_or_else(late)??;
        let ProgramIo::Pipes { stdout: Some(mut stdout), stderr: Some(mut stderr), .. } = io else {
            return Err(Failure::NotRun("its output did not come".to_owned()));
        };
        let mut kept = (Vec::new(), Vec::new());
        let status = {
            let mut reading =
                pin!(async { tokio::try_join!(keep(&mut stdout, &mut kept.0), keep(&mut stderr, &mut kept.1)) });
            let running = async {
                let mut read = None;
                loop {
                    tokio::select! {
                        status = program.wait() => break (status, read),
                        result = &mut reading, if read.is_none() => read = Some(result),
                    }
                }
            };
            match until(end, running).await {
                Some((status, None)) => {
                    // What the program itself wrote is there to be read already.
                    let _late = tokio::time::timeout(DRAIN_LIMIT, reading).await;
                    Some(status)
                }
                Some((status, Some(read))) => {
                    read.map_err(|e| Failure::Helper("exec", e))?;
                    Some(status)
                }
                None => None,
            }
        };
        let Some(status) = status else {
            program.end().await;
            return Err(late());
        };
        let exit_code = status.map_err(|e| Failure::Helper("exec", e))?;
        let (stdout, stderr) = fit(kept.0, kept.1);
        Ok(ExecSyncResponse { stdout, stderr, exit_code })
    }
}

/// Cuts both to what fits an answer; each may have half, and what the other does not need.
fn fit(mut stdout: Vec<u8>, mut stderr: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    stderr.truncate(KEPT - stdout.len().min(KEPT / 2));
    stdout.truncate(KEPT - stderr.len());
    (stdout, stderr)
}

/// None if `end` comes first.
async fn until<T>(end: Option<tokio::time::Instant>, work: impl Future<Output = T>) -> Option<T> {
    match end {
        Some(end) => tokio::time::timeout_at(end, work).await.ok(),
        None => Some(work.await),
    }
}

async fn keep(stream: &mut (impl AsyncRead + Unpin), kept: &mut Vec<u8>) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        let room = KEPT.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..n.min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_streams_fit_an_answer_together() {
        let lengths = |out: usize, err: usize| {
            let (stdout, stderr) = fit(vec![0; out], vec![0; err]);
            (stdout.len(), stderr.len())
        };
        assert_eq!(lengths(10, 20), (10, 20));
        assert_eq!(lengths(KEPT, 7), (KEPT - 7, 7));
        assert_eq!(lengths(7, KEPT), (7, KEPT - 7));
        assert_eq!(lengths(KEPT, KEPT), (KEPT / 2, KEPT - KEPT / 2));
    }
}
