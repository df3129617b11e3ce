//! The Job controller at work.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use reprise_core::unset::{list, text};
use serde_json::json;
use tokio::task::JoinSet;

use super::decision::{Decision, PodRef, decide};
use super::population::{self, NewPod};
use super::{FINALIZER, template, ttl};
use crate::cache::{Cache, Change, ObjectKey};
use crate::caches::{Caches, DISOWNED, controlled_by, controlled_by_name};
use crate::error::{Error, unless_gone};
use crate::queue::Queue;
use crate::recorder::{Note, Recorder};

/// Jobs that are worked on at once.
const JOBS: usize = 8;
/// Pods of one Job that are made, changed or deleted at once.
const WRITES: usize = 16;
/// Pods that only become ready, or no more, are looked at together: a Job may have thousands that do.
const PAUSE: Duration = Duration::from_millis(100);
const UID_LABEL: &str = "batch.kubernetes.io/controller-uid";

/// Makes Pods for Jobs and counts what becomes of them.
pub(crate) struct JobController {
    client: Client,
    recorder: Recorder,
    jobs: Cache<Job>,
    pods: Cache<Pod>,
}

impl JobController {
    pub(crate) fn new(client: Client, caches: &Caches, recorder: Recorder) -> Self {
        let (jobs, pods) = (caches.jobs.clone(), caches.pods.clone());
        Self { client, recorder, jobs, pods }
    }

    /// Works for ever.
    pub(crate) async fn run(self) {
        tokio::join!(self.jobs.ready(), self.pods.ready());
        let (queue, mut tasks) = (Queue::new(), JoinSet::new());
        self.jobs.enqueue(&mut tasks, &queue, |job| vec![ObjectKey::of(&**job)]);
        let (of_pods, mut changes) = (queue.clone(), self.pods.subscribe());
        tasks.spawn(async move {
            while let Some(change) = changes.recv().await {
                let pause = if is_urgent(&change) { Duration::ZERO } else { PAUSE };
                let jobs = change.old.iter().chain(&change.new).filter_map(|pod| job_of(pod));
                jobs.for_each(|job| of_pods.add_after(job, pause));
            }
        });
        let own = Arc::new(self);
        queue.run(JOBS, move |key| own.clone().work(key).boxed()).await;
    }

    async fn work(self: Arc<Self>, key: ObjectKey) -> Result<Option<Duration>, Error> {
        let job = self.jobs.get(&key);
        self.release_orphans(&key, job.as_deref()).await?;
        let Some(job) = job else { return Ok(None) };
        let now = Timestamp::now();
        if let Some(left) = ttl::time_left(&job, now) {
            if left.is_zero() {
                self.delete_job(&job).await?;
                return Ok(None);
            }
            return self.carry_out(&job, now).await.map(|_| Some(population::unsigned(left)));
        }
        self.carry_out(&job, now).await
    }

    async fn carry_out(&self, job: &Arc<Job>, now: Timestamp) -> Result<Option<Duration>, Error> {
        let pods = self.pods.marked(&controlled_by(text(&job.metadata.uid)));
        let decision = decide(job, &pods.iter().map(|pod| &**pod).collect::<Vec<_>>(), now);
        let look_again = decision.look_again;
        let result = self.write(job, decision).await;
        if let Err(error) = &result
            && error.code().is_none()
        {
            // Whether it was done nobody said: what there is now must be known before anything else is made.
            self.look_at_pods(job).await?;
        }
        result.map(|()| look_again)
    }

    async fn write(&self, job: &Arc<Job>, decision: Decision) -> Result<(), Error> {
        let Decision { withdraw, delete, create, status, notes, release, look_again: _ } = decision;
        in_parts(withdraw, |pod| async move {
            self.release(&pod).await?;
            self.delete(job, &pod).await
        })
        .await?;
        in_parts(delete, |pod| async move { self.delete(job, &pod).await }).await?;
        // Few at first: if one is refused, all others would be too.
        let mut rest = create.as_slice();
        let mut size = 1;
        while !rest.is_empty() {
            let (part, others) = rest.split_at(size.min(rest.len()));
            in_parts(part.to_vec(), |new| async move { self.create(job, &new).await }).await?;
            (rest, size) = (others, (size * 2).min(WRITES * 4));
        }
        if let Some(status) = status {
            let mut next = (**job).clone();
            next.status = Some(status);
            let key = ObjectKey::of(&**job);
            let api: Api<Job> = Api::namespaced(self.client.clone(), &key.namespace);
            let answer = api.replace_status(&key.name, &PostParams::default(), &next).await;
            self.jobs.wrote(answer.map_err(Error::call("update", format!("the status of Job {key}")))?);
        }
        for note in notes {
            self.recorder.tell(&**job, note);
        }
        in_parts(release, |pod| async move { self.release(&pod).await }).await
    }

    async fn create(&self, job: &Arc<Job>, new: &NewPod) -> Result<(), Error> {
        let key = ObjectKey::of(&**job);
        match self.pod_api(&key).create(&PostParams::default(), &template::pod(job, new)).await {
            Ok(pod) => {
                let message = format!("Created pod: {}", text(&pod.metadata.name));
                self.recorder.tell(&**job, Note::normal("SuccessfulCreate", message));
                self.pods.wrote(pod);
                Ok(())
            }
            Err(error) => {
                if let kube::Error::Api(status) = &error {
                    let message = format!("Error creating: {}", status.message);
                    self.recorder.tell(&**job, Note::warning("FailedCreate", message));
                }
                Err(Error::call("create", format!("a Pod of Job {key}"))(error))
            }
        }
    }

