//! The agent's end of the control socket.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Weak;

use jiff::SignedDuration;
use reprise_cri::socket;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use super::protocol::{Answer, Content, Refusal, Request, VERSION, Verb};
use crate::error::{NodeError, chain};
use crate::node::{Inner, Node};

/// Listens at `path` until the task is aborted. The caller holds the agent's lock, so a socket that is there is nobody's.
pub(crate) fn listen(path: &Path, node: Weak<Inner>) -> Result<JoinHandle<()>, NodeError> {
    let failed = NodeError::file("listen at", path);
    let listener = bind_private(path).map_err(failed)?;
    Ok(tokio::spawn(accept(listener, node)))
}

/// Binds under another name first, so that the socket is never open to others, however briefly.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let hidden = path.with_extension("new");
    remove_if_there(&hidden)?;
    let listener = socket::bind(&hidden)?;
    fs::set_permissions(&hidden, Permissions::from_mode(0o600))?;
    fs::rename(&hidden, path)?;
    Ok(listener)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

async fn accept(listener: UnixListener, node: Weak<Inner>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let node = node.clone();
                tokio::spawn(async move {
                    if let Err(error) = serve(stream, node).await {
                        tracing::debug!(%error, "a control connection broke");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a control connection can't be accepted");
                // Out of descriptors: there will be some when others close theirs.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(stream: UnixStream, node: Weak<Inner>) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    while let Some(line) = lines.next_line().await? {
        let Some(inner) = node.upgrade() else { return Ok(()) };
        let result = answer(&Node::of(inner), &line).await;
        let mut text = serde_json::to_vec(&Answer { version: VERSION, result })?;
        text.push(b'\n');
        writer.write_all(&text).await?;
    }
    Ok(())
}

async fn answer(node: &Node, line: &str) -> Result<Content, Refusal> {
    let refuse = |message: String| Refusal { message, not_found: false };
    let request: Request = serde_json::from_str(line).map_err(|e| refuse(format!("not a request: {e}")))?;
    if request.version != VERSION {
        let theirs = request.version;
        return Err(refuse(format!("the agent speaks version {VERSION} and not {theirs}: use the same program")));
    }
    carry_out(node, request.verb)
        .await
        .map_err(|error| Refusal { not_found: matches!(error, NodeError::NoSuchPod { .. }), message: chain(&error) })
}

async fn carry_out(node: &Node, verb: Verb) -> Result<Content, NodeError> {
    match verb {
        Verb::Pods => Ok(Content::Pods(node.pods())),
        Verb::Delete { pod, grace_seconds, wait } => {
            node.delete(&pod, grace_seconds.map(SignedDuration::from_secs)).await?;
            if wait {
                node.gone(&pod).await;
            }
            Ok(Content::Done)
        }
        Verb::Annotate { pod, name, value } => node.annotate(&pod, &name, &value).await.map(|()| Content::Done),
        Verb::AddEphemeral { pod, container } => {
            node.add_ephemeral(&pod, vec![*container]).await.map(|()| Content::Done)
        }
        Verb::Exec { pod, container, command, streams } => {
            node.exec(&pod, container.as_deref(), command, streams).await.map(Content::Url)
        }
        Verb::Attach { pod, container, streams } => {
            node.attach(&pod, container.as_deref(), streams).await.map(Content::Url)
        }
    }
}
