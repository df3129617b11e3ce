//! The kinds that several controllers look at, each watched once.

mod lean_pod;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, Service};
use kube::runtime::watcher::Config;
use kube::{Api, Client, Resource};
use tokio::task::JoinSet;

use reprise_core::unset::{list, text};
use reprise_jobset::JobSet;

use crate::cache::{Cache, ObjectKey};
use crate::jobsets::Watched;

/// What is known of the API's objects. Clones share it.
#[derive(Clone)]
pub(crate) struct Caches {
    pub(crate) pods: Cache<Pod>,
    pub(crate) nodes: Cache<Node>,
    pub(crate) namespaces: Cache<Namespace>,
    pub(crate) claims: Cache<PersistentVolumeClaim>,
    pub(crate) volumes: Cache<PersistentVolume>,
    pub(crate) jobs: Cache<Job>,
    pub(crate) job_sets: Cache<JobSet>,
    pub(crate) services: Cache<Service>,
}

impl Caches {
    /// Empty ones.
    pub(crate) fn new() -> Self {
        Self {
            pods: Cache::lean(marks_of_pod, lean_pod::shed),
            nodes: Cache::new(),
            namespaces: Cache::new(),
            claims: Cache::new(),
            volumes: Cache::new(),
            jobs: Cache::lean(marks_of_controlled, |_| ()),
            job_sets: Cache::new(),
            services: Cache::new(),
        }
    }

    /// Watches all of them, each in a task.
    pub(crate) fn watch(&self, client: &Client, tasks: &mut JoinSet<()>) {
        macro_rules! watch {
            ($($cache:ident),*) => {
                $(
                    let (cache, api) = (self.$cache.clone(), Api::all(client.clone()));
                    tasks.spawn(async move { cache.run(api, Config::default()).await });
                )*
            };
        }
        watch!(pods, nodes, namespaces, claims, volumes, jobs, job_sets, services);
    }

    /// Those that JobSets are about.
    pub(crate) fn of_job_sets(&self) -> Watched {
        Watched {
            job_sets: self.job_sets.clone(),
            jobs: self.jobs.clone(),
            pods: self.pods.clone(),
            services: self.services.clone(),
            claims: self.claims.clone(),
        }
    }
}

/// The mark of what has a controller.
pub(crate) fn marks_of_controlled<K: Resource>(object: &K) -> Vec<String> {
    let mut owners = list(&object.meta().owner_references).iter();
    owners.find(|owner| owner.controller == Some(true)).map(|owner| controlled_by(&owner.uid)).into_iter().collect()
}

fn marks_of_pod(pod: &Pod) -> Vec<String> {
    let mut marks = vec![on_node(pod.spec.as_ref().map(|spec| text(&spec.node_name)).unwrap_or_default())];
    let owner = list(&pod.metadata.owner_references).iter().find(|owner| owner.controller == Some(true));
    if let Some(owner) = owner {
        marks.push(controlled_by(&owner.uid));
        let owner_key = ObjectKey::new(text(&pod.metadata.namespace), &owner.name);
        marks.push(controlled_by_name(&owner.kind, &owner_key));
    } else if !list(&pod.metadata.finalizers).is_empty() {
        marks.push(DISOWNED.to_owned());
    }
    marks
}

/// The mark of Pods with finalizers that no controller has.
pub(crate) const DISOWNED: &str = "disowned";

/// The mark of Pods on a node; with an empty name, of those that have none.
pub(crate) fn on_node(name: &str) -> String {
    format!("node {name}")
}

/// The mark of Pods whose controller has this UID.
pub(crate) fn controlled_by(uid: &str) -> String {
    format!("uid {uid}")
}

/// The mark of Pods whose controller is of this kind and has this name.
pub(crate) fn controlled_by_name(kind: &str, key: &ObjectKey) -> String {
    format!("{kind} {key}")
}
