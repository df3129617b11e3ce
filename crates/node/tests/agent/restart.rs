//! The in-place restart.

use reprise_core::defaults::set_defaults;
use reprise_core::step::Trigger;
use reprise_core::timeline::Happened;
use reprise_node::News;
use serde_json::json;

use crate::harness::{Agent, condition, container, key, watched_pod};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_new_epoch_is_created_before_all_of_the_old_is_gone() {
    let mut agent = Agent::start().await;
    agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    let before = agent.runtime.calls().len();
    agent.runtime.exit("watcher", 88);
    agent.happens("ContainersRemoved").await;
    let status = agent.ready().await;

    let calls = agent.runtime.calls().split_off(before);
    let first_create = calls.iter().position(|c| c.starts_with("CreateContainer")).unwrap();
    let mut termination = calls[..first_create].to_vec();
    termination.sort();
    assert_eq!(
        termination,
        ["RemoveContainer main@0", "RemoveContainer setup@0", "RemoveContainer watcher@0", "StopContainer main@0 0",]
    );
    assert_eq!(
        calls[first_create..],
        [
            "CreateContainer setup@1",
            "StartContainer setup@1",
            "CreateContainer watcher@1",
            "StartContainer watcher@1",
            "CreateContainer main@1",
            "StartContainer main@1",
        ]
    );
    assert_eq!(agent.runtime.state().sandboxes.len(), 1);
    for name in ["setup", "watcher", "main"] {
        assert_eq!(container(&status, name).restart_count, 1, "{name}");
    }
    let last = |name: &str| container(&status, name).last_state.clone().unwrap().terminated.unwrap();
    assert_eq!((last("watcher").exit_code, last("setup").exit_code), (88, 0));
    assert_eq!((last("main").exit_code, last("main").reason.as_deref()), (137, Some("RestartAllContainers")));
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_are_killed_side_by_side() {
    let mut agent = Agent::start().await;
    let mut pod = watched_pod();
    let more = json!({"name": "second", "image": "busybox:1"});
    pod.spec.as_mut().unwrap().containers.push(serde_json::from_value(more).unwrap());
    agent.node.apply(pod).await.unwrap();
    agent.ready().await;
    agent.runtime.hold("StopContainer");
    agent.runtime.exit("watcher", 88);
    agent
        .runtime
        .until("both are being killed", |s| s.called("StopContainer main@0 0") && s.called("StopContainer second@0 0"))
        .await;
    agent.runtime.release();
    agent.happens("ContainersRemoved").await;
    agent.ready().await;
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_see_the_condition_true_and_then_false_and_the_record_of_the_step() {
    let mut agent = Agent::start().await;
    agent.node.apply(watched_pod()).await.unwrap();
    let status = agent.ready().await;
    assert_eq!(condition(&status, "AllContainersRestarting"), Some("False"));
    agent.runtime.exit("watcher", 88);
    let restarting = |wanted: &'static str| {
        move |s: &k8s_openapi::api::core::v1::PodStatus| condition(s, "AllContainersRestarting") == Some(wanted)
    };
    agent.status("the condition is True", restarting("True")).await;
    agent.status("the condition is False", restarting("False")).await;
    let step = agent
        .next("the record", |e| match &e.news {
            News::Step(step) => Some(step.clone()),
            _ => None,
        })
        .await;
    assert_eq!(step.epoch, 1);
    assert!(
        matches!(&step.trigger, Trigger::ContainerExit { container, exit_code: 88, rule: 0 } if container == "watcher")
    );
    let millis = step.millis();
    let all = [millis.killed, millis.removed, millis.init_running, millis.main_running, millis.ready];
    assert!(all.iter().all(Option::is_some), "{millis:?}");

    let view = agent.node.pod(&key()).unwrap();
    assert_eq!(view.steps, [step]);
    let folder = agent.config.data_dir.join("pods").join(view.pod.metadata.uid.unwrap());
    let timeline = std::fs::read_to_string(folder.join("timeline.jsonl")).unwrap();
    assert_eq!(timeline.lines().filter(|l| l.starts_with("{\"step\"")).count(), 1);
    assert!(timeline.contains("\"event\":\"RestartStepped\""), "{timeline}");
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_container_is_killed_too_and_stays_ended() {
    let mut agent = Agent::start().await;
    let mut pod = watched_pod();
    set_defaults(&mut pod);
    agent.node.apply(pod).await.unwrap();
    agent.ready().await;
    let debug = json!({"name": "debug", "image": "busybox:1", "targetContainerName": "main"});
    agent.node.add_ephemeral(&key(), vec![serde_json::from_value(debug).unwrap()]).await.unwrap();
    agent.runtime.until("it runs", |s| s.called("StartContainer debug@none")).await;
    agent.runtime.exit("watcher", 88);
    agent.happens("ContainersRemoved").await;
    let status = agent.ready().await;
    assert!(agent.runtime.calls().contains(&"StopContainer debug@none 0".to_owned()));
    assert_eq!(agent.runtime.count("CreateContainer debug@none"), 1);
    assert!(container(&status, "debug").state.as_ref().unwrap().terminated.is_some());
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_annotation_restarts_on_demand_once() {
    let mut agent = Agent::start().await;
    agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    let at = jiff::Timestamp::now().to_string();
    agent.node.annotate(&key(), "reprise.dev/restart-at", &at).await.unwrap();
    let stepped = agent.happens("RestartStepped").await;
    assert!(matches!(stepped, Happened::RestartStepped { trigger: Trigger::Requested { .. } }));
    agent.ready().await;
    let mut agent = agent.crash_and_restart().await;
    agent.ready().await;
    assert_eq!(agent.node.pod(&key()).unwrap().ledger.epoch, 1);
    agent.end().await;
}
