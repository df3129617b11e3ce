//! Running a program in a container to its end and returning what it wrote.

use std::process::Stdio;
use std::time::Duration;

use reprise_cri::v1::ExecSyncResponse;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::engine::Engine;
use super::failure::Failure;
use crate::reexec;

/// What is kept of each stream, as with other runtimes. The program may write more; it is read and dropped.
const KEPT: usize = 16 * 1024 * 1024;

impl Engine {
    /// Runs `command` in a running container. `timeout` in seconds; 0 is none.
    pub async fn exec_sync(&self, id: &str, command: Vec<String>, timeout: i64) -> Result<ExecSyncResponse, Failure> {
        let container = self.container(id)?;
        let run = container.run();
        if run.started_at.is_none() || run.exit.is_some() {
            return Err(Failure::State { kind: "container", id: container.id.clone(), state: "is not running" });
        }
        if command.is_empty() {
            return Err(Failure::Missing("command"));
        }
        let failed = |e| Failure::Helper("exec", e);
        let mut child = Command::new(&self.config.program)
            .arg(reexec::EXEC)
            .arg(container.dir.path())
            .args(&command)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let all = async { tokio::join!(keep(stdout), keep(stderr), child.wait()) };
        let seconds = u64::try_from(timeout).unwrap_or_default();
        let limit = if seconds == 0 { Duration::MAX } else { Duration::from_secs(seconds) };
        let (stdout, stderr, status) =
            tokio::time::timeout(limit, all).await.map_err(|_| Failure::Timeout("exec", seconds))?;
        let exit_code = status.map_err(failed)?.code().unwrap_or(137);
        Ok(ExecSyncResponse { stdout: stdout.map_err(failed)?, stderr: stderr.map_err(failed)?, exit_code })
    }
}

async fn keep(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else { return Ok(kept) };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(kept);
        }
        let room = KEPT.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..n.min(room)]);
    }
}
