//! What containers and sandboxes use.

use reprise_cri::v1::*;
use tonic::Code;

use crate::case::cases;
use crate::requests::{ContainerParts, With};
use crate::scene::{Pod, Scene, eventually};

cases![
    a_running_containers_use_is_measured,
    stats_are_found_by_id_sandbox_and_labels,
    an_unknown_containers_stats_are_not_found,
    a_sandboxes_stats_have_its_containers_and_network,
    sandbox_stats_are_found_by_id_and_labels,
    long_lists_are_streamed,
    metrics_have_descriptors_and_values_for_their_labels,
];

/// A Pod with a container that uses processor, memory and disk.
async fn busy(scene: &Scene) -> (Pod, String) {
    let pod = scene.pod().await;
    let steps = ["alloc-mib", "20", "burn-ms", "50", "write", "/tmp/file", "text", "print", "up", "forever"];
    let config = scene.container("main", &steps).with(|config| config.resources().memory_limit_in_bytes = 256 << 20);
    let path = scene.log_path(&pod, &config);
    let id = scene.run(&pod, config).await;
    scene.logged(&path, "up").await;
    (pod, id)
}

async fn stats(scene: &Scene, id: &str) -> Result<ContainerStats, tonic::Status> {
    let request = ContainerStatsRequest { container_id: id.to_owned() };
    Ok(scene.runtime().container_stats(request).await?.into_inner().stats.expect("stats"))
}

fn value(value: Option<UInt64Value>) -> u64 {
    value.expect("a value").value
}

async fn a_running_containers_use_is_measured(scene: &Scene) {
    let (_pod, id) = busy(scene).await;
    let measured = stats(scene, &id).await.unwrap();
    let attributes = measured.attributes.unwrap();
    assert_eq!((attributes.id, attributes.labels), (id.clone(), scene.labels("main")));
    assert_eq!(attributes.metadata.unwrap().name, "main");
    let cpu = measured.cpu.unwrap();
    assert!(cpu.timestamp > 0 && value(cpu.usage_core_nano_seconds) > 1_000_000, "it has computed");
    let memory = measured.memory.unwrap();
    assert!(value(memory.working_set_bytes) >= 20 << 20, "it holds 20 MiB");
    // What is on disk is counted now and then.
    let counted = async || {
        let layer = stats(scene, &id).await.unwrap().writable_layer?;
        (layer.used_bytes?.value > 0 && layer.inodes_used?.value > 0 && layer.timestamp > 0).then_some(())
    };
    eventually("the writable layer is counted", counted).await;
}

async fn stats_are_found_by_id_sandbox_and_labels(scene: &Scene) {
    let pod = scene.pod().await;
    let one = scene.run(&pod, scene.container("one", &["forever"])).await;
    let two = scene.run(&pod, scene.container("two", &["forever"])).await;
    let list = async |filter: ContainerStatsFilter| {
        let request = ListContainerStatsRequest { filter: Some(filter) };
        let stats = scene.runtime().list_container_stats(request).await.unwrap().into_inner().stats;
        let mut ids: Vec<_> = stats.into_iter().map(|stats| stats.attributes.unwrap().id).collect();
        ids.sort();
        ids
    };
    let mut both = vec![one.clone(), two.clone()];
    both.sort();
    let of_pod = ContainerStatsFilter { pod_sandbox_id: pod.id.clone(), ..Default::default() };
    assert_eq!(list(of_pod).await, both);
    assert_eq!(list(ContainerStatsFilter { id: one.clone(), ..Default::default() }).await, [one.as_str()]);
    let labels = ContainerStatsFilter { label_selector: scene.labels("two"), ..Default::default() };
    assert_eq!(list(labels).await, [two.as_str()]);
    let unknown = ContainerStatsFilter { id: "no-such".into(), ..Default::default() };
    assert!(list(unknown).await.is_empty());
}

async fn an_unknown_containers_stats_are_not_found(scene: &Scene) {
    let error = stats(scene, "0123456789abcdef").await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound, "{error}");
    let request = PodSandboxStatsRequest { pod_sandbox_id: "0123456789abcdef".into() };
    let error = scene.runtime().pod_sandbox_stats(request).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound, "{error}");
}

