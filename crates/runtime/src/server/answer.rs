//! The runtime's knowledge in CRI's words.

use std::collections::HashMap;

use reprise_cri::v1::{
    Container as ListedContainer, ContainerResources, ContainerState, ContainerStatus, ContainerUser, ImageSpec,
    LinuxContainerUser, LinuxPodSandboxStatus, Namespace, PodIp, PodSandbox, PodSandboxNetworkStatus, PodSandboxState,
    PodSandboxStatus,
};
use reprise_images::Image;

use super::engine::nanos;
use super::state::{Container, Sandbox};
use crate::stop_signal;

pub fn sandbox_state(sandbox: &Sandbox) -> PodSandboxState {
    if sandbox.is_ready() { PodSandboxState::SandboxReady } else { PodSandboxState::SandboxNotready }
}

pub fn sandbox(sandbox: &Sandbox) -> PodSandbox {
    PodSandbox {
        id: sandbox.id.clone(),
        metadata: sandbox.config.metadata.clone(),
        state: sandbox_state(sandbox).into(),
        created_at: sandbox.record().created_at,
        labels: sandbox.config.labels.clone(),
        annotations: sandbox.config.annotations.clone(),
        runtime_handler: String::new(),
    }
}

pub fn sandbox_status(sandbox: &Sandbox) -> PodSandboxStatus {
    let state = sandbox_state(sandbox);
    let record = sandbox.record();
    let options = sandbox.config.linux.as_ref().and_then(|l| l.security_context.as_ref());
    let options = options.and_then(|s| s.namespace_options.clone());
    PodSandboxStatus {
        id: sandbox.id.clone(),
        metadata: sandbox.config.metadata.clone(),
        state: state.into(),
        created_at: record.created_at,
        network: Some(PodSandboxNetworkStatus {
            ip: record.ip.clone().unwrap_or_default(),
            additional_ips: record.additional_ips.iter().map(|ip| PodIp { ip: ip.clone() }).collect(),
        }),
        linux: Some(LinuxPodSandboxStatus { namespaces: Some(Namespace { options }) }),
        labels: sandbox.config.labels.clone(),
        annotations: sandbox.config.annotations.clone(),
        runtime_handler: String::new(),
    }
}

pub fn container_state(container: &Container) -> ContainerState {
    let run = container.run();
    match (run.started_at, run.exit) {
        (_, Some(_)) => ContainerState::ContainerExited,
        (Some(_), None) => ContainerState::ContainerRunning,
        (None, None) => ContainerState::ContainerCreated,
    }
}

pub fn container(c: &Container) -> ListedContainer {
    ListedContainer {
        id: c.id.clone(),
        pod_sandbox_id: c.sandbox.id.clone(),
        metadata: c.config.metadata.clone(),
        image: c.config.image.clone(),
        image_ref: c.record.image_ref.clone(),
        state: container_state(c).into(),
        created_at: c.record.created_at,
        labels: c.config.labels.clone(),
        annotations: c.config.annotations.clone(),
        image_id: c.record.image_id.clone(),
    }
}

pub fn container_status(c: &Container) -> ContainerStatus {
    let state = container_state(c);
    let run = c.run();
    let exit = run.exit.as_ref();
    ContainerStatus {
        id: c.id.clone(),
        metadata: c.config.metadata.clone(),
        state: state.into(),
        created_at: c.record.created_at,
        started_at: run.started_at.map(nanos).unwrap_or_default(),
        finished_at: exit.map(|e| nanos(e.finished_at)).unwrap_or_default(),
        exit_code: exit.map(|e| e.code).unwrap_or_default(),
        image: c.config.image.clone(),
        image_ref: c.record.image_ref.clone(),
        image_id: c.record.image_id.clone(),
        reason: exit.map(|e| e.reason.clone()).unwrap_or_default(),
        message: exit.map(|e| e.message.clone()).unwrap_or_default(),
        labels: c.config.labels.clone(),
        annotations: c.config.annotations.clone(),
        mounts: c.config.mounts.clone(),
        log_path: log_path(c).map(|p| p.to_string_lossy().into_owned()).unwrap_or_default(),
        resources: c.resources().map(|linux| ContainerResources { linux: Some(linux), windows: None }),
        user: Some(ContainerUser { linux: Some(user(c)) }),
        stop_signal: stop_signal::asked(c.record.stop_signal).into(),
    }
}

fn user(c: &Container) -> LinuxContainerUser {
    let user = &c.record.user;
    let supplemental_groups = user.groups.iter().copied().map(i64::from).collect();
    LinuxContainerUser { uid: user.uid.into(), gid: user.gid.into(), supplemental_groups }
}

/// Where the container's log is: the sandbox's folder and the container's name in it.
pub fn log_path(c: &Container) -> Option<std::path::PathBuf> {
    let folder = &c.sandbox.config.log_directory;
    let named = !folder.is_empty() && !c.config.log_path.is_empty();
    named.then(|| std::path::Path::new(folder).join(&c.config.log_path))
}

pub fn image(image: &Image) -> reprise_cri::v1::Image {
    let user = image.user().split(':').next().unwrap_or_default();
    let uid = user.parse().ok().map(|value| reprise_cri::v1::Int64Value { value });
    reprise_cri::v1::Image {
        id: image.id.to_string(),
        repo_tags: image.repo_tags.clone(),
        repo_digests: image.repo_digests.clone(),
        size: image.size,
        username: if uid.is_none() { user.to_owned() } else { String::new() },
        uid,
        spec: Some(ImageSpec { image: image.id.to_string(), ..ImageSpec::default() }),
        pinned: image.pinned,
    }
}

/// What `verbose` adds, in containerd's words: the whole configuration.
pub fn image_info(image: &Image) -> HashMap<String, String> {
    let info = serde_json::json!({ "chainID": image.chain_id, "imageSpec": image.config });
    HashMap::from([("info".to_owned(), info.to_string())])
}
