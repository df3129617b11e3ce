//! All controllers, started and ended together.

use std::time::Duration;

use kube::Client;
use tokio::task::JoinSet;

use crate::caches::Caches;
use crate::claims::ClaimBinder;
use crate::garbage::GarbageCollector;
use crate::jobs::JobController;
use crate::jobsets::{JobSetController, JobSetMetrics};
use crate::namespaces;
use crate::nodes::{Eviction, NodeHealth};
use crate::pod_gc::PodCollector;
use crate::recorder::EventWriter;
use crate::scheduling::Scheduler;

/// What the controllers are told.
#[derive(Debug, Clone)]
pub struct Options {
    /// The certificates that clients of the API trust, as PEM: what each namespace's `kube-root-ca.crt` gets.
    pub root_ca: String,
    /// How old a node's lease may become before nothing is known of the node any more.
    pub node_grace: Duration,
    /// How many Pods that have ended are kept; the oldest beyond that are deleted.
    pub terminated_pods: usize,
    /// Counts how JobSets end.
    pub metrics: JobSetMetrics,
}

impl Options {
    /// What Kubernetes has as defaults, with these trusted certificates.
    #[must_use]
    pub fn new(root_ca: impl Into<String>) -> Self {
        Self {
            root_ca: root_ca.into(),
            node_grace: Duration::from_secs(40),
            terminated_pods: 12_500,
            metrics: JobSetMetrics::default(),
        }
    }
}

/// The controllers at work. Dropped, they end too.
#[derive(Debug)]
pub struct Controllers {
    tasks: JoinSet<()>,
}

impl Controllers {
    pub(crate) fn of(tasks: JoinSet<()>) -> Self {
        Self { tasks }
    }

    /// Ends all of them. They may be ended at any moment: what is half done, the next ones do to the end.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Starts all controllers against the API that `client` talks to, which need not answer yet: they try again until it does.
pub async fn start(client: Client, options: Options) -> Controllers {
    let mut tasks = JoinSet::new();
    let (caches, events) = (Caches::new(), EventWriter::new());
    let scheduler = Scheduler::new(client.clone(), &caches, events.recorder("default-scheduler"));
    tasks.spawn(scheduler.run(caches.clone()));
    let contents = namespaces::Contents::new(client.clone(), &caches, &options.root_ca);
    tasks.spawn(contents.run());
    let jobs = JobController::new(client.clone(), &caches, events.recorder("job-controller"));
    tasks.spawn(jobs.run());
    let (recorder, metrics) = (events.recorder("jobset-controller"), options.metrics);
    tasks.spawn(JobSetController::new(client.clone(), caches.of_job_sets(), recorder, metrics).run());
    tasks.spawn(namespaces::End::new(client.clone(), &caches).run());
    tasks.spawn(PodCollector::new(client.clone(), &caches, options.terminated_pods).run());
    tasks.spawn(GarbageCollector::new(client.clone()).run());
    let recorder = events.recorder("persistentvolume-controller");
    tasks.spawn(ClaimBinder::new(client.clone(), &caches, recorder).run());
    let recorder = events.recorder("node-controller");
    tasks.spawn(NodeHealth::new(client.clone(), &caches, recorder, options.node_grace).run());
    tasks.spawn(Eviction::new(client.clone(), &caches, events.recorder("taint-eviction-controller")).run());
    caches.watch(&client, &mut tasks);
    tasks.spawn(events.run(client));
    Controllers::of(tasks)
}
