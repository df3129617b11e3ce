//! What was decided, written to the API.

use std::fmt::Debug;
use std::sync::Arc;

use futures::future::join_all;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::Job;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Resource};
use reprise_core::unset::text;
use reprise_jobset::conditions::{self, Note as Told};
use reprise_jobset::decision::{Decision, Target, terminal_state};
use reprise_jobset::job::{NewJob, job, resumed};
use reprise_jobset::{JobSet, JobSetStatus};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::run::JobSetController;
use crate::cache::{Cache, ObjectKey};
use crate::error::{Error, unless_gone};
use crate::recorder::Note;

/// Jobs of one JobSet that are made, changed or deleted at once.
const WRITES: usize = 16;

impl JobSetController {
    /// Carries it out, in the decision's order.
    pub(super) async fn write(&self, set: &Arc<JobSet>, decision: Decision) -> Result<(), Error> {
        let Decision { delete, service, claims, create, suspend, resume, status, notes, delete_set, look_again: _ } =
            decision;
        in_parts(&delete, |job| self.delete_job(set, job)).await?;
        if let Some(service) = service {
            self.create(set, &service, &self.watched.services, "HeadlessServiceCreationFailed").await?;
        }
        for claim in claims {
            self.create(set, &claim, &self.watched.claims, "PVCCreationFailed").await?;
        }
        self.create_jobs(set, &create).await?;
        in_parts(&suspend, |job| self.suspend_job(set, job)).await?;
        in_parts(&resume, |job| self.resume_job(set, job)).await?;
        if let Some(status) = status {
            self.write_status(set, status).await?;
        }
        for note in notes {
            self.tell(set, note);
        }
        if delete_set { self.delete_set(set).await } else { Ok(()) }
    }

    /// Few at first: if one is refused, all others would be too.
    async fn create_jobs(&self, set: &Arc<JobSet>, new: &[NewJob]) -> Result<(), Error> {
        let (mut rest, mut size) = (new, 1);
        while !rest.is_empty() {
            let (part, others) = rest.split_at(size.min(rest.len()));
            in_parts(part, |new| async move {
                let Some(job) = job(set, *new) else { return Ok(()) };
                self.create(set, &job, &self.watched.jobs, "JobCreationFailed").await
            })
            .await?;
            (rest, size) = (others, (size * 2).min(WRITES * 4));
        }
        Ok(())
    }

    async fn create<K>(&self, set: &JobSet, object: &K, cache: &Cache<K>, refused: &str) -> Result<(), Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Serialize
            + DeserializeOwned
            + Debug
            + Send
            + Sync
            + 'static,
    {
        match self.api::<K>(set).create(&PostParams::default(), object).await {
            Ok(created) => {
                cache.wrote(created);
                Ok(())
            }
            Err(error) => {
                let key = ObjectKey::of(object);
                let error = Error::call("create", format!("{} {key}", K::kind(&())))(error);
                if error.code().is_some() {
                    self.recorder.tell(set, Note::warning(refused, error.to_string()));
                }
                Err(error)
            }
        }
    }

    async fn suspend_job(&self, set: &JobSet, job: &Target) -> Result<(), Error> {
        let off = Patch::Merge(json!({"metadata": {"uid": job.uid}, "spec": {"suspend": true}}));
        let answer = self.api::<Job>(set).patch(&job.name, &PatchParams::default(), &off).await;
        self.wrote(answer.map_err(Error::call("suspend", format!("Job {}", job.name))))
    }

    async fn resume_job(&self, set: &JobSet, target: &Target) -> Result<(), Error> {
        let (api, what) = (self.api::<Job>(set), format!("Job {}", target.name));
        let known = api.get(&target.name).await.map_err(Error::call("get", what.clone()));
        let Some(mut job) = unless_gone(known)?.filter(|job| text(&job.metadata.uid) == target.uid) else {
            return Ok(());
        };
        if let Some(status) = job.status.as_mut().filter(|status| status.start_time.is_some()) {
            // Where its Pods may run can be changed only of a Job that has not started.
            status.start_time = None;
            let answer = api.replace_status(&target.name, &PostParams::default(), &job).await;
            job = answer.map_err(Error::call("update", format!("the status of {what}")))?;
        }
        let answer = api.replace(&target.name, &PostParams::default(), &resumed(job, set)).await;
        self.wrote(answer.map_err(Error::call("resume", what)))
    }

    fn wrote(&self, answer: Result<Job, Error>) -> Result<(), Error> {
        unless_gone(answer)?.into_iter().for_each(|job| self.watched.jobs.wrote(job));
        Ok(())
    }

    async fn delete_job(&self, set: &JobSet, job: &Target) -> Result<(), Error> {
        let conditions = Preconditions { uid: Some(job.uid.clone()), resource_version: None };
        let parameters = DeleteParams::foreground().preconditions(conditions);
        let answer = self.api::<Job>(set).delete(&job.name, &parameters).await;
        let answer = unless_gone(answer.map_err(Error::call("delete", format!("Job {}", job.name))))?;
        answer.and_then(|answer| answer.left()).into_iter().for_each(|job| self.watched.jobs.wrote(job));
        Ok(())
    }

    async fn write_status(&self, set: &Arc<JobSet>, status: JobSetStatus) -> Result<(), Error> {
        let key = ObjectKey::of(&**set);
        let had_ended = set.status.as_ref().is_some_and(|status| conditions::finished(status).is_some());
        let end = terminal_state(&status).filter(|_| !had_ended);
        let mut next = (**set).clone();
        next.status = Some(status);
        // With its version: whatever another controller has written meanwhile is looked at first.
        let answer = self.api::<JobSet>(set).replace_status(&key.name, &PostParams::default(), &next).await;
        let answer = answer.map_err(Error::call("update", format!("the status of JobSet {key}")))?;
        self.watched.job_sets.wrote(answer);
        if let Some(end) = end {
            self.metrics.ended(&key, end == conditions::FAILED);
        }
        Ok(())
    }

    fn tell(&self, set: &JobSet, told: Told) {
        let Told { is_warning, reason, message } = told;
        let note = if is_warning { Note::warning(reason, message) } else { Note::normal(reason, message) };
        self.recorder.tell(set, note);
    }

    async fn delete_set(&self, set: &JobSet) -> Result<(), Error> {
        let conditions =
            Preconditions { uid: set.metadata.uid.clone(), resource_version: set.metadata.resource_version.clone() };
        let parameters = DeleteParams::foreground().preconditions(conditions);
        let key = ObjectKey::of(set);
        let answer = self.api::<JobSet>(set).delete(&key.name, &parameters).await;
        unless_gone(answer.map_err(Error::call("delete", format!("JobSet {key}")))).map(|_| ())
    }

    fn api<K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>>(&self, set: &JobSet) -> Api<K> {
        Api::namespaced(self.client.clone(), text(&set.metadata.namespace))
    }
}

/// Does `what` for all of them, some at once; the first error ends it after those that have begun.
async fn in_parts<'a, T, F: Future<Output = Result<(), Error>>>(
    all: &'a [T],
    what: impl Fn(&'a T) -> F,
) -> Result<(), Error> {
    for part in all.chunks(WRITES) {
        join_all(part.iter().map(&what)).await.into_iter().collect::<Result<(), Error>>()?;
    }
    Ok(())
}
