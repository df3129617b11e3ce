//! The end of a namespace: what is in it goes, then its name is taken off `spec.finalizers`, and then it is gone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use kube::{Api, Client};
use reprise_core::unset::{list, text};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::cache::{Cache, ObjectKey};
use crate::caches::Caches;
use crate::error::{Error, unless_gone};
use crate::kinds::{Kind, discover};
use crate::queue::Queue;

const FINALIZER: &str = "kubernetes";
const AT_ONCE: usize = 4;
/// What is left of a namespace is looked at again after this time, beside each time that a Pod of it goes.
const PAUSE: Duration = Duration::from_secs(1);

/// Empties namespaces that are deleted.
pub(crate) struct End {
    client: Client,
    namespaces: Cache<Namespace>,
    pods: Cache<Pod>,
}

/// What is still there.
#[derive(Debug, Default, PartialEq)]
struct Left {
    /// How many objects of each resource.
    objects: BTreeMap<String, usize>,
    /// How many objects wait for each finalizer.
    finalizers: BTreeMap<String, usize>,
}

impl End {
    pub(crate) fn new(client: Client, caches: &Caches) -> Self {
        Self { client, namespaces: caches.namespaces.clone(), pods: caches.pods.clone() }
    }

    /// Works for ever.
    pub(crate) async fn run(self) {
        tokio::join!(self.namespaces.ready(), self.pods.ready());
        let (queue, mut tasks) = (Queue::new(), JoinSet::new());
        self.namespaces.enqueue(&mut tasks, &queue, |namespace| {
            let is_ending = namespace.metadata.deletion_timestamp.is_some();
            is_ending.then(|| ObjectKey::of(&**namespace)).into_iter().collect()
        });
        let namespaces = self.namespaces.clone();
        self.pods.enqueue(&mut tasks, &queue, move |pod| {
            let key = ObjectKey::new("", text(&pod.metadata.namespace));
            let is_ending = namespaces.get(&key).is_some_and(|own| own.metadata.deletion_timestamp.is_some());
            is_ending.then_some(key).into_iter().collect()
        });
        let own = Arc::new(self);
        queue.run(AT_ONCE, move |key| own.clone().empty(key).boxed()).await;
    }

    async fn empty(self: Arc<Self>, key: ObjectKey) -> Result<Option<Duration>, Error> {
        let Some(namespace) = self.namespaces.get(&key) else { return Ok(None) };
        let finalizers = namespace.spec.as_ref().map(|spec| list(&spec.finalizers)).unwrap_or_default();
        if namespace.metadata.deletion_timestamp.is_none() || !finalizers.iter().any(|own| own == FINALIZER) {
            return Ok(None);
        }
        let mut left = Left::default();
        for kind in discover(&self.client).await?.iter().filter(|kind| kind.is_namespaced) {
            self.empty_of(kind, &key.name, &mut left).await?;
        }
        if !left.objects.is_empty() {
            self.tell(&namespace, &left).await?;
            return Ok(Some(PAUSE));
        }
        let api: Api<Namespace> = Api::all(self.client.clone());
        let mut finalized = (*namespace).clone();
        finalized.spec.get_or_insert_default().finalizers.get_or_insert_default().retain(|own| own != FINALIZER);
        let answer = api.replace_subresource("finalize", &key.name, &PostParams::default(), &finalized).await;
        unless_gone(answer.map_err(Error::call("finalize", format!("Namespace {key}")))).map(|_| None)
    }

    /// Deletes all of one kind and counts what is left.
    async fn empty_of(&self, kind: &Kind, namespace: &str, left: &mut Left) -> Result<(), Error> {
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, &kind.resource);
        let what = || format!("{} in namespace {namespace}", kind.resource.plural);
        let list_all = async || api.list_metadata(&ListParams::default()).await.map_err(Error::call("list", what()));
        let objects = list_all().await?.items;
        if objects.is_empty() {
            return Ok(());
        }
        if kind.has_delete_collection {
            let answer = api.delete_collection(&DeleteParams::background(), &ListParams::default()).await;
            unless_gone(answer.map_err(Error::call("delete", what())))?;
        } else {
            for object in objects {
                let answer = api.delete(text(&object.metadata.name), &DeleteParams::background()).await;
                unless_gone(answer.map_err(Error::call("delete", what())))?;
            }
        }
        for object in list_all().await?.items {
            let group = &kind.resource.group;
            let dot = if group.is_empty() { "" } else { "." };
            *left.objects.entry(format!("{}{dot}{group}", kind.resource.plural)).or_default() += 1;
            for finalizer in object.metadata.finalizers.unwrap_or_default() {
                *left.finalizers.entry(finalizer).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Says what the namespace waits for, so that nobody has to wonder.
    async fn tell(&self, namespace: &Namespace, left: &Left) -> Result<(), Error> {
        let Some(conditions) = conditions(namespace, left, Timestamp::now()) else { return Ok(()) };
        let name = text(&namespace.metadata.name);
        let patch = Patch::Strategic(json!({"status": {"conditions": conditions}}));
        let api: Api<Namespace> = Api::all(self.client.clone());
        let answer = api.patch_status(name, &PatchParams::default(), &patch).await;
        unless_gone(answer.map_err(Error::call("patch", format!("the status of Namespace {name}")))).map(|_| ())
    }
}

/// The conditions that say so, if the namespace does not have them.
fn conditions(namespace: &Namespace, left: &Left, now: Timestamp) -> Option<Vec<Value>> {
    let parts = |counts: &BTreeMap<String, usize>, words: &str| {
        let parts: Vec<String> =
            counts.iter().map(|(name, count)| format!("{name} {words} {count} resource instances")).collect();
        parts.join(", ")
    };
    let contents = format!("Some resources are remaining: {}", parts(&left.objects, "has"));
    let mut wanted = vec![("NamespaceContentRemaining", "SomeResourcesRemain", contents)];
    if !left.finalizers.is_empty() {
        let message =
            format!("Some content in the namespace has finalizers remaining: {}", parts(&left.finalizers, "in"));
        wanted.push(("NamespaceFinalizersRemaining", "SomeFinalizersRemain", message));
    }
    let old = namespace.status.as_ref().map(|status| list(&status.conditions)).unwrap_or_default();
    let is_there = |(kind, _, message): &(&str, &str, String)| {
        old.iter().any(|own| own.type_ == *kind && own.status == "True" && text(&own.message) == message)
    };
    if wanted.iter().all(is_there) {
        return None;
    }
    let of = |(kind, reason, message)| json!({"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": Time(now)});
    Some(wanted.into_iter().map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_namespace_waits_for_is_told_once() {
        let left = Left {
            objects: BTreeMap::from([("pods".to_owned(), 2)]),
            finalizers: BTreeMap::from([("a/b".to_owned(), 1)]),
        };
        let mut namespace = Namespace::default();
        let told = conditions(&namespace, &left, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(told[0]["message"], "Some resources are remaining: pods has 2 resource instances");
        let finalizers = "Some content in the namespace has finalizers remaining: a/b in 1 resource instances";
        assert_eq!(told[1]["message"], finalizers);
        namespace.status = serde_json::from_value(json!({ "conditions": told })).unwrap();
        assert_eq!(conditions(&namespace, &left, Timestamp::UNIX_EPOCH), None);
    }
}
