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
    /// A volume that can't be set up.
    #[error("MountVolume.SetUp failed for volume {volume:?} ")]
    SetUp {
        /// Its name.
        volume: String,
        /// Why not.
        source: Box<VolumeError>,
    },
    /// A ConfigMap, Secret or claim that is not there.
    #[error("{kind} {name:?} not found")]
    NoObject {
        /// Its kind in lower case.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// An object without a key that is to be a file.
    #[error("{missing}: {key}")]
    NoKey {
        /// The kubelet's words for the kind.
        missing: &'static str,
        /// The key.
        key: String,
    },
    /// A field of the Pod that can't be a file.
    #[error(transparent)]
    Downward(Box<crate::container::error::ConfigError>),
    /// The cluster has given no token yet.
    #[error("failed to fetch token: the cluster has given none for the service account {service_account:?} yet")]
    NoToken {
        /// Whose token it is.
        service_account: String,
    },
    /// A projection that is not there yet.
    #[error(
        "a source of the projected volume is not supported yet: it can be configMap, secret, downwardAPI or serviceAccountToken"
    )]
    Projection,
    /// A file's path leaves the volume or hides in it.
    #[error("invalid path: {problem}: {path}")]
    FilePath {
        /// The path.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A claim without a volume.
    #[error("error processing PVC {claim}: PVC is not bound: {why}")]
    NotBound {
        /// Its namespace and name.
        claim: String,
        /// Why it has none.
        why: String,
    },
    /// A claim that another Pod uses alone.
    #[error(
        "persistentvolumeclaim {claim:?} uses the ReadWriteOncePod access mode and is already in use by another pod"
    )]
    InUse {
        /// Its name.
        claim: String,
    },
    /// A claim for a block device.
    #[error("persistentvolumeclaim {claim:?} has volumeMode Block, which is not supported yet: use Filesystem")]
    Block {
        /// Its name.
        claim: String,
    },
    /// A PersistentVolume of another kind.
    #[error("persistentvolume {name:?} is neither hostPath nor local: others are not supported yet")]
    VolumeSource {
        /// Its name.
        name: String,
    },
    /// A local volume's folder is not there.
    #[error("path {} does not exist", path.display())]
    LocalMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A local volume that is a device or a file.
    #[error("path {} is no folder: local volumes that are block devices are not supported yet", path.display())]
    LocalNoFolder {
        /// Where.
        path: PathBuf,
    },
    /// The Pod's folder is being removed.
    #[error("the Pod is being removed")]
    TornDown,
    /// A kind of volume that needs more than a node.
    #[error("MountVolume.SetUp failed for volume {volume:?} : this node does not provide {kind} volumes yet")]
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