    async fn delete(&self, job: &Arc<Job>, pod: &PodRef) -> Result<(), Error> {
        let conditions = Preconditions { uid: Some(pod.uid.clone()), resource_version: None };
        let parameters = DeleteParams::background().preconditions(conditions);
        let answer = self.pod_api(&pod.key).delete(&pod.key.name, &parameters).await;
        let answer = unless_gone(answer.map_err(Error::call("delete", format!("Pod {}", pod.key))))?;
        let message = format!("Deleted pod: {}", pod.key.name);
        self.recorder.tell(&**job, Note::normal("SuccessfulDelete", message));
        if let Some(pod) = answer.and_then(|answer| answer.left()) {
            self.pods.wrote(pod);
        }
        Ok(())
    }

    /// Takes the finalizer off.
    async fn release(&self, pod: &PodRef) -> Result<(), Error> {
        let off = json!({"metadata": {"uid": pod.uid, "$deleteFromPrimitiveList/finalizers": [FINALIZER]}});
        let api = self.pod_api(&pod.key);
        let answer = api.patch(&pod.key.name, &PatchParams::default(), &Patch::Strategic(off)).await;
        // Another Pod of that name has another UID, which the API refuses to change: it is gone too.
        let answer = match answer.map_err(Error::call("patch", format!("Pod {}", pod.key))) {
            Err(error) if error.code() == Some(409) => return Ok(()),
            answer => unless_gone(answer)?,
        };
        answer.into_iter().for_each(|pod| self.pods.wrote(pod));
        Ok(())
    }

    /// Nobody counts the Pods of a Job that is gone, one that had the name before `job` among them.
    async fn release_orphans(&self, key: &ObjectKey, job: Option<&Job>) -> Result<(), Error> {
        let named = self.pods.marked(&controlled_by_name("Job", key)).into_iter();
        let orphans = named.filter(|pod| job.is_none_or(|job| !is_controlled_by(pod, text(&job.metadata.uid))));
        // Those that were let go with their Job have no owner any more.
        let disowned = self.pods.marked(DISOWNED).into_iter().filter(|_| job.is_none());
        let tracked = orphans.chain(disowned).filter(|pod| is_tracked(pod));
        let pods = tracked.map(|pod| PodRef { key: ObjectKey::of(&*pod), uid: text(&pod.metadata.uid).to_owned() });
        in_parts(pods.collect(), |pod| async move { self.release(&pod).await }).await
    }

    async fn delete_job(&self, job: &Job) -> Result<(), Error> {
        let key = ObjectKey::of(job);
        let conditions =
            Preconditions { uid: job.metadata.uid.clone(), resource_version: job.metadata.resource_version.clone() };
        let api: Api<Job> = Api::namespaced(self.client.clone(), &key.namespace);
        let answer = api.delete(&key.name, &DeleteParams::foreground().preconditions(conditions)).await;
        unless_gone(answer.map_err(Error::call("delete", format!("Job {key}")))).map(|_| ())
    }

    async fn look_at_pods(&self, job: &Job) -> Result<(), Error> {
        let key = ObjectKey::of(job);
        let labels = format!("{UID_LABEL}={}", text(&job.metadata.uid));
        let pods = self.pod_api(&key).list(&ListParams::default().labels(&labels)).await;
        let pods = pods.map_err(Error::call("list", format!("the Pods of Job {key}")))?;
        pods.items.into_iter().for_each(|pod| self.pods.wrote(pod));
        Ok(())
    }

    fn pod_api(&self, key: &ObjectKey) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &key.namespace)
    }
}

/// The Job that controls the Pod. For one that only bears the mark of a Job a key that is no Job's.
fn job_of(pod: &Pod) -> Option<ObjectKey> {
    let namespace = text(&pod.metadata.namespace);
    let owner = list(&pod.metadata.owner_references).iter().find(|owner| owner.controller == Some(true));
    match owner {
        Some(owner) => (owner.kind == "Job").then(|| ObjectKey::new(namespace, &owner.name)),
        None => is_tracked(pod).then(|| ObjectKey::new(namespace, "")),
    }
}

/// Whether a Pod has come or gone, or has ended, or is to.
fn is_urgent(change: &Change<Pod>) -> bool {
    let (Some(old), Some(new)) = (&change.old, &change.new) else { return true };
    let has_ended = |pod: &Pod| {
        let phase = pod.status.as_ref().map(|status| text(&status.phase)).unwrap_or_default();
        ["Succeeded", "Failed"].contains(&phase)
    };
    old.metadata.uid != new.metadata.uid
        || old.metadata.deletion_timestamp != new.metadata.deletion_timestamp
        || old.metadata.finalizers != new.metadata.finalizers
        || has_ended(old) != has_ended(new)
}

fn is_tracked(pod: &Pod) -> bool {
    list(&pod.metadata.finalizers).iter().any(|own| own == FINALIZER)
}

fn is_controlled_by(pod: &Pod, uid: &str) -> bool {
    list(&pod.metadata.owner_references).iter().any(|owner| owner.controller == Some(true) && owner.uid == uid)
}

/// Does `what` for all of them, some at once; the first error ends it after those that have begun.
async fn in_parts<T: Clone, F: Future<Output = Result<(), Error>>>(
    all: Vec<T>,
    what: impl Fn(T) -> F,
) -> Result<(), Error> {
    for part in all.chunks(WRITES) {
        join_all(part.iter().cloned().map(&what)).await.into_iter().collect::<Result<(), Error>>()?;
    }
    Ok(())
}
