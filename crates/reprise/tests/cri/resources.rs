//! Limits, as the container itself sees them in its cgroups.

use std::path::Path;

use reprise_cri::v1::*;
use tonic::Code;

use crate::case::cases;
use crate::requests::{ContainerParts, SandboxParts, With};
use crate::scene::{Pod, Scene};

cases![
    limits_are_set_and_shown_inside,
    limits_are_changed_while_it_runs,
    a_status_shows_the_limits_of_now,
    what_a_change_does_not_name_stays,
    limits_of_a_created_container_can_be_changed,
    an_exited_or_unknown_containers_limits_can_not_be_changed,
    the_number_of_processes_is_limited,
    a_pods_own_limits_are_changed,
];

/// A setting: its file in a cgroup of version 1 and 2.
struct Setting(&'static str, &'static str);

const MEMORY: Setting = Setting("memory/memory.limit_in_bytes", "memory.max");
const SHARES: Setting = Setting("cpu/cpu.shares", "cpu.weight");
const QUOTA: Setting = Setting("cpu/cpu.cfs_quota_us", "cpu.max");
const CPUS: Setting = Setting("cpuset/cpuset.cpus", "cpuset.cpus");

impl Setting {
    fn file(&self) -> String {
        let is_v2 = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        format!("/sys/fs/cgroup/{}", if is_v2 { self.1 } else { self.0 })
    }
}

/// The first word: that of `cpu.max` is the quota.
async fn read(scene: &Scene, id: &str, setting: &Setting) -> String {
    let text = scene.exec(id, &["cat", &setting.file()]).await;
    text.split_whitespace().next().unwrap_or_default().to_owned()
}

async fn update(scene: &Scene, id: &str, resources: LinuxContainerResources) -> Result<(), tonic::Status> {
    let request = UpdateContainerResourcesRequest {
        container_id: id.to_owned(),
        linux: Some(resources),
        ..UpdateContainerResourcesRequest::default()
    };
    scene.runtime().update_container_resources(request).await.map(drop)
}

fn some_limits() -> LinuxContainerResources {
    LinuxContainerResources {
        cpu_period: 100_000,
        cpu_quota: 50_000,
        cpu_shares: 512,
        memory_limit_in_bytes: 128 << 20,
        cpuset_cpus: "0".into(),
        ..LinuxContainerResources::default()
    }
}

async fn limited(scene: &Scene) -> (Pod, String) {
    let pod = scene.pod().await;
    let config = scene.container("main", &["forever"]).with(|config| *config.resources() = some_limits());
    let id = scene.run(&pod, config).await;
    (pod, id)
}

async fn limits_are_set_and_shown_inside(scene: &Scene) {
    let (_pod, id) = limited(scene).await;
    assert_eq!(read(scene, &id, &MEMORY).await, (128 << 20).to_string());
    assert_eq!(read(scene, &id, &QUOTA).await, "50000");
    assert_eq!(read(scene, &id, &CPUS).await, "0");
    let shares = read(scene, &id, &SHARES).await;
    assert!(shares == "512" || shares == "20", "{shares}");
}

async fn limits_are_changed_while_it_runs(scene: &Scene) {
    let (_pod, id) = limited(scene).await;
    let changed = some_limits().with(|limits| {
        limits.memory_limit_in_bytes = 256 << 20;
        limits.cpu_quota = 70_000;
        limits.cpuset_cpus = "0-1".into();
    });
    for _ in 0..2 {
        update(scene, &id, changed.clone()).await.unwrap();
    }
    assert_eq!(read(scene, &id, &MEMORY).await, (256 << 20).to_string());
    assert_eq!(read(scene, &id, &QUOTA).await, "70000");
    assert_eq!(read(scene, &id, &CPUS).await, "0-1");
}

async fn a_status_shows_the_limits_of_now(scene: &Scene) {
    let (_pod, id) = limited(scene).await;
    let shown = async || scene.status(&id).await.resources.expect("resources").linux.expect("of Linux");
    let first = shown().await;
    assert_eq!((first.memory_limit_in_bytes, first.cpu_quota, first.cpu_shares), (128 << 20, 50_000, 512));
    update(scene, &id, some_limits().with(|limits| limits.memory_limit_in_bytes = 200 << 20)).await.unwrap();
    assert_eq!(shown().await.memory_limit_in_bytes, 200 << 20);
}

async fn what_a_change_does_not_name_stays(scene: &Scene) {
    let (_pod, id) = limited(scene).await;
    let only_cpu = LinuxContainerResources { cpu_quota: 20_000, cpu_period: 100_000, ..Default::default() };
    update(scene, &id, only_cpu).await.unwrap();
    assert_eq!(read(scene, &id, &QUOTA).await, "20000");
    assert_eq!(read(scene, &id, &MEMORY).await, (128 << 20).to_string());
    assert_eq!(read(scene, &id, &CPUS).await, "0");
}

async fn limits_of_a_created_container_can_be_changed(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &["forever"]).with(|config| *config.resources() = some_limits());
    let id = scene.create(&pod, config).await;
    update(scene, &id, some_limits().with(|limits| limits.memory_limit_in_bytes = 64 << 20)).await.unwrap();
    scene.start(&id).await;
    assert_eq!(read(scene, &id, &MEMORY).await, (64 << 20).to_string());
}

async fn an_exited_or_unknown_containers_limits_can_not_be_changed(scene: &Scene) {
    let pod = scene.pod().await;
    let ended = scene.run_to_end(&pod, scene.container("main", &["exit", "0"])).await.id;
    match update(scene, &ended, some_limits()).await {
        Err(refused) => assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}"),
        Ok(()) => assert!(scene.differs("resources::exited")),
    }
    let refused = update(scene, "0123456789abcdef", some_limits()).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused}");
}

async fn the_number_of_processes_is_limited(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &["forever"]).with(|config| {
        config.resources().unified.insert("pids.max".into(), "17".into());
    });
    let id = scene.run(&pod, config).await;
    assert_eq!(read(scene, &id, &Setting("pids/pids.max", "pids.max")).await, "17");
}

async fn a_pods_own_limits_are_changed(scene: &Scene) {
    let config = scene.pod_config("pod").with(|pod| pod.linux().resources = Some(some_limits()));
    let pod = scene.pod_of(config).await;
    let request = |memory| UpdatePodSandboxResourcesRequest {
        pod_sandbox_id: pod.id.clone(),
        overhead: None,
        resources: Some(some_limits().with(|limits| limits.memory_limit_in_bytes = memory)),
    };
    for _ in 0..2 {
        scene.runtime().update_pod_sandbox_resources(request(300 << 20)).await.unwrap();
    }
    let unknown = UpdatePodSandboxResourcesRequest { pod_sandbox_id: "0123456789abcdef".into(), ..request(1 << 20) };
    let refused = scene.runtime().update_pod_sandbox_resources(unknown).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused}");
}