async fn a_sandboxes_stats_have_its_containers_and_network(scene: &Scene) {
    let (pod, id) = busy(scene).await;
    let request = PodSandboxStatsRequest { pod_sandbox_id: pod.id.clone() };
    let stats = scene.runtime().pod_sandbox_stats(request).await.unwrap().into_inner().stats.unwrap();
    assert_eq!(stats.attributes.unwrap().id, pod.id);
    let linux = stats.linux.unwrap();
    let containers: Vec<_> = linux.containers.iter().map(|c| c.attributes.as_ref().unwrap().id.clone()).collect();
    assert_eq!(containers, [id]);
    assert!(value(linux.cpu.unwrap().usage_core_nano_seconds) > 1_000_000);
    assert!(value(linux.memory.unwrap().working_set_bytes) >= 20 << 20);
    assert!(value(linux.process.unwrap().process_count) >= 1);
    assert_eq!(linux.network.unwrap().default_interface.unwrap().name, "eth0");
}

async fn sandbox_stats_are_found_by_id_and_labels(scene: &Scene) {
    let one = scene.pod_of(scene.pod_config("one")).await;
    let two = scene.pod_of(scene.pod_config("two")).await;
    let list = async |filter: PodSandboxStatsFilter| {
        let request = ListPodSandboxStatsRequest { filter: Some(filter) };
        let stats = scene.runtime().list_pod_sandbox_stats(request).await.unwrap().into_inner().stats;
        stats.into_iter().map(|stats| stats.attributes.unwrap().id).collect::<Vec<_>>()
    };
    let by_id = PodSandboxStatsFilter { id: one.id.clone(), ..Default::default() };
    assert_eq!(list(by_id).await, [one.id.as_str()]);
    let labels = PodSandboxStatsFilter { label_selector: scene.labels("two"), ..Default::default() };
    assert_eq!(list(labels).await, [two.id.as_str()]);
}

async fn long_lists_are_streamed(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    let request = StreamContainerStatsRequest { filter: None };
    let mut stream = scene.runtime().stream_container_stats(request).await.unwrap().into_inner();
    let piece = stream.message().await.unwrap().expect("a piece");
    assert_eq!(piece.container_stats[0].attributes.as_ref().unwrap().id, id);
    assert!(stream.message().await.unwrap().is_none());
    let request = StreamPodSandboxStatsRequest { filter: None };
    let mut stream = scene.runtime().stream_pod_sandbox_stats(request).await.unwrap().into_inner();
    let piece = stream.message().await.unwrap().expect("a piece");
    assert_eq!(piece.pod_sandbox_stats[0].attributes.as_ref().unwrap().id, pod.id);
    let request = StreamPodSandboxMetricsRequest {};
    let mut stream = scene.runtime().stream_pod_sandbox_metrics(request).await.unwrap().into_inner();
    let piece = stream.message().await.unwrap().expect("a piece");
    assert_eq!(piece.pod_sandbox_metrics[0].pod_sandbox_id, pod.id);
}

async fn metrics_have_descriptors_and_values_for_their_labels(scene: &Scene) {
    let (pod, id) = busy(scene).await;
    let descriptors = scene.runtime().list_metric_descriptors(ListMetricDescriptorsRequest {}).await.unwrap();
    let descriptors = descriptors.into_inner().descriptors;
    assert!(!descriptors.is_empty());
    let metrics = scene.runtime().list_pod_sandbox_metrics(ListPodSandboxMetricsRequest {}).await.unwrap();
    let metrics = metrics.into_inner().pod_metrics;
    assert_eq!(metrics.iter().map(|m| &m.pod_sandbox_id).collect::<Vec<_>>(), [&pod.id]);
    assert_eq!(metrics[0].container_metrics[0].container_id, id);
    let all = metrics[0].metrics.iter().chain(&metrics[0].container_metrics[0].metrics);
    for metric in all.clone() {
        let descriptor = descriptors.iter().find(|descriptor| descriptor.name == metric.name);
        let descriptor = descriptor.unwrap_or_else(|| panic!("{} has no descriptor", metric.name));
        assert_eq!(metric.label_values.len(), descriptor.label_keys.len(), "{metric:?} {descriptor:?}");
    }
    assert!(all.clone().any(|metric| metric.name == "container_memory_working_set_bytes"));
}
