//! Why a container's configuration can't be made. Shown to users with the reason `CreateContainerConfigError`, worded as the kubelet words it.

use super::env_file::EnvFileError;
use crate::volumes::VolumeError;

/// A container that can't be configured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The plan names a container that the spec does not have.
    #[error("the Pod has no container {name:?}")]
    NoSuchContainer {
        /// Its name.
        name: String,
    },
    /// `runAsNonRoot` with `runAsUser: 0`.
    #[error("container's runAsUser breaks non-root policy (pod: {pod:?}, container: {container})")]
    RunAsUserIsRoot {
        /// The Pod as the kubelet writes it.
        pod: String,
        /// The container.
        container: String,
    },
    /// `runAsNonRoot` with an image whose user is root.
    #[error("container has runAsNonRoot and image will run as root (pod: {pod:?}, container: {container})")]
    ImageIsRoot {
        /// The Pod as the kubelet writes it.
        pod: String,
        /// The container.
        container: String,
    },
    /// `runAsNonRoot` with an image whose user is a name.
    #[error(
        "container has runAsNonRoot and image has non-numeric user ({user}), cannot verify user is non-root (pod: {pod:?}, container: {container})"
    )]
    ImageUserIsName {
        /// The image's user.
        user: String,
        /// The Pod as the kubelet writes it.
        pod: String,
        /// The container.
        container: String,
    },
    /// A variable takes its value from an object that is not there.
    #[error("{kind} {name:?} not found")]
    NoObject {
        /// `configmap` or `secret`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A variable takes its value from a key that the object does not have.
    #[error("couldn't find key {key} in {kind} {object}")]
    NoKey {
        /// The key.
        key: String,
        /// `ConfigMap` or `Secret`.
        kind: &'static str,
        /// Its namespace and name.
        object: String,
    },
    /// A variable takes its value from a file that can't be read.
    #[error(transparent)]
    EnvFile(#[from] EnvFileError),
    /// A variable takes its value from a file that is not there or has no such key.
    #[error("couldn't find key {key} in the environment variable file {path} of volume {volume:?}")]
    NoKeyInFile {
        /// The key.
        key: String,
        /// The file, relative to the volume.
        path: String,
        /// The volume.
        volume: String,
    },
    /// An ephemeral container is to see the processes of a container that does not run.
    #[error("the target container {name:?} does not run")]
    NoTarget {
        /// The target.
        name: String,
    },
    /// A field that can't be a variable.
    #[error("unsupported fieldPath: {path}")]
    UnsupportedField {
        /// The field as written.
        path: String,
    },
    /// A resource that can't be a variable, or of a container that is not there.
    #[error("unsupported resource {resource:?} of container {container:?}")]
    UnsupportedResource {
        /// `limits.cpu` and the like.
        resource: String,
        /// The container asked for.
        container: String,
    },
    /// A `subPathExpr` names a variable that is not set.
    #[error("missing value for {name:?} in subPathExpr {expression:?}")]
    UnsetInSubPath {
        /// The variable.
        name: String,
        /// The whole expression.
        expression: String,
    },
    /// A volume mount can't be provided.
    #[error("can't mount volume {volume:?} into container {container}")]
    Mount {
        /// The volume.
        volume: String,
        /// The container.
        container: String,
        /// Why not.
        source: VolumeError,
    },
    /// A file that the node provides to the container can't be written.
    #[error("can't write {}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}
