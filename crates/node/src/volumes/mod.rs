//! The Pod's volumes: made before its sandbox, the same in every epoch, gone with the Pod.
//!
//! Everything that the node makes lies below the Pod's folder; what lies elsewhere (hostPath, the volume of a claim) is
//! only ever mounted, and never removed.

mod atomic_writer;
pub(crate) mod claim;
pub(crate) mod empty_dir;
pub(crate) mod error;
mod files;
pub(crate) mod host_path;
pub(crate) mod mount;
mod ownership;
pub(crate) mod payload;
pub(crate) mod sub_path;
pub(crate) mod teardown;
pub(crate) mod tmpfs;
pub(crate) mod usage;

use std::collections::BTreeSet;
use std::path::PathBuf;

use k8s_openapi::api::core::v1::{Pod, Volume};
use reprise_core::objects::{ObjectKey, references};

pub(crate) use error::VolumeError;

use crate::container::resource_ref::Machine;
use crate::objects::Objects;
use crate::paths::PodPaths;

/// A Pod and where its volumes come from and go to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VolumesOf<'a> {
    pub pod: &'a Pod,
    pub paths: &'a PodPaths,
    pub objects: &'a Objects,
    pub machine: &'a Machine,
}

impl<'a> VolumesOf<'a> {
    fn all(&self) -> impl Iterator<Item = &'a Volume> {
        self.pod.spec.iter().flat_map(|s| s.volumes.iter().flatten())
    }

    fn sources(&self) -> payload::Sources<'a> {
        payload::Sources { pod: self.pod, objects: self.objects, machine: self.machine }
    }

    /// Makes all volumes of the Pod. Safe to repeat: what exists stays, and what a reboot unmounted is mounted again.
    pub(crate) fn set_up(&self) -> Result<(), VolumeError> {
        self.all().try_for_each(|volume| self.set_up_one(volume))
    }

    fn set_up_one(&self, volume: &Volume) -> Result<(), VolumeError> {
        let group = fs_group(self.pod);
        let failed = |source: VolumeError| VolumeError::SetUp { volume: volume.name.clone(), source: Box::new(source) };
        if let Some(source) = &volume.empty_dir {
            let size = empty_dir::size_in_memory(self.pod, source, self.machine.memory_bytes);
            empty_dir::set_up(&self.paths.empty_dir(&volume.name), source, size, group)
        } else if let Some(source) = &volume.host_path {
            host_path::check(&volume.name, source)
        } else if let Some(source) = &volume.persistent_volume_claim {
            claim::set_up(volume, source, self.pod, self.paths, self.objects).map_err(failed)
        } else if files::plugin(volume).is_some() {
            files::set_up(volume, self.sources(), self.paths, group).map_err(failed)
        } else {
            Err(VolumeError::Unsupported { volume: volume.name.clone(), kind: kind(volume) })
        }
    }

    /// Brings the files of those volumes up to date that `concerned` says are concerned. Gives an error for each that fails.
    pub(crate) fn refresh(&self, concerned: &Concerned) -> Vec<VolumeError> {
        let mut errors = Vec::new();
        for volume in self.all().filter(|volume| concerned.includes(volume, self.pod)) {
            match files::refresh(volume, self.sources(), self.paths, fs_group(self.pod)) {
                // After a start of the agent: the files show the one of before until there is a new one.
                Ok(_) | Err(VolumeError::NoToken { .. }) => {}
                Err(source) => {
                    errors.push(VolumeError::SetUp { volume: volume.name.clone(), source: Box::new(source) });
                }
            }
        }
        errors
    }

    /// Where the volume called `name` lies on the node.
    pub(crate) fn location(&self, name: &str) -> Result<PathBuf, VolumeError> {
        let volume = self.named(name)?;
        if volume.empty_dir.is_some() {
            Ok(self.paths.empty_dir(name))
        } else if let Some(source) = &volume.host_path {
            Ok(PathBuf::from(&source.path))
        } else if let Some(source) = &volume.persistent_volume_claim {
            claim::location(source, self.pod, self.objects)
        } else if let Some(plugin) = files::plugin(volume) {
            Ok(self.paths.volume(plugin, name))
        } else {
            Err(VolumeError::Unsupported { volume: name.to_owned(), kind: kind(volume) })
        }
    }

    /// Whether containers may only read the volume, whatever their mounts say.
    pub(crate) fn is_read_only(&self, name: &str) -> Result<bool, VolumeError> {
        let volume = self.named(name)?;
        let claim = volume.persistent_volume_claim.as_ref();
        Ok(files::plugin(volume).is_some() || claim.is_some_and(|claim| claim.read_only == Some(true)))
    }

    fn named(&self, name: &str) -> Result<&'a Volume, VolumeError> {
        self.all().find(|v| v.name == name).ok_or_else(|| VolumeError::NotFound { volume: name.to_owned() })
    }
}

/// What changed, as far as volumes are concerned.
#[derive(Debug, Clone)]
pub(crate) enum Concerned {
    /// Every volume: nobody knows what changed meanwhile.
    All,
    /// Those made from these objects.
    Objects(BTreeSet<ObjectKey>),
    /// Those that show labels and annotations.
    Metadata,
    /// Those that show tokens.
    Tokens,
}

impl Concerned {
    fn includes(&self, volume: &Volume, pod: &Pod) -> bool {
        match self {
            Self::All => true,
            Self::Objects(keys) => {
                let mut alone = Pod { metadata: pod.metadata.clone(), ..Pod::default() };
                alone.spec.get_or_insert_default().volumes = Some(vec![volume.clone()]);
                !references(&alone).is_disjoint(keys)
            }
            Self::Tokens => volume.projected.is_some(),
            Self::Metadata => volume.downward_api.is_some() || volume.projected.is_some(),
        }
    }
}

/// Takes away the files that a Pod has in memory: first their content, as other mount namespaces may hold a copy of the
/// mount, then the mount. Volumes that containers write to stay.
pub(crate) fn wipe(paths: &PodPaths) -> Result<(), VolumeError> {
    for folder in files::in_memory_plugins().map(|plugin| paths.plugin(plugin)) {
        for volume in teardown::entries(&folder)? {
            teardown::empty(&volume)?;
        }
        teardown::unmount_below(&folder)?;
    }
    Ok(())
}

/// Whether the Pod has volumes that show labels and annotations.
pub(crate) fn shows_metadata(pod: &Pod) -> bool {
    let mut volumes = pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    volumes.any(|volume| Concerned::Metadata.includes(volume, pod))
}

/// The group that the Pod's volumes belong to.
fn fs_group(pod: &Pod) -> Option<u32> {
    let group = pod.spec.as_ref().and_then(|s| s.security_context.as_ref()).and_then(|c| c.fs_group);
    group.and_then(|group| u32::try_from(group).ok())
}

/// The field of the volume's source, as the manifest spells it.
fn kind(volume: &Volume) -> String {
    let fields = serde_json::to_value(volume).ok();
    let mut names = fields.iter().flat_map(|v| v.as_object()).flat_map(|o| o.keys());
    names.find(|k| *k != "name").cloned().unwrap_or_else(|| "no source".to_owned())
}

#[cfg(test)]
#[path = "volumes_tests.rs"]
mod tests;
