//! Removes images when the disk fills up or nobody has used them for long. Which ones, the core decides.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use jiff::Timestamp;
use reprise_core::image_collection::{Collection, DiskSpace, ImageHistory, Removal, SeenImage, Shortage};
use reprise_core::plan::Stage;
use reprise_cri::CriError;
use reprise_cri::v1::{Container, Image};

use crate::error::chain;
use crate::events;
use crate::image::name;
use crate::node::Node;
use crate::paths::NodePaths;
use crate::record::replace::{Durability, replace};

/// Why images could not be taken care of.
#[derive(Debug, thiserror::Error)]
enum ImageCareError {
    /// The runtime does not answer.
    #[error("the runtime can't be asked about its images")]
    Runtime(#[from] CriError),
    /// It is not known how full the disk is.
    #[error("it is not known how full the file system of {} is", folder.display())]
    Space {
        /// On it.
        folder: PathBuf,
        /// Why not.
        source: rustix::io::Errno,
    },
    /// Not all could be removed.
    #[error("images could not be removed: {}", failures.join("; "))]
    Removal {
        /// Each with its reason.
        failures: Vec<String>,
    },
    /// Too little can be freed.
    #[error("{}", shortage_message(.0))]
    Shortage(Shortage),
}

/// What is remembered from one look to the next.
pub(super) struct ImageCare {
    path: PathBuf,
    history: ImageHistory,
    /// The look before failed: the kubelet tells nobody of a single failure.
    failed: bool,
}

impl ImageCare {
    /// Goes on with what the last agent knew. Without that, all images count as new.
    pub(super) fn load(paths: &NodePaths) -> Self {
        let path = paths.image_history();
        let history = match fs::read(&path) {
            Ok(content) => serde_json::from_slice(&content).unwrap_or_else(|error| {
                tracing::warn!(%error, path = %path.display(), "when images were used is not readable, beginning anew");
                ImageHistory::default()
            }),
            Err(error) => {
                if error.kind() != ErrorKind::NotFound {
                    tracing::warn!(%error, path = %path.display(), "when images were used can't be read");
                }
                ImageHistory::default()
            }
        };
        Self { path, history, failed: false }
    }

    pub(super) async fn run(&mut self, node: &Node) {
        match self.look(node).await {
            Ok(()) => self.failed = false,
            Err(error) => {
                let message = chain(&error);
                tracing::warn!(error = message, "image garbage collection failed");
                if std::mem::replace(&mut self.failed, true) {
                    node.tell_event(events::of_node("ImageGCFailed", message));
                }
            }
        }
    }

    async fn look(&mut self, node: &Node) -> Result<(), ImageCareError> {
        let seen = seen(node).await?;
        let space = space(node).await?;
        let now = Timestamp::now();
        let before = self.history.clone();
        self.history.observe(&seen, now);
        if self.history != before {
            self.save();
        }
        let Collection { removals, shortage } = self.history.collect(&node.config().images, &seen, space, now);
        let failures = remove(node, &removals).await;
        if !failures.is_empty() {
            return Err(ImageCareError::Removal { failures });
        }
        let Some(shortage) = shortage else { return Ok(()) };
        node.tell_event(events::of_node("FreeDiskSpaceFailed", shortage_message(&shortage)));
        Err(ImageCareError::Shortage(shortage))
    }

    fn save(&self) {
        let content = serde_json::to_vec(&self.history).map_err(std::io::Error::from);
        // An old one is no harm: images then go a little sooner than they should.
        let saved = content.and_then(|content| replace(&self.path, &content, Durability::Process));
        if let Err(error) = saved {
            tracing::warn!(%error, path = %self.path.display(), "when images were used can't be written");
        }
    }
}

/// In the kubelet's words.
fn shortage_message(shortage: &Shortage) -> String {
    let Shortage { wanted, eligible } = shortage;
    format!(
        "Failed to garbage collect required amount of images. Attempted to free {wanted} bytes, but only found {eligible} bytes eligible to free."
    )
}

async fn remove(node: &Node, removals: &[Removal]) -> Vec<String> {
    let mut failures = Vec::new();
    for Removal { id, reason } in removals {
        match node.runtime().remove_image(id).await {
            Ok(()) => {
                tracing::info!(id, reason = reason.label(), "an image was removed");
                node.metrics().image_collected(reason.label());
            }
            Err(error) => failures.push(format!("{id}: {}", chain(&error))),
        }
    }
    failures
}

/// The images, and which of them are in use: those that containers have, and those that Pods name, since between two runs
/// of a container nothing else shows that it is needed.
async fn seen(node: &Node) -> Result<Vec<SeenImage>, CriError> {
    let runtime = node.runtime();
    let containers = runtime.list(None).await?.containers;
    let mut used: BTreeSet<String> = containers.into_iter().flat_map(references).collect();
    for name in names_in_pods(node) {
        used.extend(runtime.image_status(&name).await?.map(|image| image.id));
    }
    let is_used = |image: &Image| {
        let names = std::iter::once(&image.id).chain(&image.repo_tags).chain(&image.repo_digests);
        names.into_iter().any(|name| used.contains(name))
    };
    let seen =
        |image: Image| SeenImage { in_use: is_used(&image), id: image.id, size: image.size, pinned: image.pinned };
    Ok(runtime.images().await?.into_iter().map(seen).collect())
}

/// All that a container may name its image by: runtimes differ in it.
fn references(container: Container) -> impl Iterator<Item = String> {
    let named = container.image.map(|spec| [spec.image, spec.user_specified_image]).unwrap_or_default();
    named.into_iter().chain([container.image_id, container.image_ref]).filter(|name| !name.is_empty())
}

fn names_in_pods(node: &Node) -> BTreeSet<String> {
    let live = node.pods().into_iter().filter(|view| view.stage == Stage::Live);
    let specs = live.filter_map(|view| view.pod.spec);
    let images = specs.flat_map(|spec| {
        let regular = spec.containers.into_iter().chain(spec.init_containers.unwrap_or_default());
        let ephemeral = spec.ephemeral_containers.unwrap_or_default().into_iter().map(|c| c.image);
        regular.map(|c| c.image).chain(ephemeral).collect::<Vec<_>>()
    });
    images.flatten().filter_map(|image| name::with_default_tag(&image)).collect()
}

async fn space(node: &Node) -> Result<DiskSpace, ImageCareError> {
    let folder = node.runtime().image_folder().await?.unwrap_or_else(|| PathBuf::from("/"));
    let found = rustix::fs::statvfs(&folder).map_err(|source| ImageCareError::Space { folder, source })?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Ok(DiskSpace { capacity: bytes(found.f_blocks), available: bytes(found.f_bavail) })
}
