//! The collector at work.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::core::{DynamicObject, PartialObjectMeta};
use kube::runtime::watcher::{Config, Event};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::decision::{Action, Owner, Propagation, decide};
use super::graph::{Graph, Item};
use super::owners::Owners;
use crate::error::{Error, unless_gone};
use crate::kinds::{Kind, discover};
use crate::queue::{Queue, delay_after};

const AT_ONCE: usize = 16;
/// What has to be looked at again although nothing has changed: an owner that exists although the graph does not have it yet.
const LATER: Duration = Duration::from_secs(5);

/// Events are many and own nothing.
const LEFT_OUT: [&str; 1] = ["events"];

/// Deletes what nobody owns any more.
pub(crate) struct GarbageCollector {
    client: Client,
}

struct Collector {
    client: Client,
    kinds: Vec<Kind>,
    graph: Mutex<Graph>,
    owners: Owners,
    queue: Arc<Queue<String>>,
}

impl GarbageCollector {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Works for ever.
    pub(crate) async fn run(self) {
        let kinds = self.kinds().await;
        let collector = Arc::new(Collector {
            client: self.client,
            kinds,
            graph: Mutex::default(),
            owners: Owners::default(),
            queue: Queue::new(),
        });
        let mut tasks = JoinSet::new();
        let mut listed = Vec::new();
        for kind in collector.kinds.iter().filter(|kind| !LEFT_OUT.contains(&kind.resource.plural.as_str())) {
            let (tell, is_listed) = watch::channel(false);
            listed.push(is_listed);
            tasks.spawn(collector.clone().follow(kind.clone(), tell));
        }
        // An owner of a kind that is not known yet would have to be asked for.
        for mut is_listed in listed {
            // The watch has no end.
            let _ = is_listed.wait_for(|listed| *listed).await;
        }
        let queue = collector.queue.clone();
        queue.run(AT_ONCE, move |uid| collector.clone().look(uid).boxed()).await;
    }

    async fn kinds(&self) -> Vec<Kind> {
        for failures in 0.. {
            match discover(&self.client).await {
                Ok(kinds) => return kinds,
                Err(error) => {
                    let delay = delay_after(failures);
                    tracing::debug!("{error}; tried again in {delay:?}");
                    tokio::time::sleep(delay).await;
                }
            }
        }
        Vec::new()
    }
}

impl Collector {
    /// Keeps the graph as the API's objects of one kind are.
    async fn follow(self: Arc<Self>, kind: Kind, listed: watch::Sender<bool>) {
        let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(self.client.clone(), &kind.resource);
        let mut events = watcher(api, Config::default()).default_backoff().boxed();
        // UIDs: what a listing does not have any more is gone.
        let mut known: HashSet<String> = HashSet::new();
        let mut seen: Option<HashSet<String>> = None;
        while let Some(event) = events.next().await {
            let affected = match event {
                Ok(Event::Init) => {
                    seen = Some(HashSet::new());
                    Vec::new()
                }
                Ok(Event::InitApply(object) | Event::Apply(object)) => {
                    let Some(item) = Item::of(&kind.resource, &object.metadata) else { continue };
                    for uids in [Some(&mut known), seen.as_mut()].into_iter().flatten() {
                        uids.insert(item.uid.clone());
                    }
                    self.graph().put(item)
                }
                Ok(Event::Delete(object)) => {
                    let uid = object.metadata.uid.unwrap_or_default();
                    known.remove(&uid);
                    self.graph().remove(&uid)
                }
                Ok(Event::InitDone) => {
                    let seen = seen.take().unwrap_or_default();
                    let gone: Vec<String> = known.difference(&seen).cloned().collect();
                    known = seen;
                    listed.send_replace(true);
                    gone.iter().flat_map(|uid| self.graph().remove(uid)).collect()
                }
                Err(error) => {
                    tracing::debug!("{error}; watched again");
                    Vec::new()
                }
            };
            affected.into_iter().for_each(|uid| self.queue.add(uid));
        }
    }

