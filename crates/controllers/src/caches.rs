//! The kinds that several controllers look at, each watched once.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod};
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use tokio::task::JoinSet;

use crate::cache::Cache;

/// What is known of the API's objects. Clones share it.
#[derive(Clone)]
pub(crate) struct Caches {
    pub(crate) pods: Cache<Pod>,
    pub(crate) nodes: Cache<Node>,
    pub(crate) namespaces: Cache<Namespace>,
    pub(crate) claims: Cache<PersistentVolumeClaim>,
    pub(crate) volumes: Cache<PersistentVolume>,
    pub(crate) jobs: Cache<Job>,
}

impl Caches {
    /// Empty ones.
    pub(crate) fn new() -> Self {
        Self {
            pods: Cache::new(),
            nodes: Cache::new(),
            namespaces: Cache::new(),
            claims: Cache::new(),
            volumes: Cache::new(),
            jobs: Cache::new(),
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
        watch!(pods, nodes, namespaces, claims, volumes, jobs);
    }
}
