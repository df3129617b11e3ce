//! Puts a container's CRI configuration together.
//!
//! Two runs of one container must have the same configuration but for epoch, attempt and log file, because the runtime
//! may have prepared the next one ahead: so nothing random and no order that changes goes in here.

use std::io;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Pod;
use reprise_cri::v1::{ContainerConfig, ContainerMetadata, ImageSpec, KeyValue, LinuxContainerConfig, Mount, Signal};

use super::env::{EnvSources, environment};
use super::error::ConfigError;
use super::expansion::expand;
use super::field_ref::Addresses;
use super::find::{self, Found};
use super::resource_ref::Machine;
use super::user::ImageUser;
use super::{resources, security, termination, user};
use crate::api_service::ApiService;
use crate::config::NodeConfig;
use crate::devices::{self, ContainerGrants};
use crate::objects::Objects;
use crate::paths::PodPaths;
use crate::runtime_calls::labels;
use crate::sandbox::hosts;
use crate::volumes::{self, VolumesOf};

/// How many runs' logs are kept, as many as restarts in the timeline.
const KEPT_LOGS: u32 = 100;

/// The image of a run, as the runtime resolved it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ResolvedImage {
    /// How CreateContainer names it.
    pub reference: String,
    /// Its id as the status shows it: a digest where there is one.
    pub image_id: String,
    /// Who it runs as.
    pub user: ImageUser,
}

/// One run of one container.
#[derive(Debug, Clone)]
pub(crate) struct RunOf<'a> {
    pub container: &'a str,
    pub epoch: Option<u64>,
    pub attempt: u32,
    pub image: &'a ResolvedImage,
    /// The id of the container whose processes an ephemeral one is to see.
    pub target_id: Option<&'a str>,
}

/// What a run finds around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'a> {
    pub pod: &'a Pod,
    pub config: &'a NodeConfig,
    pub paths: &'a PodPaths,
    pub pod_ips: &'a [String],
    pub qos: &'a str,
    /// What the machine has, and what of it is for Pods.
    pub machine: &'a Machine,
    pub offered: &'a Machine,
    pub objects: &'a Objects,
    /// Where the cluster's API is.
    pub api_service: Option<&'a ApiService>,
    /// The container's devices.
    pub grants: &'a ContainerGrants,
}

/// The container's configuration. Makes the files that its mounts need on the way.
pub(crate) fn config(around: &Around<'_>, run: &RunOf<'_>) -> Result<ContainerConfig, ConfigError> {
    let Around { pod, config, paths, .. } = *around;
    let Found { spec, target, .. } = find::container(pod, run.container)?;
    if let Some(name) = target.filter(|_| run.target_id.is_none()) {
        return Err(ConfigError::NoTarget { name: name.to_owned() });
    }
    let user = user::effective(pod, &spec, &run.image.user)?;
    let addresses = Addresses { pod: around.pod_ips, host: config.host_ip.as_deref() };
    let from = EnvSources {
        pod,
        paths,
        addresses: &addresses,
        machine: around.offered,
        objects: around.objects,
        api_service: around.api_service,
    };
    let mut variables = environment(from, &spec)?;
    devices::add_variables(around.grants, &mut variables);
    let volumes = VolumesOf { pod, paths, objects: around.objects, machine: around.offered };
    let mut mounts = volumes::mount::of_container(volumes, &spec, &variables)?;
    node_mounts(around, run.container, termination::path_in_container(&spec), &mut mounts)?;
    make_room_for_log(paths, run)?;
    let expanded = |list: &Option<Vec<String>>| -> Vec<String> {
        list.iter().flatten().map(|text| expand(text, |name| variables.text(name))).collect()
    };
    let stop_signal = spec.lifecycle.as_ref().and_then(|l| l.stop_signal.as_deref());
    let mut config = ContainerConfig {
        metadata: Some(ContainerMetadata { name: run.container.to_owned(), attempt: run.attempt }),
        image: Some(ImageSpec {
            image: run.image.reference.clone(),
            user_specified_image: spec.image.clone().unwrap_or_default(),
            ..ImageSpec::default()
        }),
        command: expanded(&spec.command),
        args: expanded(&spec.args),
        working_dir: spec.working_dir.clone().unwrap_or_default(),
        mounts,
        labels: labels::of_container(pod, run.container, run.epoch),
        log_path: PodPaths::log_name(run.container, run.attempt),
        stdin: spec.stdin == Some(true),
        stdin_once: spec.stdin_once == Some(true),
        tty: spec.tty == Some(true),
        linux: Some(LinuxContainerConfig {
            resources: Some(resources::of_container(
                pod,
                &spec,
                around.qos,
                around.machine.memory_bytes,
                // The Pod's own cgroup has the limit.
                config.pids_limit.filter(|_| config.cgroup_root.is_none()),
            )),
            security_context: Some(security::context(pod, &spec, user, run.target_id, config)),
        }),
        stop_signal: stop_signal.and_then(Signal::from_str_name).unwrap_or(Signal::RuntimeDefault) as i32,
        envs: variables.into_iter().map(|(key, value)| KeyValue { key, value }).collect(),
        ..ContainerConfig::default()
    };
    devices::add_to(&mut config, around.grants);
    Ok(config)
}

