//! Rotates the logs of running containers, one after the other, and removes those of runs long past.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::error::chain;
use crate::log_files::rotate::{self, Next};
use crate::node::Node;
use crate::view::PodView;

/// A container whose logs are looked after.
struct Subject {
    folder: PathBuf,
    /// How many runs came before the current or next one.
    restart_count: u32,
    /// Its log and the runtime's id, if it runs.
    running: Option<(PathBuf, String)>,
}

pub(super) async fn rotate_all(node: &Node) {
    for subject in node.pods().iter().flat_map(|view| subjects(node, view)) {
        let (folder, restart_count) = (subject.folder, subject.restart_count);
        let removed = blocking(move || rotate::remove_superseded(&folder, restart_count)).await;
        if let Err(error) = removed {
            tracing::warn!(error = %error, "logs of old runs can't be removed");
        }
        if let Some((log, id)) = subject.running {
            rotate_one(node, log, &id).await;
        }
    }
}

fn subjects(node: &Node, view: &PodView) -> Vec<Subject> {
    let paths = node.paths().pod(&view.pod);
    let of = |(name, record): (&String, &reprise_core::ledger::ContainerRecord)| {
        let run = record.run.as_ref().filter(|run| run.is_running());
        Subject {
            folder: paths.logs().join(name),
            restart_count: record.restart_count,
            running: run.map(|run| (paths.log(name, record.restart_count), run.id.clone())),
        }
    };
    view.ledger.containers.iter().map(of).collect()
}

async fn rotate_one(node: &Node, log: PathBuf, id: &str) {
    let (path, policy) = (log.clone(), node.config().logs);
    let aside = match blocking(move || rotate::rotate(&path, policy, Timestamp::now())).await {
        Ok(Next::Nothing) => return,
        Ok(Next::Reopen { aside }) => aside,
        Err(error) => return tracing::warn!(log = %log.display(), error, "the log can't be rotated"),
    };
    let Err(error) = node.runtime().reopen_log(id).await else { return };
    tracing::warn!(log = %log.display(), error = %chain(&error), "the runtime can't open the log anew");
    if let Some(aside) = aside {
        undo(log, aside).await;
    }
}

async fn undo(log: PathBuf, aside: PathBuf) {
    let shown = aside.display().to_string();
    if let Err(error) = blocking(move || rotate::undo(Path::new(&log), &aside)).await {
        tracing::warn!(part = shown, error, "the log can't get its name back");
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T, String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|e| e.to_string()),
        Err(panic) => Err(panic.to_string()),
    }
}
