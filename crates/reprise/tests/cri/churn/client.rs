//! One of the clients: makes Pods and containers, waits for their ends, and removes them.
//!
//! A call that got no answer is made again. What the first one may have done is looked up, as a kubelet does.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use reprise_cri::CriError;
use reprise_cri::v1::*;
use tonic::{Code, Status};

use super::{Churn, Dice};
use crate::scene::{LIMIT, Pod};

/// The code of containers that are killed: none of ours has it.
const KILLED: i32 = 137;

pub struct Client<'a> {
    churn: &'a Churn<'a>,
    dice: Dice,
}

/// Why a container was not made.
struct ShimGone;

impl<'a> Client<'a> {
    pub fn new(churn: &'a Churn<'a>, dice: Dice) -> Self {
        Self { churn, dice }
    }

    /// Pod after Pod, until there is nothing to do.
    pub async fn work(mut self) {
        while let Some(first) = self.churn.next() {
            let pod = self.pod().await;
            let mut next = Some(first);
            for _ in 0..1 + self.dice.below(8) {
                let Some(number) = next.take().or_else(|| self.churn.next()) else { break };
                if self.container(&pod, number).await.is_err() {
                    self.churn.given_up.set(self.churn.given_up.get() + 1);
                    break;
                }
            }
            let scene = self.churn.scene;
            if self.dice.below(2) == 0 {
                again("StopPodSandbox", async || scene.stop_pod(&pod.id).await).await;
            }
            again("RemovePodSandbox", async || scene.remove_pod(&pod.id).await).await;
        }
    }

    async fn pod(&self) -> Pod {
        let scene = self.churn.scene;
        let config = scene.pod_config("churn");
        let killed = || self.churn.killed.borrow().len();
        let before = Cell::new(killed());
        again("RunPodSandbox", async || match scene.try_pod(config.clone()).await {
            // Its shim was killed before it was there.
            Err(status) if before.replace(killed()) < killed() => Err(Status::unavailable(status.message())),
            Err(status) if status.code() == Code::AlreadyExists => {
                let all = scene.runtime().list_pod_sandbox(ListPodSandboxRequest { filter: None }).await?.into_inner();
                let mine = all.items.into_iter().find(|item| item.metadata == config.metadata);
                // It may be on its way out: a call that was cut off clears up.
                let id = mine.ok_or_else(|| Status::unavailable(status.message()))?.id;
                Ok(Pod { id, config: config.clone() })
            }
            made => made,
        })
        .await
    }

    /// One container from its creation to its removal.
    async fn container(&mut self, pod: &Pod, number: u32) -> Result<(), ShimGone> {
        let scene = self.churn.scene;
        // 1 to 120: neither success nor a signal's.
        let code = number % 120 + 1;
        let (text, pause) = (code.to_string(), self.dice.below(150).to_string());
        let ends_itself = self.dice.below(2) == 0;
        let steps: &[&str] = if ends_itself {
            &["sleep-ms", &pause, "exit", &text]
        } else {
            &["on-term", &text, "print", "up", "forever"]
        };
        let config = scene.container(&format!("c{number}"), steps);
        let log = scene.log_path(pod, &config);
        let id = self.create(pod, config).await?;
        let never_started = self.dice.below(10) == 0;
        if !never_started {
            self.start(&id).await;
            if !ends_itself {
                self.up(&id, &log).await;
                again("StopContainer", async || scene.stop(&id, 60).await).await;
            }
        }
        let status = if never_started { None } else { Some(self.exit(&id).await) };
        if let Some(status) = &status {
            self.account(pod, status, code as i32);
        }
        again("RemoveContainer", async || scene.remove(&id).await).await;
        self.churn.done.set(self.churn.done.get() + 1);
        Ok(())
    }

    async fn create(&self, pod: &Pod, config: ContainerConfig) -> Result<String, ShimGone> {
        let scene = self.churn.scene;
        let created = again("CreateContainer", async || match scene.try_create(pod, config.clone()).await {
            Err(status) if status.code() == Code::AlreadyExists => {
                let filter = ContainerFilter { pod_sandbox_id: pod.id.clone(), ..ContainerFilter::default() };
                let request = ListContainersRequest { filter: Some(filter) };
                let all = scene.runtime().list_containers(request).await?.into_inner().containers;
                let mine = all.into_iter().find(|container| container.metadata == config.metadata);
                Ok(Some(mine.ok_or_else(|| Status::unavailable(status.message()))?.id))
            }
            Err(status) if status.code() == Code::FailedPrecondition => Ok(None),
            created => created.map(Some),
        })
        .await;
        let created = created.ok_or(ShimGone);
        let was_killed = self.churn.killed.borrow().contains(&pod.id);
        assert!(created.is_ok() || was_killed, "sandbox {} is not ready, though nobody killed its shim", pod.id);
        created
    }

    /// Started, or ended meanwhile.
    async fn start(&self, id: &str) {
        let scene = self.churn.scene;
        again("StartContainer", async || match scene.try_start(id).await {
            Err(status) if status.code() == Code::FailedPrecondition => Ok(()),
            started => started,
        })
        .await;
    }

    /// Its program handles signals, or has ended with its shim.
    async fn up(&self, id: &str, log: &Path) {
        let scene = self.churn.scene;
        again("ContainerStatus", async || {
            let has_exited = scene.try_status(id).await?.state() == ContainerState::ContainerExited;
            let is_up = has_exited || crate::log::read(log).iter().any(|line| line.text == b"up");
            is_up.then_some(()).ok_or_else(|| Status::unavailable("it is not up"))
        })
        .await;
    }

    async fn exit(&self, id: &str) -> ContainerStatus {
        let scene = self.churn.scene;
        again("ContainerStatus", async || {
            let status = scene.try_status(id).await?;
            let has_exited = status.state() == ContainerState::ContainerExited;
            has_exited.then_some(status).ok_or_else(|| Status::unavailable("it has not exited"))
        })
        .await
    }

    fn account(&self, pod: &Pod, status: &ContainerStatus, code: i32) {
        if status.exit_code == code {
            return;
        }
        let by_shim = status.exit_code == KILLED && status.reason == "ShimDied";
        let was_killed = self.churn.killed.borrow().contains(&pod.id);
        assert!(by_shim && was_killed, "not {code}, shim killed: {was_killed}: {status:#?}");
        self.churn.lost.set(self.churn.lost.get() + 1);
    }
}

/// Makes a call until it is answered.
async fn again<T>(call: &'static str, make: impl AsyncFn() -> Result<T, Status>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        match make().await {
            Ok(answer) => return answer,
            Err(status) => {
                let is_away = CriError::from_status(call, "", &status).is_retryable();
                assert!(is_away && Instant::now() < end, "{call}: {status:?}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}