/// The files that the node provides to every container: its hosts file and its termination log.
fn node_mounts(
    around: &Around<'_>,
    container: &str,
    termination_path: &str,
    mounts: &mut Vec<Mount>,
) -> Result<(), ConfigError> {
    let file = |path: PathBuf| move |source| ConfigError::File { path, source };
    if !mounts.iter().any(|m| m.container_path == hosts::PATH) {
        let path = around.paths.etc_hosts();
        hosts::write(around.pod, around.config, around.pod_ips, &path).map_err(file(path.clone()))?;
        mounts.push(node_mount(hosts::PATH, &path));
    }
    let path = around.paths.termination_log(container);
    termination::prepare(&path).map_err(file(path.clone()))?;
    mounts.push(node_mount(termination_path, &path));
    Ok(())
}

/// Runtimes expect the log's folder to be there. Logs of runs long past are let go, one with each new run.
fn make_room_for_log(paths: &PodPaths, run: &RunOf<'_>) -> Result<(), ConfigError> {
    let log = paths.log(run.container, run.attempt);
    let folder = log.parent().unwrap_or(&log);
    std::fs::create_dir_all(folder).map_err(|source| ConfigError::File { path: folder.to_owned(), source })?;
    let Some(oldest) = run.attempt.checked_sub(KEPT_LOGS) else { return Ok(()) };
    let old = paths.log(run.container, oldest);
    match std::fs::remove_file(&old) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(ConfigError::File { path: old, source: e }),
        _ => Ok(()),
    }
}

fn node_mount(container_path: &str, host_path: &Path) -> Mount {
    Mount {
        container_path: container_path.to_owned(),
        host_path: host_path.display().to_string(),
        selinux_relabel: true,
        ..Mount::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::tests::with;
    use crate::paths::NodePaths;
    use serde_json::json;

    #[test]
    fn two_epochs_differ_only_in_epoch_attempt_and_log() {
        let folder = tempfile::tempdir().unwrap();
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "n", "uid": "u"},
            "spec": {"containers": [{
                "name": "c", "image": "i", "command": ["run", "$(A)"], "args": ["$$(A)"],
                "env": [{"name": "A", "value": "1"}], "lifecycle": {"stopSignal": "SIGUSR1"}}]}
        }))
        .unwrap();
        let config = NodeConfig::new(folder.path(), "/none");
        let paths = NodePaths::new(folder.path()).pod(&pod);
        let machine = Machine { memory_bytes: 1 << 30, milli_cpu: 1_000 };
        let ips = ["10.0.0.2".to_owned()];
        let objects = with(&NodePaths::new(folder.path()), &[]);
        let around = Around {
            pod: &pod,
            config: &config,
            paths: &paths,
            pod_ips: &ips,
            qos: "BestEffort",
            machine: &machine,
            offered: &machine,
            objects: &objects,
            api_service: None,
            grants: &ContainerGrants::new(),
        };
        let image = ResolvedImage { reference: "sha256:1".to_owned(), ..ResolvedImage::default() };
        std::fs::create_dir_all(paths.folder()).unwrap();
        let of = |epoch, attempt| {
            let run = RunOf { container: "c", epoch: Some(epoch), attempt, image: &image, target_id: None };
            super::config(&around, &run).unwrap()
        };
        let (first, mut second) = (of(0, 0), of(1, 4));
        assert_eq!(first.command, ["run", "1"]);
        assert_eq!(first.args, ["$(A)"]);
        assert_eq!(first.stop_signal, Signal::Sigusr1 as i32);
        assert_eq!(first.labels.get(labels::EPOCH).map(String::as_str), Some("0"));
        assert_eq!(second.log_path, "c/4.log");
        second.metadata.as_mut().unwrap().attempt = 0;
        second.log_path.clone_from(&first.log_path);
        second.labels.insert(labels::EPOCH.to_owned(), "0".to_owned());
        assert_eq!(first, second);
    }
}
