//! The stream of what happens to containers.

use std::time::Duration;

use reprise_cri::v1::*;
use tonic::Streaming;

use crate::case::cases;
use crate::scene::{LIMIT, Scene};

cases![each_change_is_told_in_order_with_the_state_of_its_moment, every_listener_hears_all, an_end_by_itself_is_told,];

async fn listen(scene: &Scene) -> Streaming<ContainerEventResponse> {
    scene.runtime().get_container_events(GetEventsRequest {}).await.unwrap().into_inner()
}

/// The next event about one of these.
async fn next(events: &mut Streaming<ContainerEventResponse>, ids: &[&str]) -> ContainerEventResponse {
    loop {
        let event = tokio::time::timeout(LIMIT, events.message()).await.expect("an event").unwrap().unwrap();
        if ids.contains(&event.container_id.as_str()) {
            return event;
        }
    }
}

async fn each_change_is_told_in_order_with_the_state_of_its_moment(scene: &Scene) {
    use ContainerEventType::*;
    let mut events = listen(scene).await;
    let pod = scene.pod().await;
    let id = scene.run(&pod, scene.container("main", &["forever"])).await;
    scene.stop(&id, 0).await.unwrap();
    scene.remove(&id).await.unwrap();
    scene.stop_pod(&pod.id).await.unwrap();
    scene.remove_pod(&pod.id).await.unwrap();
    let ids = [pod.id.as_str(), id.as_str()];
    let mut last = 0;
    for (of, kind, state) in [
        (0, ContainerCreatedEvent, None),
        (0, ContainerStartedEvent, None),
        (1, ContainerCreatedEvent, Some(ContainerState::ContainerCreated)),
        (1, ContainerStartedEvent, Some(ContainerState::ContainerRunning)),
        (1, ContainerStoppedEvent, Some(ContainerState::ContainerExited)),
        (1, ContainerDeletedEvent, None),
        (0, ContainerStoppedEvent, None),
        (0, ContainerDeletedEvent, None),
    ] {
        let event = next(&mut events, &ids).await;
        assert_eq!((event.container_id.as_str(), event.container_event_type()), (ids[of], kind));
        assert!(event.created_at >= last, "later events are not older");
        last = event.created_at;
        let sandbox = event.pod_sandbox_status.expect("the sandbox's status");
        assert_eq!(sandbox.id, pod.id);
        if let Some(state) = state {
            let states: Vec<_> = event.containers_statuses.iter().map(ContainerStatus::state).collect();
            assert_eq!(states, [state], "{kind:?}");
        }
    }
}

async fn every_listener_hears_all(scene: &Scene) {
    let mut listeners = [listen(scene).await, listen(scene).await, listen(scene).await];
    let pod = scene.pod().await;
    for events in &mut listeners {
        let first = next(events, &[&pod.id]).await;
        assert_eq!(first.container_event_type(), ContainerEventType::ContainerCreatedEvent);
    }
    drop(listeners);
    let mut late = listen(scene).await;
    let silent = tokio::time::timeout(Duration::from_millis(50), next(&mut late, &[&pod.id])).await;
    assert!(silent.is_err(), "what was before is not told: {silent:?}");
}

async fn an_end_by_itself_is_told(scene: &Scene) {
    let pod = scene.pod().await;
    let id = scene.create(&pod, scene.container("main", &["exit", "9"])).await;
    let mut events = listen(scene).await;
    scene.start(&id).await;
    let started = next(&mut events, &[&id]).await;
    assert_eq!(started.container_event_type(), ContainerEventType::ContainerStartedEvent);
    let stopped = next(&mut events, &[&id]).await;
    assert_eq!(stopped.container_event_type(), ContainerEventType::ContainerStoppedEvent);
    assert_eq!(stopped.containers_statuses[0].exit_code, 9);
}
