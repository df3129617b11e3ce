//! Images by pull policy.

use reprise_core::timeline::Happened;
use reprise_node::News;
use serde_json::json;
use tonic::Status;

use crate::harness::{Agent, pod, waiting};

fn with_image(image: &str, policy: &str) -> k8s_openapi::api::core::v1::Pod {
    pod(json!({"containers": [{"name": "main", "image": image, "imagePullPolicy": policy}]}))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_fails_is_shown_and_tried_again_until_it_works() {
    let mut agent = Agent::start().await;
    for _ in 0..2 {
        agent.runtime.fail_next("PullImage", Status::unknown("registry is down"));
    }
    agent.node.apply(with_image("missing:1", "IfNotPresent")).await.unwrap();
    let Happened::ImageFailed { reason, message, .. } = agent.happens("ImageFailed").await else { panic!() };
    assert_eq!(
        (reason.as_str(), message.as_str()),
        ("ErrImagePull", "Failed to pull image \"missing:1\": registry is down")
    );
    let failing = |s: &k8s_openapi::api::core::v1::PodStatus| {
        matches!(waiting(s, "main"), Some("ErrImagePull" | "ImagePullBackOff"))
    };
    agent.status("the container waits for its image", failing).await;
    agent.ready().await;
    assert_eq!(agent.runtime.count("PullImage missing:1"), 3);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_must_not_be_pulled_is_not() {
    let mut agent = Agent::start().await;
    agent.node.apply(with_image("missing:1", "Never")).await.unwrap();
    agent.status("it waits", |s| waiting(s, "main") == Some("ErrImageNeverPull")).await;
    assert_eq!(agent.runtime.count("PullImage missing:1"), 0);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_image_name_is_said_to_be_none() {
    let mut agent = Agent::start().await;
    agent.node.apply(with_image("Not An Image", "IfNotPresent")).await.unwrap();
    agent.status("it waits", |s| waiting(s, "main") == Some("InvalidImageName")).await;
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn always_pulls_although_the_image_is_there_and_events_tell() {
    let mut agent = Agent::start().await;
    agent.node.apply(with_image("busybox:1", "Always")).await.unwrap();
    let pulled = agent
        .next("the Event", |e| match &e.news {
            News::Event(event) if event.reason == "Pulled" => Some(event.clone()),
            _ => None,
        })
        .await;
    assert!(pulled.message.starts_with("Successfully pulled image \"busybox:1\" in "), "{}", pulled.message);
    assert_eq!(pulled.field_path.as_deref(), Some("spec.containers{main}"));
    agent.ready().await;
    assert_eq!(agent.runtime.count("PullImage busybox:1"), 1);
    agent.end().await;
}
