//! One run of one plugin: a child process with the call in its environment and its configuration on stdin.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::result::{MAX_BYTES, ResultError};

/// How much of what a plugin says in a message is handed on.
const MAX_TEXT: usize = 2000;

/// What all plugins of a chain are told in their environment.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// `ADD`, `DEL`, `CHECK` or `STATUS`.
    pub command: &'static str,
    /// The sandbox.
    pub sandbox: &'a str,
    /// Its network namespace. Empty if it is gone.
    pub netns: &'a str,
    /// The name of its link.
    pub link: &'a str,
    /// More about the Pod.
    pub args: &'a str,
    /// Where plugins are.
    pub bin_dirs: &'a [PathBuf],
    /// How long each may take.
    pub timeout: Duration,
}

/// Why a plugin did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// There is no such program.
    #[error("the CNI plugin {plugin} is not in {folders}")]
    Missing {
        /// Its name.
        plugin: String,
        /// Where it was looked for.
        folders: String,
    },
    /// It can't be run.
    #[error("run the CNI plugin {plugin}")]
    Run {
        /// Its name.
        plugin: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It took too long, and was killed.
    #[error("the CNI plugin {plugin} was killed: its {command} took longer than {limit:?}")]
    Timeout {
        /// Its name.
        plugin: String,
        /// The command.
        command: &'static str,
        /// What it was given.
        limit: Duration,
    },
    /// It says that it failed.
    #[error("the CNI plugin {plugin} refused {command} (code {code}): {msg}{details}")]
    Refused {
        /// Its name.
        plugin: String,
        /// The command.
        command: &'static str,
        /// The specification's number of the error, or the plugin's own from 100.
        code: u64,
        /// What it says.
        msg: String,
        /// What else it says, with a separator.
        details: String,
    },
    /// It failed without saying so in the specification's form.
    #[error("the CNI plugin {plugin} failed at {command} ({status}): {said}")]
    Failed {
        /// Its name.
        plugin: String,
        /// The command.
        command: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote.
        said: String,
    },
    /// It gave an answer that can't be used.
    #[error("the CNI plugin {plugin}: {command}")]
    Result {
        /// Its name.
        plugin: String,
        /// The command.
        command: &'static str,
        /// What is wrong with it.
        source: ResultError,
    },
}

impl PluginError {
    /// Whether a plugin that says this to DEL can't have made anything at ADD with the same configuration: it is not
    /// there, or does not accept the version (1), a field (2), the form (6) or the content (7) of it.
    pub fn made_nothing(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Refused { code: 1 | 2 | 6 | 7, .. })
    }
}

#[derive(Deserialize)]
struct SaidError {
    code: u64,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    details: String,
}

/// The program of a plugin.
pub fn program(plugin: &str, folders: &[PathBuf]) -> Result<PathBuf, PluginError> {
    let found = folders.iter().map(|folder| folder.join(plugin)).find(|path| path.is_file());
    found.ok_or_else(|| {
        let folders: Vec<_> = folders.iter().map(|f| f.display().to_string()).collect();
        PluginError::Missing { plugin: plugin.to_owned(), folders: folders.join(", ") }
    })
}

/// Runs `plugin` with `config`; what it answers.
pub async fn run(plugin: &str, call: &Call<'_>, config: &[u8]) -> Result<Vec<u8>, PluginError> {
    let error = |source| PluginError::Run { plugin: plugin.to_owned(), source };
    let mut child = command(&program(plugin, call.bin_dirs)?, call).spawn().map_err(error)?;
    let group = child.id();
    let outcome = tokio::time::timeout(call.timeout, talk(&mut child, config)).await;
    let Ok(outcome) = outcome else {
        end(group);
        // It is reaped here, and otherwise when the value is dropped.
        let _ = child.wait().await;
        let (command, limit) = (call.command, call.timeout);
        return Err(PluginError::Timeout { plugin: plugin.to_owned(), command, limit });
    };
    let (status, stdout, stderr) = outcome.map_err(error)?;
    if !status.success() {
        return Err(refusal(plugin, call.command, status, &stdout, &stderr));
    }
    if stdout.len() > MAX_BYTES {
        let (plugin, command) = (plugin.to_owned(), call.command);
        return Err(PluginError::Result { plugin, command, source: ResultError::TooLong });
    }
    Ok(stdout)
}

fn command(program: &Path, call: &Call<'_>) -> Command {
    let path = std::env::join_paths(call.bin_dirs).unwrap_or_default();
    let mut command = Command::new(program);
    command
        .env("CNI_COMMAND", call.command)
        .env("CNI_CONTAINERID", call.sandbox)
        .env("CNI_NETNS", call.netns)
        .env("CNI_IFNAME", call.link)
        .env("CNI_ARGS", call.args)
        .env("CNI_PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own: what it started ends with it.
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// Writes the configuration and takes the output to its end, all at once: a plugin may do these in any order.
async fn talk(child: &mut Child, config: &[u8]) -> std::io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // Some plugins need no configuration and end without reading it. What they answer says how it went.
            let _ = stdin.write_all(config).await;
        }
    };
    let ((), stdout, stderr, status) = tokio::join!(write, read(stdout), read(stderr), child.wait());
    Ok((status?, stdout?, stderr?))
}

/// Keeps a little more than the limit, and lets the plugin write the rest to nowhere.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(mut pipe) = pipe {
        (&mut pipe).take(MAX_BYTES as u64 + 1).read_to_end(&mut kept).await?;
        tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    }
    Ok(kept)
}

fn end(group: Option<u32>) {
    let group = group.and_then(|pid| i32::try_from(pid).ok());
    if let Some(group) = group
        && let Err(errno) = killpg(Pid::from_raw(group), Signal::SIGKILL)
    {
        tracing::debug!(%errno, group, "a CNI plugin that took too long had ended by itself");
    }
}

fn refusal(plugin: &str, command: &'static str, status: ExitStatus, stdout: &[u8], stderr: &[u8]) -> PluginError {
    let plugin = plugin.to_owned();
    if let Ok(said) = serde_json::from_slice::<SaidError>(stdout) {
        let details = if said.details.is_empty() { String::new() } else { format!(" ({})", plain(&said.details)) };
        return PluginError::Refused { plugin, command, code: said.code, msg: plain(&said.msg), details };
    }
    let said = if stderr.is_empty() { stdout } else { stderr };
    let said = &said[said.len().saturating_sub(MAX_TEXT)..];
    PluginError::Failed { plugin, command, status, said: plain(String::from_utf8_lossy(said).trim()) }
}

/// Bounded, and without what would break a line of a log.
fn plain(text: &str) -> String {
    text.chars().take(MAX_TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
