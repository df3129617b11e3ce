//! The announcement's manifest, read as any other, and the one thing that the demo adds to it.

use anyhow::Result;
use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, Pod, Volume, VolumeMount};
use reprise_core::gates::FeatureGates;

use super::workload::SHARED;
use crate::manifests::Source;
use crate::run::input::{Input, admit_all};

/// The volume that is added.
pub const VOLUME: &str = "work";

/// The Pod and the warnings about its manifest.
pub fn pod(gates: FeatureGates) -> Result<(Pod, Vec<String>)> {
    let text = include_str!("../../../../examples/ml-worker.yaml").to_owned();
    let source = Source { name: "examples/ml-worker.yaml".to_owned(), text };
    let Input { pods, warnings, .. } = admit_all(&[source], gates)?;
    let mut pod = pods.into_iter().next().unwrap_or_default();
    add_volume(&mut pod);
    Ok((pod, warnings))
}

fn add_volume(pod: &mut Pod) {
    let Some(spec) = &mut pod.spec else { return };
    let empty_dir = Some(EmptyDirVolumeSource::default());
    let volume = Volume { name: VOLUME.to_owned(), empty_dir, ..Volume::default() };
    spec.volumes.get_or_insert_default().push(volume);
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        let mount = VolumeMount { name: VOLUME.to_owned(), mount_path: SHARED.to_owned(), ..VolumeMount::default() };
        container.volume_mounts.get_or_insert_default().push(mount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_container_of_the_published_pod_gets_the_volume() {
        let (pod, warnings) = pod(FeatureGates::default()).unwrap();
        let spec = pod.spec.unwrap();
        let mounts =
            spec.containers.iter().chain(spec.init_containers.iter().flatten()).map(|c| c.volume_mounts.as_ref());
        assert!(
            mounts.map(|mounts| mounts.unwrap().last().unwrap()).all(|m| m.name == VOLUME && m.mount_path == SHARED)
        );
        assert!(warnings[0].starts_with("examples/ml-worker.yaml: document 1: spec.initContainers[1]"), "{warnings:?}");
    }
}
