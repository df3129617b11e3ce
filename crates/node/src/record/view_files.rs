//! Pods as their files tell them: for whoever looks at a data folder that no agent works on.

use std::fs;
use std::io;
use std::path::Path;

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use reprise_core::plan::Stage;

use super::timeline_file::read_steps;
use super::{ledger_file, pod_file};
use crate::error::NodeError;
use crate::paths::{NodePaths, PodPaths};
use crate::pod_key::PodKey;
use crate::view::PodView;

/// All Pods of a data folder as they were last written down, by namespace and name. Nothing is changed; a folder that
/// is not there has no Pods.
///
/// # Errors
/// If a record can't be read.
pub fn read_views(data_dir: &Path) -> Result<Vec<PodView>, NodeError> {
    let paths = NodePaths::new(data_dir);
    if !paths.pods().exists() {
        return Ok(Vec::new());
    }
    let (pods, _) = pod_file::read_all(&paths)?;
    let mut views = pods.into_iter().map(|pod| view(&paths.pod(&pod), pod)).collect::<Result<Vec<_>, _>>()?;
    views.sort_by_cached_key(|view| PodKey::of(&view.pod));
    Ok(views)
}

fn view(paths: &PodPaths, pod: Pod) -> Result<PodView, NodeError> {
    let ledger = ledger_file::read(&paths.ledger_file())?;
    let timeline = paths.timeline_file();
    let steps = read_steps(&timeline).map_err(NodeError::file("read", timeline))?;
    let over = ledger.ending.as_ref().is_some_and(|ending| ending.over);
    let stage = if over { Stage::Ended } else { Stage::Live };
    Ok(PodView { status: status(&paths.status_file())?, pod, ledger, stage, steps })
}

/// The status as it was last written down. A Pod whose agent ended before it wrote one has none.
pub(crate) fn status(path: &Path) -> Result<PodStatus, NodeError> {
    match fs::read(path) {
        Ok(content) => {
            serde_json::from_slice(&content).map_err(|source| NodeError::BadRecord { path: path.to_owned(), source })
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(PodStatus::default()),
        Err(source) => Err(NodeError::File { operation: "read", path: path.to_owned(), source }),
    }
}
