//! The JobSet controller at work.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use kube::{Client, Resource};
use reprise_core::unset::{list, text};
use reprise_jobset::JobSet;
use reprise_jobset::decision::{Seen, decide};
use reprise_jobset::in_place::Standing;
use reprise_jobset::network::subdomain;
use tokio::task::JoinSet;

use super::fleets::Fleets;
use super::metrics::JobSetMetrics;
use crate::cache::{Cache, Change, ObjectKey};
use crate::caches::controlled_by;
use crate::error::Error;
use crate::queue::Queue;
use crate::recorder::Recorder;

/// JobSets that are worked on at once.
const JOB_SETS: usize = 8;
/// Jobs that come and go are looked at together.
const PAUSE: Duration = Duration::from_millis(20);
/// So are those that only count their Pods anew.
const COUNTS_PAUSE: Duration = Duration::from_millis(100);

/// What is watched for JobSets.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) job_sets: Cache<JobSet>,
    /// Found by the UID of their controllers.
    pub(crate) jobs: Cache<Job>,
    pub(crate) pods: Cache<Pod>,
    pub(crate) services: Cache<Service>,
    pub(crate) claims: Cache<PersistentVolumeClaim>,
}

/// Makes Jobs for JobSets, and restarts them.
pub(crate) struct JobSetController {
    pub(super) client: Client,
    pub(super) recorder: Recorder,
    pub(super) watched: Watched,
    pub(super) metrics: JobSetMetrics,
    fleets: Fleets,
    /// When a JobSet's status was last written here, by UID.
    written: Mutex<HashMap<String, Timestamp>>,
}

impl JobSetController {
    pub(crate) fn new(client: Client, watched: Watched, recorder: Recorder, metrics: JobSetMetrics) -> Self {
        Self { client, recorder, watched, metrics, fleets: Fleets::default(), written: Mutex::default() }
    }

    /// Works for ever.
    pub(crate) async fn run(self) {
        let Watched { job_sets, jobs, pods, services, claims } = self.watched.clone();
        tokio::join!(job_sets.ready(), jobs.ready(), pods.ready(), services.ready(), claims.ready());
        let (queue, mut tasks, own) = (Queue::new(), JoinSet::new(), Arc::new(self));
        let mut changes = pods.subscribe();
        // What there is: no decision is to be made on a part of it.
        while let Ok(change) = changes.try_recv() {
            own.fleets.take_in(&change, &job_sets);
        }
        job_sets.enqueue(&mut tasks, &queue, |set| vec![ObjectKey::of(&**set)]);
        services.enqueue(&mut tasks, &queue, |service| set_of(&**service).into_iter().collect());
        let (of_jobs, mut changed_jobs) = (queue.clone(), jobs.subscribe());
        tasks.spawn(async move {
            while let Some(change) = changed_jobs.recv().await {
                if let Some(key) = change.newest().and_then(|job| set_of(&**job)) {
                    of_jobs.add_after(key, pause(&change));
                }
            }
        });
        let (of_pods, counting) = (queue.clone(), own.clone());
        tasks.spawn(async move {
            while let Some(change) = changes.recv().await {
                counting.fleets.take_in(&change, &job_sets).into_iter().for_each(|key| of_pods.add(key));
            }
        });
        queue.run(JOB_SETS, move |key| own.clone().work(key).boxed()).await;
    }

    async fn work(self: Arc<Self>, key: ObjectKey) -> Result<Option<Duration>, Error> {
        let Some(set) = self.watched.job_sets.get(&key) else { return Ok(None) };
        let uid = text(&set.metadata.uid);
        let jobs = self.watched.jobs.marked(&controlled_by(uid));
        let jobs: Vec<&Job> = jobs.iter().map(|job| &**job).collect();
        let pods = Standing::of(&set).map(|standing| self.fleets.tally(&set, standing.current));
        let service = subdomain(&set).map(|name| ObjectKey::new(key.namespace.clone(), name));
        let (now, claims) = (Timestamp::now(), self.claims(&set));
        let decision = decide(&Seen {
            set: &set,
            jobs: &jobs,
            pods: pods.as_ref(),
            has_service: service.is_some_and(|service| self.watched.services.get(&service).is_some()),
            claims: &claims,
            written: self.writes().get(uid).copied(),
            now,
        });
        let look_again = decision.look_again;
        let writes_status = decision.status.is_some();
        self.write(&set, decision).await?;
        if writes_status {
            self.note_write(uid, now);
        }
        Ok(look_again)
    }

    /// The names of the claims of a JobSet that shares some.
    fn claims(&self, set: &JobSet) -> HashSet<String> {
        let claims = reprise_jobset::claims(set).into_iter();
        let is_there = |claim: &PersistentVolumeClaim| self.watched.claims.get(&ObjectKey::of(claim)).is_some();
        claims.filter(is_there).filter_map(|claim| claim.metadata.name).collect()
    }

    fn note_write(&self, uid: &str, now: Timestamp) {
        let mut writes = self.writes();
        writes.insert(uid.to_owned(), now);
        let sets = self.watched.job_sets.all();
        if writes.len() > 2 * sets.len() + JOB_SETS {
            let there: HashSet<&str> = sets.iter().map(|set| text(&set.metadata.uid)).collect();
            writes.retain(|uid, _| there.contains(uid.as_str()));
        }
    }

    fn writes(&self) -> MutexGuard<'_, HashMap<String, Timestamp>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The JobSet that controls the object.
fn set_of<K: Resource>(object: &K) -> Option<ObjectKey> {
    let owners = list(&object.meta().owner_references);
    let owner = owners.iter().find(|owner| owner.controller == Some(true) && owner.kind == "JobSet")?;
    Some(ObjectKey::new(text(&object.meta().namespace), &owner.name))
}

/// How long a change of a Job can wait for others: thousands of Jobs may come, go or count their Pods at once.
fn pause(change: &Change<Job>) -> Duration {
    let conditions = |job: &Job| job.status.as_ref().map(|status| list(&status.conditions).len());
    match (&change.old, &change.new) {
        (Some(old), Some(new)) if conditions(old) != conditions(new) => Duration::ZERO,
        (Some(old), Some(new))
            if old.metadata.deletion_timestamp == new.metadata.deletion_timestamp
                && old.metadata.generation == new.metadata.generation =>
        {
            COUNTS_PAUSE
        }
        _ => PAUSE,
    }
}