    async fn look(self: Arc<Self>, uid: String) -> Result<Option<Duration>, Error> {
        let (item, action) = {
            let graph = self.graph();
            let Some(item) = graph.get(&uid).cloned() else { return Ok(None) };
            let action = decide(&item, &graph, |owner| self.owners.known(owner));
            (item, action)
        };
        match action {
            Action::Nothing => {}
            Action::AskFor(owners) => return self.ask(&item, owners).await,
            Action::LookAt(uids) => uids.into_iter().for_each(|uid| self.queue.add(uid)),
            Action::Delete(propagation) => self.delete(&item, propagation).await?,
            Action::Disown(owners) => self.disown(&item, &owners).await?,
            Action::Finalize(finalizer) => self.finalize(&item, finalizer).await?,
            Action::Orphan(dependents) => {
                for dependent in dependents {
                    let dependent = self.graph().get(&dependent).cloned();
                    if let Some(dependent) = dependent {
                        self.disown(&dependent, std::slice::from_ref(&item.uid)).await?;
                    }
                }
            }
        }
        Ok(None)
    }

    async fn ask(&self, item: &Item, owners: Vec<OwnerReference>) -> Result<Option<Duration>, Error> {
        let mut exists = false;
        for owner in &owners {
            let namespace = &item.key.namespace;
            let found = self.owners.ask(&self.client, &self.kinds, owner, namespace).await?;
            exists |= found && self.owners.known(owner) == Owner::Unknown;
        }
        // Its watch will bring the owner; until then there is nothing to be done.
        Ok(Some(if exists { LATER } else { Duration::ZERO }))
    }

    async fn delete(&self, item: &Item, propagation: Propagation) -> Result<(), Error> {
        // The version too: whoever gives it another owner meanwhile keeps it.
        let conditions = Preconditions { uid: Some(item.uid.clone()), resource_version: Some(item.version.clone()) };
        let parameters = match propagation {
            Propagation::Background => DeleteParams::background(),
            Propagation::Foreground => DeleteParams::foreground(),
            Propagation::Orphan => DeleteParams::orphan(),
        };
        let answer = self.api(item).delete(&item.key.name, &parameters.preconditions(conditions)).await;
        unless_gone(answer.map_err(Error::call("delete", self.name(item)))).map(|_| ())
    }

    async fn disown(&self, item: &Item, owners: &[String]) -> Result<(), Error> {
        let left: Vec<&OwnerReference> = item.owners.iter().filter(|owner| !owners.contains(&owner.uid)).collect();
        self.patch(item, "ownerReferences", json!(left)).await
    }

    async fn finalize(&self, item: &Item, finalizer: &str) -> Result<(), Error> {
        let left: Vec<&String> = item.finalizers.iter().filter(|own| *own != finalizer).collect();
        self.patch(item, "finalizers", json!(left)).await
    }

    /// Refused if the object has changed: then it is looked at again as it is.
    async fn patch(&self, item: &Item, field: &str, value: serde_json::Value) -> Result<(), Error> {
        let metadata = json!({"uid": item.uid, "resourceVersion": item.version, field: value});
        let patch = Patch::Merge(json!({ "metadata": metadata }));
        let answer = self.api(item).patch_metadata(&item.key.name, &PatchParams::default(), &patch).await;
        unless_gone(answer.map_err(Error::call("patch", self.name(item)))).map(|_| ())
    }

    fn api(&self, item: &Item) -> Api<DynamicObject> {
        if item.key.namespace.is_empty() {
            Api::all_with(self.client.clone(), &item.resource)
        } else {
            Api::namespaced_with(self.client.clone(), &item.key.namespace, &item.resource)
        }
    }

    fn name(&self, item: &Item) -> String {
        format!("{} {}", item.resource.kind, item.key)
    }

    fn graph(&self) -> MutexGuard<'_, Graph> {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
