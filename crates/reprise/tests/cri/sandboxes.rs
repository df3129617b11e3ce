//! Sandboxes: made, listed, stopped and removed.

use std::collections::HashMap;

use reprise_cri::v1::*;
use tonic::Code;

use crate::case::cases;
use crate::requests::{SandboxParts, With};
use crate::scene::{LABEL, Pod, Scene};

cases![
    a_sandbox_is_ready_with_an_address_and_what_it_was_given,
    sandboxes_are_found_by_id_state_and_labels,
    a_list_is_streamed_in_pieces,
    a_stopped_sandbox_is_not_ready_and_its_containers_have_exited,
    stopping_and_removing_twice_is_fine,
    removing_takes_running_containers_along,
    an_unknown_sandbox_is_not_found,
    the_same_name_and_attempt_is_refused_another_attempt_is_not,
    a_sandbox_needs_a_configuration_with_metadata,
    an_unknown_handler_is_refused,
    a_status_shows_the_containers_too,
    a_verbose_status_has_details,
    pods_on_the_hosts_network_have_no_address_of_their_own,
    an_id_may_be_shortened_as_long_as_it_is_the_only_one,
    the_parent_of_a_pods_cgroups_is_the_nodes_choice,
];

async fn list(scene: &Scene, filter: PodSandboxFilter) -> Vec<PodSandbox> {
    let request = ListPodSandboxRequest { filter: Some(filter) };
    scene.runtime().list_pod_sandbox(request).await.unwrap().into_inner().items
}

fn ids(list: &[PodSandbox]) -> Vec<&str> {
    list.iter().map(|item| item.id.as_str()).collect()
}

async fn a_sandbox_is_ready_with_an_address_and_what_it_was_given(scene: &Scene) {
    let config = scene.pod_config("pod").with(|pod| {
        pod.annotations.insert("example.com/note".into(), "a note".into());
        pod.metadata.as_mut().unwrap().attempt = 3;
    });
    let pod = scene.pod_of(config.clone()).await;
    let status = scene.pod_status(&pod.id).await;
    assert_eq!(status.state(), PodSandboxState::SandboxReady);
    assert_eq!((status.id.as_str(), &status.metadata), (pod.id.as_str(), &config.metadata));
    assert_eq!((&status.labels, &status.annotations), (&config.labels, &config.annotations));
    assert!(status.created_at > 1_700_000_000_000_000_000, "nanoseconds: {}", status.created_at);
    let address = status.network.unwrap().ip;
    let network = scene.subnet().replace(".0/24", ".");
    assert!(address.starts_with(&network), "{address} is not in {network}");
    let item = list(scene, PodSandboxFilter { id: pod.id.clone(), ..Default::default() }).await.remove(0);
    assert_eq!((item.state(), &item.metadata), (PodSandboxState::SandboxReady, &config.metadata));
    assert_eq!((item.labels, item.annotations), (config.labels, config.annotations));
}

async fn sandboxes_are_found_by_id_state_and_labels(scene: &Scene) {
    let one = scene.pod_of(scene.pod_config("one")).await;
    let two = scene.pod_of(scene.pod_config("two")).await;
    scene.stop_pod(&two.id).await.unwrap();
    let all = PodSandboxFilter { label_selector: labels(&[(LABEL, &scene.labels("")[LABEL])]), ..Default::default() };
    let mut both = [one.id.as_str(), two.id.as_str()];
    both.sort_unstable();
    let found = list(scene, all.clone()).await;
    let mut found = ids(&found);
    found.sort_unstable();
    assert_eq!(found, both);
    let of = |state: PodSandboxState| PodSandboxFilter {
        state: Some(PodSandboxStateValue { state: state.into() }),
        ..all.clone()
    };
    assert_eq!(ids(&list(scene, of(PodSandboxState::SandboxReady)).await), [&one.id]);
    assert_eq!(ids(&list(scene, of(PodSandboxState::SandboxNotready)).await), [&two.id]);
    let named = PodSandboxFilter { label_selector: scene.labels("two"), ..Default::default() };
    assert_eq!(ids(&list(scene, named.clone()).await), [&two.id]);
    let neither = PodSandboxFilter { id: one.id.clone(), ..named };
    assert_eq!(list(scene, neither).await, []);
    let unknown = PodSandboxFilter { id: "no-such-id".into(), ..Default::default() };
    assert_eq!(list(scene, unknown).await, []);
    let unfiltered = scene.runtime().list_pod_sandbox(ListPodSandboxRequest { filter: None }).await.unwrap();
    assert!(unfiltered.into_inner().items.iter().any(|item| item.id == one.id));
}

