//! Why a volume can't be provided, worded as the kubelet words it where it has words for it.

use std::io;
use std::path::PathBuf;

/// A volume that can't be set up, mounted or taken down.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VolumeError {
    /// The mount names a volume that the Pod does not have.
    #[error("the Pod has no volume {volume:?}")]
    NotFound {
        /// Its name.
        volume: String,
    },
    /// A kind of volume that needs more than a node.
    #[error(
        "MountVolume.SetUp failed for volume {volume:?} : this node provides emptyDir and hostPath volumes, not {kind}"
    )]
    Unsupported {
        /// Its name.
        volume: String,
        /// The kind, such as `configMap`.
        kind: String,
    },
    /// A hostPath is not what its type says.
    #[error("MountVolume.SetUp failed for volume {volume:?} : hostPath type check failed: {path} is not a {wanted}")]
    HostPathType {
        /// The volume.
        volume: String,
        /// The path.
        path: String,
        /// `directory`, `file`, `socket file`, `character device`, `block device`.
        wanted: &'static str,
    },
    /// A sub-path leaves its volume.
    #[error("subPath {sub_path:?} leads out of its volume or through something that is no folder")]
    SubPathEscapes {
        /// The sub-path.
        sub_path: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A file operation failed.
    #[error("can't {operation} {}", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something is still mounted in a folder that is to be removed.
    #[error("{} is still mounted: end what uses it", path.display())]
    StillMounted {
        /// Where.
        path: PathBuf,
    },
}

impl VolumeError {
    /// For `map_err` on file operations.
    pub(crate) fn file<E: Into<io::Error>>(
        operation: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |source| Self::File { operation, path, source: source.into() }
    }
}
