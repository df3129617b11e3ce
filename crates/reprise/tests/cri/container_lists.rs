//! Lists of containers and their filters.

use reprise_cri::v1::*;

use crate::case::cases;
use crate::scene::Scene;

cases![
    containers_are_found_by_id_sandbox_state_and_labels,
    a_list_item_shows_what_the_container_was_given,
    a_list_is_streamed_in_pieces,
    a_list_may_be_larger_than_the_usual_limit_of_a_message,
];

async fn list(scene: &Scene, filter: ContainerFilter) -> Vec<Container> {
    let request = ListContainersRequest { filter: Some(filter) };
    let mut list = scene.runtime().list_containers(request).await.unwrap().into_inner().containers;
    list.sort_by(|one, other| one.id.cmp(&other.id));
    list
}

fn ids(list: &[Container]) -> Vec<String> {
    list.iter().map(|item| item.id.clone()).collect()
}

fn sorted(mut ids: Vec<&String>) -> Vec<String> {
    ids.sort();
    ids.into_iter().cloned().collect()
}

async fn containers_are_found_by_id_sandbox_state_and_labels(scene: &Scene) {
    let (one, two) = (scene.pod_of(scene.pod_config("one")).await, scene.pod_of(scene.pod_config("two")).await);
    let created = scene.create(&one, scene.container("created", &["forever"])).await;
    let running = scene.run(&one, scene.container("running", &["forever"])).await;
    let exited = scene.run_to_end(&one, scene.container("exited", &["exit", "1"])).await.id;
    let other = scene.run(&two, scene.container("running", &["forever"])).await;
    let of_pod = |id: &str| ContainerFilter { pod_sandbox_id: id.to_owned(), ..Default::default() };
    assert_eq!(ids(&list(scene, of_pod(&one.id)).await), sorted(vec![&created, &running, &exited]));
    assert_eq!(ids(&list(scene, of_pod(&two.id)).await), [other.as_str()]);
    for (state, id) in [
        (ContainerState::ContainerCreated, &created),
        (ContainerState::ContainerRunning, &running),
        (ContainerState::ContainerExited, &exited),
    ] {
        let filter = ContainerFilter { state: Some(ContainerStateValue { state: state.into() }), ..of_pod(&one.id) };
        let found = list(scene, filter).await;
        assert_eq!((ids(&found), found[0].state()), (vec![id.clone()], state));
    }
    let labels = ContainerFilter { label_selector: scene.labels("running"), ..Default::default() };
    assert_eq!(ids(&list(scene, labels.clone()).await), sorted(vec![&running, &other]));
    let both = ContainerFilter { pod_sandbox_id: two.id.clone(), ..labels };
    assert_eq!(ids(&list(scene, both).await), [other.as_str()]);
    let by_id = ContainerFilter { id: exited.clone(), ..Default::default() };
    assert_eq!(ids(&list(scene, by_id).await), [exited.as_str()]);
    assert_eq!(list(scene, ContainerFilter { id: "no-such".into(), ..Default::default() }).await, []);
    assert_eq!(list(scene, of_pod("no-such")).await, []);
}

async fn a_list_item_shows_what_the_container_was_given(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &["forever"]);
    let id = scene.run(&pod, config.clone()).await;
    let filter = ContainerFilter { id: id.clone(), ..Default::default() };
    let item = list(scene, filter).await.remove(0);
    let status = scene.status(&id).await;
    assert_eq!((item.pod_sandbox_id, item.metadata), (pod.id, config.metadata));
    assert_eq!((item.labels, item.annotations), (config.labels, config.annotations));
    assert_eq!((item.created_at, item.image_ref), (status.created_at, status.image_ref));
    assert_eq!(item.image, config.image);
}

async fn a_list_is_streamed_in_pieces(scene: &Scene) {
    let pod = scene.pod().await;
    let one = scene.create(&pod, scene.container("one", &["forever"])).await;
    let two = scene.run(&pod, scene.container("two", &["forever"])).await;
    let filter = Some(ContainerFilter { pod_sandbox_id: pod.id.clone(), ..Default::default() });
    let request = StreamContainersRequest { filter };
    let mut stream = scene.runtime().stream_containers(request).await.unwrap().into_inner();
    let mut streamed = Vec::new();
    while let Some(piece) = stream.message().await.unwrap() {
        streamed.extend(piece.containers);
    }
    streamed.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(ids(&streamed), sorted(vec![&one, &two]));
}

/// 5 MB of labels: more than gRPC's usual 4 MB.
async fn a_list_may_be_larger_than_the_usual_limit_of_a_message(scene: &Scene) {
    let pod = scene.pod().await;
    for number in 0..5 {
        let mut config = scene.container(&format!("c{number}"), &["forever"]);
        config.annotations.insert("example.com/large".into(), "x".repeat(1 << 20));
        scene.create(&pod, config).await;
    }
    let filter = ContainerFilter { pod_sandbox_id: pod.id.clone(), ..Default::default() };
    assert_eq!(list(scene, filter).await.len(), 5);
}