fn labels(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

async fn a_list_is_streamed_in_pieces(scene: &Scene) {
    let mut made = Vec::new();
    for name in ["one", "two", "three"] {
        made.push(scene.pod_of(scene.pod_config(name)).await.id);
    }
    let request = StreamPodSandboxesRequest { filter: None };
    let mut stream = scene.runtime().stream_pod_sandboxes(request).await.unwrap().into_inner();
    let mut streamed = Vec::new();
    while let Some(piece) = stream.message().await.unwrap() {
        streamed.extend(piece.pod_sandboxes.into_iter().map(|item| item.id));
    }
    made.sort();
    streamed.sort();
    assert_eq!(streamed, made);
    let filter = Some(PodSandboxFilter { label_selector: scene.labels("two"), ..Default::default() });
    let mut stream =
        scene.runtime().stream_pod_sandboxes(StreamPodSandboxesRequest { filter }).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().pod_sandboxes.len(), 1);
}

async fn a_stopped_sandbox_is_not_ready_and_its_containers_have_exited(scene: &Scene) {
    let pod = scene.pod().await;
    let stubborn = scene.run(&pod, scene.container("stubborn", &["ignore-term", "print", "up", "forever"])).await;
    let done = scene.container("done", &["exit", "7"]);
    let done = scene.run(&pod, done).await;
    scene.exit(&done).await;
    scene.stop_pod(&pod.id).await.unwrap();
    assert_eq!(scene.pod_status(&pod.id).await.state(), PodSandboxState::SandboxNotready);
    let killed = scene.status(&stubborn).await;
    assert_eq!((killed.state(), killed.exit_code), (ContainerState::ContainerExited, 137));
    assert_eq!(scene.status(&done).await.exit_code, 7, "what had ended before has its own code");
    assert!(scene.try_create(&pod, scene.container("late", &[])).await.is_err(), "nothing starts in it any more");
}

async fn stopping_and_removing_twice_is_fine(scene: &Scene) {
    let pod = scene.pod().await;
    for _ in 0..2 {
        scene.stop_pod(&pod.id).await.unwrap();
    }
    for _ in 0..2 {
        scene.remove_pod(&pod.id).await.unwrap();
    }
    scene.remove_pod("never-was").await.unwrap();
    if !scene.differs("sandboxes::stop-unknown") {
        scene.stop_pod(&pod.id).await.unwrap();
        scene.stop_pod("never-was").await.unwrap();
    }
}

async fn removing_takes_running_containers_along(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    scene.remove_pod(&pod.id).await.unwrap();
    assert_eq!(scene.try_pod_status(&pod.id).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(scene.try_status(&id).await.unwrap_err().code(), Code::NotFound);
}

async fn an_unknown_sandbox_is_not_found(scene: &Scene) {
    let unknown = || "0123456789abcdef".to_owned();
    let status = scene.try_pod_status(&unknown()).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status}");
    let pod = Pod { id: unknown(), config: scene.pod_config("pod") };
    let created = scene.try_create(&pod, scene.container("main", &[])).await.unwrap_err();
    assert_eq!(created.code(), Code::NotFound, "{created}");
    assert!(scene.try_pod_status("").await.is_err());
}

async fn the_same_name_and_attempt_is_refused_another_attempt_is_not(scene: &Scene) {
    let config = scene.pod_config("pod");
    scene.pod_of(config.clone()).await;
    let refused = scene.try_pod(config.clone()).await.err().expect("a second of the same name");
    let expected = if scene.differs("sandboxes::twin") { Code::Unknown } else { Code::AlreadyExists };
    assert_eq!(refused.code(), expected, "{refused}");
    scene.pod_of(config.with(|pod| pod.metadata.as_mut().unwrap().attempt = 1)).await;
}

async fn a_sandbox_needs_a_configuration_with_metadata(scene: &Scene) {
    let none = RunPodSandboxRequest::default();
    let refused = scene.runtime().run_pod_sandbox(none).await.unwrap_err();
    let expected = if scene.differs("requests::incomplete") { Code::Unknown } else { Code::InvalidArgument };
    assert_eq!(refused.code(), expected, "{refused}");
    let refused = scene.try_pod(scene.pod_config("pod").with(|pod| pod.metadata = None)).await.err().unwrap();
    assert_eq!(refused.code(), expected, "{refused}");
}

async fn an_unknown_handler_is_refused(scene: &Scene) {
    let config = scene.pod_config("pod");
    let request = RunPodSandboxRequest { config: Some(config), runtime_handler: "kata".into() };
    let refused = scene.runtime().run_pod_sandbox(request).await.unwrap_err();
    let expected = if scene.differs("requests::unknown-handler") { Code::Unknown } else { Code::InvalidArgument };
    assert_eq!(refused.code(), expected, "{refused}");
    assert!(refused.message().contains("kata"), "{refused}");
}

async fn a_status_shows_the_containers_too(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    let request = PodSandboxStatusRequest { pod_sandbox_id: pod.id.clone(), verbose: false };
    let answer = scene.runtime().pod_sandbox_status(request).await.unwrap().into_inner();
    let containers: Vec<_> = answer.containers_statuses.iter().map(|c| (c.id.clone(), c.state())).collect();
    assert_eq!(containers, [(id, ContainerState::ContainerRunning)]);
    assert!(answer.timestamp > 1_700_000_000_000_000_000, "of when it is: {}", answer.timestamp);
}

async fn a_verbose_status_has_details(scene: &Scene) {
    let pod = scene.pod().await;
    for verbose in [false, true] {
        let request = PodSandboxStatusRequest { pod_sandbox_id: pod.id.clone(), verbose };
        let answer = scene.runtime().pod_sandbox_status(request).await.unwrap().into_inner();
        assert_eq!(!answer.info.is_empty(), verbose);
        let Some(info) = answer.info.get("info") else { continue };
        let info: serde_json::Value = serde_json::from_str(info).unwrap();
        assert!(info["pid"].as_i64().unwrap() > 0, "a process that holds the namespaces: {info}");
    }
}

async fn pods_on_the_hosts_network_have_no_address_of_their_own(scene: &Scene) {
    let config = scene.pod_config("pod").with(|pod| {
        pod.namespaces().network = NamespaceMode::Node.into();
        pod.hostname.clear();
    });
    let pod = scene.pod_of(config).await;
    let status = scene.pod_status(&pod.id).await;
    assert_eq!(status.network.unwrap_or_default().ip, "");
    let options = status.linux.unwrap().namespaces.unwrap().options.unwrap();
    assert_eq!(options.network(), NamespaceMode::Node);
}

async fn an_id_may_be_shortened_as_long_as_it_is_the_only_one(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    // Two of a run are the same only by a rare chance.
    assert_eq!(scene.pod_status(&pod.id[..20]).await.id, pod.id);
    assert_eq!(scene.status(&id[..20]).await.id, id);
    let filter = PodSandboxFilter { id: pod.id[..20].to_owned(), ..Default::default() };
    assert_eq!(ids(&list(scene, filter).await), [&pod.id]);
}

async fn the_parent_of_a_pods_cgroups_is_the_nodes_choice(scene: &Scene) {
    let named = scene.pod_config("pod").with(|pod| pod.linux().cgroup_parent.push_str("/reprise-chosen/pod-1"));
    let pod = scene.pod_of(named).await;
    let groups = scene.report_of(&pod, &["cgroup", "cat", "/proc/1/cgroup"]).await;
    // From inside, the container's own group is the root; so what the host sees is asked.
    assert!(groups.lines().any(|line| line.contains("memory:/")), "{groups}");
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    let host = crate::process::host_pid(scene, &pod, &id).await;
    let seen = std::fs::read_to_string(format!("/proc/{host}/cgroup")).unwrap();
    let parent = &pod.config.linux.as_ref().unwrap().cgroup_parent;
    let below = format!(":memory:{parent}/{id}");
    assert!(seen.contains(&below) || seen.contains(&format!("::{parent}/{id}")), "{below} in {seen}");
    scene.stop_pod(&pod.id).await.unwrap();
    scene.remove_pod(&pod.id).await.unwrap();
    remove_groups(parent);
}

/// The parent is the node's to remove.
fn remove_groups(path: &str) {
    for hierarchy in std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
        let mut folder = hierarchy.path().join(path.trim_start_matches('/'));
        while folder.ends_with("pod-1") || folder.ends_with("reprise-chosen") {
            // In hierarchies where it is not, there is nothing to remove.
            std::fs::remove_dir(&folder).ok();
            folder.pop();
        }
    }
}
